"""The classic CRNN for reading a line of text: 7 convolutions, then 2 bidirectional LSTMs.

Input N x 1 x 32 x W, output T x N x 37 with T = W / 4 + 1 (26 for W = 100).
"""

from torch import nn


def conv(in_channels, out_channels, kernel, norm, padding=1):
    layers = [nn.Conv2d(in_channels, out_channels, kernel, padding=padding)]
    if norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.ReLU())


class Crnn(nn.Module):
    def __init__(self, classes=37):
        super().__init__()
        self.features = nn.Sequential(
            conv(1, 64, 3, False), nn.MaxPool2d(2, 2),
            conv(64, 128, 3, False), nn.MaxPool2d(2, 2),
            conv(128, 256, 3, True), conv(256, 256, 3, False),
            nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
            conv(256, 512, 3, True), conv(512, 512, 3, False),
            nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
            conv(512, 512, 2, True, padding=0))
        self.lstm1 = nn.LSTM(512, 256, bidirectional=True)
        self.join1 = nn.Linear(512, 256)
        self.lstm2 = nn.LSTM(256, 256, bidirectional=True)
        self.join2 = nn.Linear(512, classes)

    def set_weights(self):
        """Recurrent weights orthogonal, so that the state lives through the sequence."""
        for lstm in (self.lstm1, self.lstm2):
            for name, weight in lstm.named_parameters():
                if name.startswith("weight_ih"):
                    nn.init.xavier_normal_(weight, gain=2)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(weight)
                else:
                    nn.init.normal_(weight, 0, 0.2)

    def forward(self, x):
        columns = self.features(x).squeeze(2).permute(2, 0, 1)
        columns = self.join1(self.lstm1(columns)[0])
        return self.join2(self.lstm2(columns)[0])
