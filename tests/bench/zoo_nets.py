#!/usr/bin/python3
"""Exports the networks of zoo.toml from PyTorch to ONNX, with random weights.

  zoo_nets.py --cache DIR [--only NAME]     what exists already is not made again

Writes DIR/zoo/NAME/model.onnx. Most are torchvision's; those below have in few layers what whole
families of networks are made of. Runs with Debian's python3-torch and python3-torchvision.
"""

import argparse
import math
import os
import sys
import tomllib
import warnings
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
from cases import DEFAULT_CACHE, stop, write_then_rename  # noqa: E402

try:
    import torch
    import torchvision
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    stop("zoo_nets.py", f"Python module missing: {error.name}",
         "Run scripts/install.sh torch, and this script with /usr/bin/python3.")

OPSET = 16
DTYPES = {"float32": torch.float32, "int64": torch.int64}


def attend(q, k, v, heads, mask=None):
    """[N, T, C] in heads, as most write it: scores, softmax, values."""
    def split(x):
        return x.reshape(x.shape[0], -1, heads, x.shape[-1] // heads).transpose(1, 2)
    q, k, v = split(q), split(k), split(v)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores if mask is None else scores + mask, -1)
    return (weights @ v).transpose(1, 2).reshape(q.shape[0], -1, heads * v.shape[-1])


class LeNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                         nn.Linear(84, 10), nn.Softmax(1))


class AutoEncoder(nn.Sequential):
    def __init__(self):
        def down(channels, more):
            return [nn.Conv2d(channels, more, 4, 2, 1), nn.ELU()]

        def up(channels, fewer):
            return [nn.ConvTranspose2d(channels, fewer, 4, 2, 1), nn.ELU()]
        layers = down(3, 32) + down(32, 64) + down(64, 128) + up(128, 64) + up(64, 32) + up(32, 3)
        super().__init__(*layers[:-1], nn.Sigmoid())


class Dcgan(nn.Sequential):
    """The generator: a picture of 64 x 64 from 100 numbers."""

    def __init__(self):
        widths = [100, 512, 256, 128, 64]
        layers = []
        for stage, (channels, fewer) in enumerate(zip(widths, widths[1:])):
            stride, pad = (2, 1) if stage else (1, 0)
            layers += [nn.ConvTranspose2d(channels, fewer, 4, stride, pad, bias=False),
                       nn.BatchNorm2d(fewer), nn.ReLU()]
        super().__init__(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh())


class UNet3d(nn.Module):
    """Of medical pictures: 3-d convolutions, instance norms, poolings between them."""

    def __init__(self):
        super().__init__()

        def step(channels, out):
            return nn.Sequential(nn.Conv3d(channels, out, 3, padding=1),
                                 nn.InstanceNorm3d(out, affine=True), nn.LeakyReLU(0.01))
        self.first, self.second, self.bottom = step(1, 16), step(16, 32), step(32, 64)
        self.up2, self.join2 = nn.ConvTranspose3d(64, 32, 2, 2), step(64, 32)
        self.up1, self.join1 = nn.ConvTranspose3d(32, 16, 2, 2), step(32, 16)
        self.classes = nn.Conv3d(16, 3, 1)

    def forward(self, x):
        first = self.first(x)
        second = self.second(F.max_pool3d(first, 2))
        x = self.bottom(F.max_pool3d(second, 2))
        x = self.join2(torch.cat([self.up2(x), second], 1))
        return self.classes(self.join1(torch.cat([self.up1(x), first], 1)))


class ChannelsLast(nn.Module):
    """As converters from TensorFlow write it: transposes around convolutions, scale and shift of
    channels behind them."""

    def __init__(self):
        super().__init__()
        sizes = [(3, 32, 3, 2, 1), (32, 32, 3, 1, 32), (32, 64, 1, 1, 1), (64, 64, 3, 2, 64),
                 (64, 128, 1, 1, 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, out, size, stride, size // 2, groups=groups)
            for channels, out, size, stride, groups in sizes)
        self.shifts = nn.ParameterList(nn.Parameter(torch.randn(size[1])) for size in sizes)
        self.classes = nn.Linear(128, 10)

    def forward(self, x):
        for convolution, shift in zip(self.convolutions, self.shifts):
            x = convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            x = F.relu6(x * 1.5 + shift)
        return self.classes(x.mean((1, 2)))


class SegFormer(nn.Module):
    """Attention of two heads between all pixels and a few, depthwise convolutions between."""

    def __init__(self, width=64, blocks=2, ratio=4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 7, 4, 3)
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "norm": nn.LayerNorm(width), "norm_keys": nn.LayerNorm(width),
            "norm_mlp": nn.LayerNorm(width), "q": nn.Linear(width, width),
            "k": nn.Linear(width, width), "v": nn.Linear(width, width),
            "reduce": nn.Conv2d(width, width, ratio, ratio), "out": nn.Linear(width, width),
            "wide": nn.Linear(width, 4 * width), "narrow": nn.Linear(4 * width, width),
            "depthwise": nn.Conv2d(4 * width, 4 * width, 3, 1, 1, groups=4 * width),
        }) for _ in range(blocks))
        self.classes = nn.Conv2d(width, 19, 1)

    def forward(self, x):
        x = self.patches(x)
        height, width = x.shape[2:]

        def picture(rows):
            return rows.transpose(1, 2).reshape(rows.shape[0], -1, height, width)
        x = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            y = block["norm"](x)
            few = block["norm_keys"](block["reduce"](picture(y)).flatten(2).transpose(1, 2))
            x = x + block["out"](attend(block["q"](y), block["k"](few), block["v"](few), 2))
            y = block["depthwise"](picture(block["wide"](block["norm_mlp"](x))))
            x = x + block["narrow"](F.gelu(y.flatten(2).transpose(1, 2)))
        return F.interpolate(self.classes(picture(x)), scale_factor=4, mode="bilinear",
                             align_corners=False)


class BmmAttention(nn.Module):
    """Heads among the items, the product by baddbmm: as diffusers has it."""

    def __init__(self, width, keys_width, heads=8):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(keys_width, width, bias=False)
        self.v = nn.Linear(keys_width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x, context):
        batch, rows, width = x.shape
        size = width // self.heads

        def split(y):
            y = y.reshape(batch, -1, self.heads, size).permute(0, 2, 1, 3)
            return y.reshape(batch * self.heads, -1, size)
        q, k, v = split(self.q(x)), split(self.k(context)), split(self.v(context))
        nothing = torch.empty(q.shape[0], q.shape[1], k.shape[1])
        scores = torch.baddbmm(nothing, q, k.transpose(-1, -2), beta=0, alpha=size ** -0.5)
        y = torch.bmm(torch.softmax(scores, -1), v).reshape(batch, self.heads, rows, size)
        return self.out(y.permute(0, 2, 1, 3).reshape(batch, rows, width))


class DiffusionBlock(nn.Module):
    """A block of a diffusion network: residual convolutions, attention to itself and to a text."""

    def __init__(self, width=128, text=256):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(2))
        self.norms = nn.ModuleList(nn.GroupNorm(32, width) for _ in range(3))
        self.time = nn.Linear(320, width)
        self.rows_in, self.rows_out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.layer_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.itself, self.text = BmmAttention(width, width), BmmAttention(width, text)
        self.wide, self.narrow = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, x, time, text):
        y = self.convolutions[0](F.silu(self.norms[0](x)))
        y = y + self.time(F.silu(time))[:, :, None, None]
        x = x + self.convolutions[1](F.silu(self.norms[1](y)))
        rows = self.rows_in(self.norms[2](x)).flatten(2).transpose(1, 2)
        y = self.layer_norms[0](rows)
        rows = rows + self.itself(y, y)
        rows = rows + self.text(self.layer_norms[1](rows), text)
        value, gate = self.wide(self.layer_norms[2](rows)).chunk(2, -1)
        rows = rows + self.narrow(value * F.gelu(gate))
        return x + self.rows_out(rows.transpose(1, 2).reshape(x.shape))


class TableTransformer(nn.Module):
    """A token for each column of a table, many rows at once."""

    def __init__(self, columns=20, width=32, blocks=3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns, width))
        self.bias = nn.Parameter(torch.randn(columns, width))
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "norm": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width),
            "out": nn.Linear(width, width), "mlp": nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(),
                nn.Linear(2 * width, width)),
        }) for _ in range(blocks))
        self.classes = nn.Linear(width, 2)

    def forward(self, x):
        x = x[:, :, None] * self.weight + self.bias
        for block in self.blocks:
            qkv = block["qkv"](block["norm"](x))
            qkv = qkv.view(x.shape[0], x.shape[1], 3, 4, 8).permute(2, 0, 3, 1, 4)
            q, k, v = qkv.unbind(0)
            weights = torch.softmax(q @ k.transpose(-1, -2) / 8 ** 0.5, -1)
            x = x + block["out"]((weights @ v).transpose(1, 2).reshape(x.shape))
            x = x + block["mlp"](x)
        return self.classes(x.mean(1))


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Llama(nn.Module):
    """One step of a decoder with grouped heads, rotated positions and a cache."""

    def __init__(self, width=512, heads=8, groups=2, blocks=4, words=8000):
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, width // heads
        small = groups * self.size
        self.words = nn.Embedding(words, width)
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "norm": RmsNorm(width), "norm_mlp": RmsNorm(width),
            "q": nn.Linear(width, width, bias=False), "k": nn.Linear(width, small, bias=False),
            "v": nn.Linear(width, small, bias=False), "out": nn.Linear(width, width, bias=False),
            "gate": nn.Linear(width, 1376, bias=False), "up": nn.Linear(width, 1376, bias=False),
            "down": nn.Linear(1376, width, bias=False),
        }) for _ in range(blocks))
        self.norm, self.head = RmsNorm(width), nn.Linear(width, words, bias=False)
        steps = torch.arange(0, self.size, 2).float() / self.size
        self.register_buffer("frequencies", 1 / 10000 ** steps)

    def rotated(self, x, angles):
        low, high = x.chunk(2, -1)
        return x * angles.cos()[:, None] + torch.cat([-high, low], -1) * angles.sin()[:, None]

    def forward(self, ids, positions, keys, values):
        x = self.words(ids)
        batch, rows = ids.shape
        angles = positions[:, :, None].float() * self.frequencies
        angles = torch.cat([angles, angles], -1)

        def split(y, heads):
            return y.view(batch, rows, heads, self.size).transpose(1, 2)

        def repeated(y):
            y = y[:, :, None].expand(batch, self.groups, self.heads // self.groups, y.shape[2],
                                     self.size)
            return y.reshape(batch, self.heads, y.shape[3], self.size)
        new_keys, new_values = [], []
        for index, block in enumerate(self.blocks):
            y = block["norm"](x)
            q = self.rotated(split(block["q"](y), self.heads), angles)
            k = self.rotated(split(block["k"](y), self.groups), angles)
            new_keys.append(torch.cat([keys[index], k], 2))
            new_values.append(torch.cat([values[index], split(block["v"](y), self.groups)], 2))
            scores = q @ repeated(new_keys[-1]).transpose(2, 3) / math.sqrt(self.size)
            y = torch.softmax(scores, -1) @ repeated(new_values[-1])
            x = x + block["out"](y.transpose(1, 2).reshape(batch, rows, -1))
            y = block["norm_mlp"](x)
            x = x + block["down"](F.silu(block["gate"](y)) * block["up"](y))
        return self.head(self.norm(x)), torch.stack(new_keys), torch.stack(new_values)


class WaveNet(nn.Module):
    """Gated convolutions of growing dilation over a sound."""

    def __init__(self, width=64, layers=20):
        super().__init__()
        self.first, self.last = nn.Conv1d(1, width, 1), nn.Conv1d(width, 256, 1)
        self.gates = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, dilation=1 << layer % 10, padding=1 << layer % 10)
            for layer in range(layers))
        self.both = nn.ModuleList(nn.Conv1d(width, 2 * width, 1) for _ in range(layers))

    def forward(self, x):
        x, skipped = self.first(x), 0
        for gates, both in zip(self.gates, self.both):
            value, gate = gates(x).chunk(2, 1)
            more, skip = both(torch.tanh(value) * torch.sigmoid(gate)).chunk(2, 1)
            x, skipped = x + more, skipped + skip
        return self.last(F.relu(skipped))


class RepVgg(nn.Module):
    """As it is trained: a 3x3, a 1x1 and a batch norm of the same tensor, added."""

    def __init__(self):
        super().__init__()

        def normed(channels, out, size, stride):
            return nn.Sequential(nn.Conv2d(channels, out, size, stride, size // 2, bias=False),
                                 nn.BatchNorm2d(out))
        self.stages, channels = nn.ModuleList(), 3
        for out, blocks in ((48, 1), (48, 2), (96, 4), (192, 8)):
            for block in range(blocks):
                stride = 1 if block else 2
                same = channels == out and stride == 1
                self.stages.append(nn.ModuleList(
                    [normed(channels, out, 3, stride), normed(channels, out, 1, stride)]
                    + ([nn.BatchNorm2d(out)] if same else [])))
                channels = out
        self.classes = nn.Linear(channels, 100)

    def forward(self, x):
        for branches in self.stages:
            x = F.relu(sum(branch(x) for branch in branches[1:]) + branches[0](x))
        return self.classes(x.mean((2, 3)))


class ConvMixer(nn.Sequential):
    """Patches, depthwise windows of 7 x 7 and products, GELU and batch norms behind them."""

    def __init__(self, width=512, depth=8):
        class Added(nn.Sequential):
            def forward(self, x):
                return x + super().forward(x)

        def behind(*layers):
            return [*layers, nn.GELU(), nn.BatchNorm2d(width)]
        layers = behind(nn.Conv2d(3, width, 7, 7))
        for _ in range(depth):
            layers += [Added(*behind(nn.Conv2d(width, width, 7, padding=3, groups=width)))]
            layers += behind(nn.Conv2d(width, width, 1))
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 100))


class SamePadding(nn.Module):
    """Strided convolutions padded as TensorFlow pads them, by arithmetic of shapes; depthwise ones
    with two filters per channel between products."""

    def __init__(self):
        super().__init__()
        widths = [3, 32, 64, 128, 256]
        self.depthwise = nn.ModuleList(nn.Conv2d(n, 2 * n, 3, 2, groups=n) for n in widths[:-1])
        self.products = nn.ModuleList(nn.Conv2d(2 * n, out, 1)
                                      for n, out in zip(widths, widths[1:]))
        self.classes = nn.Linear(widths[-1], 100)

    @staticmethod
    def padded(x, size=3, stride=2):
        pads = []
        for length in (x.shape[3], x.shape[2]):
            outputs = torch.ceil(torch.as_tensor(length) / stride)
            more = ((outputs - 1) * stride + size - length).clamp(min=0).to(torch.int64)
            pads += [more // 2, more - more // 2]
        return F.pad(x, pads)

    def forward(self, x):
        for depthwise, product in zip(self.depthwise, self.products):
            x = F.relu6(product(depthwise(self.padded(x))))
        return self.classes(x.mean((2, 3)))


class ElmanTagger(nn.Module):
    """Plain recurrent layers in both directions, the likeliest of some classes per word."""

    def __init__(self):
        super().__init__()
        self.words, self.classes = nn.Embedding(5000, 128), nn.Linear(256, 17)
        self.layers = nn.RNN(128, 128, num_layers=2, bidirectional=True)

    def forward(self, ids):
        scores = self.classes(self.layers(self.words(ids))[0])
        return scores, scores.argmax(-1)


class SplitAttention(nn.Module):
    """Grouped windows of 3 x 3 between products: two wide groups whose halves are weighed against
    each other, as ResNeSt has them, and groups of 32."""

    def __init__(self):
        super().__init__()

        def normed(channels, out, size=1, groups=1):
            return nn.Sequential(
                nn.Conv2d(channels, out, size, 1, size // 2, groups=groups, bias=False),
                nn.BatchNorm2d(out), nn.ReLU())
        self.first, self.blocks, channels = nn.Conv2d(3, 64, 7, 4, 3), nn.ModuleList(), 64
        for width in (64, 128, 256):
            self.blocks.append(nn.ModuleDict({
                "narrow": normed(channels, width), "halves": normed(width, 2 * width, 3, 2),
                "weights": nn.Sequential(nn.Conv2d(width, 32, 1), nn.ReLU(),
                                         nn.Conv2d(32, 2 * width, 1)),
                "groups": normed(width, width, 3, width // 32), "wide": normed(width, 2 * width)}))
            channels = 2 * width
        self.classes = nn.Linear(channels, 100)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            halves = block["halves"](block["narrow"](x))
            halves = halves.reshape(halves.shape[0], 2, -1, *halves.shape[2:])
            weights = block["weights"](halves.sum(1).mean((2, 3), keepdim=True))
            weights = weights.reshape(weights.shape[0], 2, -1, 1, 1).softmax(1)
            x = F.max_pool2d(block["wide"](block["groups"]((halves * weights).sum(1))), 2)
        return self.classes(x.mean((2, 3)))


class ImageFilters(nn.Module):
    """The likeness of two pictures by blurred moments (SSIM), and the edges of one."""

    def __init__(self):
        super().__init__()
        places = torch.arange(11) - 5.0
        line = torch.exp(-places ** 2 / 4.5)
        self.register_buffer("line", (line / line.sum()).repeat(3, 1, 1, 1))
        sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        self.register_buffer("slopes", torch.stack([sobel, sobel.T]).repeat(3, 1, 1)[:, None])

    def blur(self, x):
        across = F.conv2d(x, self.line, padding=(0, 5), groups=3)
        return F.conv2d(across, self.line.transpose(2, 3), padding=(5, 0), groups=3)

    def forward(self, x, y):
        mean_x, mean_y = self.blur(x), self.blur(y)
        squares = self.blur(x * x) + self.blur(y * y) - mean_x ** 2 - mean_y ** 2
        both = self.blur(x * y) - mean_x * mean_y
        alike = ((2 * mean_x * mean_y + 1e-4) * (2 * both + 9e-4)
                 / ((mean_x ** 2 + mean_y ** 2 + 1e-4) * (squares + 9e-4)))
        slopes = F.conv2d(mean_x, self.slopes, padding=1, groups=3)
        slopes = slopes.reshape(x.shape[0], 3, 2, *x.shape[2:])
        return alike.mean((1, 2, 3)), (slopes * slopes).sum(2).sqrt()


class OneOutput(nn.Module):
    """torchvision's segmentation networks give a dict, ONNX wants a tensor."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)["out"]


def build(name):
    """The network of this name: one of those above, or torchvision's."""
    own = {"lenet": LeNet, "auto_encoder": AutoEncoder, "dcgan": Dcgan, "unet_3d": UNet3d,
           "channels_last": ChannelsLast, "segformer": SegFormer, "table_transformer":
           TableTransformer, "diffusion_block": DiffusionBlock, "llama_step": Llama,
           "wavenet": WaveNet, "repvgg": RepVgg, "convmixer": ConvMixer,
           "same_padding": SamePadding, "elman_tagger": ElmanTagger,
           "split_attention": SplitAttention, "image_filters": ImageFilters}  # fmt: skip
    if name in own:
        return own[name]()
    models = torchvision.models
    no_weights = {"weights": None, "weights_backbone": None}
    if hasattr(models.detection, name):
        return getattr(models.detection, name)(**no_weights)
    if hasattr(models.segmentation, name):
        return OneOutput(getattr(models.segmentation, name)(**no_weights))
    plain = {"aux_logits": False, "init_weights": False} if name in ("googlenet",
                                                                     "inception_v3") else {}
    return getattr(models.video if hasattr(models.video, name) else models, name)(
        weights=None, **plain)


def example(spec):
    shape, dtype = spec["shape"], DTYPES[spec.get("dtype", "float32")]
    return torch.ones(shape, dtype=dtype) if dtype == torch.int64 else torch.rand(shape)


def export(model, path):
    torch.manual_seed(zlib.crc32(model["name"].encode()))
    net = build(model["name"]).eval()
    inputs = tuple(example(spec) for spec in model["inputs"].values())
    if model.get("pictures"):  # a detector takes a list of pictures without a batch axis
        inputs = (list(inputs),)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        write_then_rename(path, lambda part: torch.onnx.export(
            net, inputs, part, opset_version=OPSET, input_names=list(model["inputs"])))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    parser.add_argument("--only", metavar="NAME", action="append")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with open(os.path.join(HERE, "zoo.toml"), "rb") as file:
        models = tomllib.load(file)["model"]
    models = [model for model in models if not arguments.only or model["name"] in arguments.only]
    for index, model in enumerate(models, 1):
        path = os.path.join(arguments.cache, "zoo", model["name"], "model.onnx")
        if not os.path.exists(path):
            export(model, path)
        print(f"[{index}/{len(models)}] {model['name']}: {os.path.getsize(path) >> 10} KB",
              flush=True)


if __name__ == "__main__":
    main()
