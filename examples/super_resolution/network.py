"""The sub-pixel network of the PyTorch super-resolution tutorial, for enlarging luma 3 times."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from photograph import SCALE


class SuperResolutionNet(nn.Module):
    """5x5 1->64, 3x3 64->64, 3x3 64->32, 3x3 32->9, PixelShuffle(3); ReLU between."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv4 = nn.Conv2d(32, SCALE * SCALE, 3, padding=1)
        self.shuffle = nn.PixelShuffle(SCALE)

    def forward(self, x):
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(x))
        x = functional.relu(self.conv3(x))
        return self.shuffle(self.conv4(x))


def set_initial_weights(net):
    """Channel 0 hands the picture through unchanged and conv4 enlarges it bilinearly.

    The other channels start random (He) and silent, so training begins near an ordinary
    enlargement and spends its time on what that gets wrong.
    """
    with torch.no_grad():
        for conv in (net.conv1, net.conv2, net.conv3):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
            conv.weight[0] = 0
            center = conv.kernel_size[0] // 2
            conv.weight[0, 0, center, center] = 1
        net.conv4.weight.normal_(0, 1e-3)
        net.conv4.bias.zero_()
        offsets = (np.arange(SCALE) - SCALE // 2) / SCALE
        taps = np.maximum(0, 1 - np.abs(offsets[:, None] - np.array([-1, 0, 1])[None]))
        kernels = np.einsum("iy,jx->ijyx", taps, taps).reshape(SCALE * SCALE, 3, 3)
        net.conv4.weight[:, 0] = torch.from_numpy(kernels).float()
