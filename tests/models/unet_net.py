"""A U-Net: four levels down, four up by transposed convolutions, each level joined across.

Input N x 3 x H x W with sides divisible by 16; output N x 2 x H x W, the probability of each class.
"""

import torch
from torch import nn


def double_conv(in_channels, out_channels):
    layers = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1, bias=False),
                   nn.BatchNorm2d(out_channels), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, width=32, levels=4, classes=2):
        super().__init__()
        widths = [width << level for level in range(levels + 1)]
        self.down = nn.ModuleList(map(double_conv, [3, *widths[:-2]], widths[:-1]))
        self.pool = nn.MaxPool2d(2)
        self.bottom = double_conv(widths[-2], widths[-1])
        upward = widths[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, stride=2)
                                for wide, narrow in zip(upward, upward[1:]))
        self.join = nn.ModuleList(double_conv(2 * narrow, narrow) for narrow in upward[1:])
        self.classes = nn.Conv2d(width, classes, 1)

    def set_weights(self):
        """He for the transposed convolutions too; four pixels share each of their inputs."""
        for layer in self.up:
            nn.init.normal_(layer.weight, 0, layer.in_channels ** -0.5)
            nn.init.normal_(layer.bias, 0, 0.1)

    def forward(self, x):
        crossing = []
        for level in self.down:
            x = level(x)
            crossing.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([crossing.pop(), up(x)], 1))
        return self.classes(x).sigmoid()
