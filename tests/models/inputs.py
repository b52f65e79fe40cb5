"""Makes deterministic inputs for the models of models.toml: make_inputs.

Fills, with numbers or symbols of the case as arguments:
  picture LO HI       [N, C, H, W]; picture_nhwc for [N, H, W, C]: blotches between LO and HI
  photo NAME LO HI    [N, C, H, W]; photo_nhwc: a photograph of scikit-image, and its mirror images
  line LO HI          [N, C, H, W]: a drawn line of text
  audio               [N, T] or [N, T, 1]: voiced sounds with pauses, 16 kHz, within -1..1
  text                [N, 2048]: the bytes of a text, padded with 256, as magika reads a file
  uniform LO HI, normal MEAN DEVIATION, integers LO HI (HI excluded), value X, values X Y ...
  mask                [N, T]: ones, and zeros at the end of all rows but the first
  positions P         [N, T]: P, P + 1, ...
"""

import fnmatch
import importlib.util
import os
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pictures import picture_batch

SAMPLE_RATE = 16000
TEXT = b"""import sys


def count_lines(paths):
    # Prints the number of lines of every file.
    for path in paths:
        with open(path) as file:
            print(path, sum(1 for _ in file))


if __name__ == "__main__":
    count_lines(sys.argv[1:])
"""


def audio(random, shape):
    count = shape[1]
    time = np.arange(count) / SAMPLE_RATE
    rows = []
    for _ in range(shape[0]):
        pitch = random.uniform(90, 220) * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))
        phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        sound = sum(random.uniform(0.2, 1) / k * np.sin(k * phase) for k in range(1, 20))
        loudness = np.clip(np.sin(2 * np.pi * 2.5 * time + random.uniform(0, 3)), 0, 1)
        rows.append(0.2 * loudness * sound + 0.003 * random.standard_normal(count))
    return np.clip(np.stack(rows), -1, 1).reshape(shape)


def picture(random, shape, low, high):
    return low + (high - low) * np.clip(picture_batch(random, shape) / 5 + 0.5, 0, 1)


def picture_nhwc(random, shape, low, high):
    batch, height, width, channels = shape
    return picture(random, (batch, channels, height, width), low, high).transpose(0, 2, 3, 1)


def photo_path(name):
    """scikit-image's photographs lie in its package; only the file is used, not the module."""
    found = importlib.util.find_spec("skimage")
    if not found:
        raise ValueError("Python module missing: skimage (scikit-image); run "
                         "scripts/install.sh models")
    return os.path.join(found.submodule_search_locations[0], "data", f"{name}.png")


def photo(_random, shape, name, low, high):
    batch, channels, height, width = shape
    with Image.open(photo_path(name)) as file:
        resized = file.convert("RGB").resize((width, height), Image.BILINEAR)
    pixels = np.asarray(resized, np.float32).transpose(2, 0, 1)[:channels] / 255
    turned = (pixels, pixels[:, :, ::-1], pixels[:, ::-1])
    return low + (high - low) * np.stack([turned[row % 3] for row in range(batch)])


def photo_nhwc(random, shape, name, low, high):
    batch, height, width, channels = shape
    return photo(random, (batch, channels, height, width), name, low, high).transpose(0, 2, 3, 1)


LINES = ("Sardonyx 2048", "a line of text", "Stationery Box")


def line(_random, shape, low, high):
    batch, channels, height, width = shape
    rows = []
    for row in range(batch):
        page = Image.new("L", (width, height), 255)
        font = ImageFont.load_default(height * 0.6)
        ImageDraw.Draw(page).text((4, height * 0.1), LINES[row % len(LINES)], fill=0, font=font)
        rows.append(np.repeat(np.asarray(page, np.float32)[None] / 255, channels, 0))
    return low + (high - low) * np.stack(rows)


def text(random, shape):
    half = shape[1] // 2
    rows = []
    for _ in range(shape[0]):
        body = np.frombuffer(TEXT * random.integers(1, 4), np.uint8).astype(np.int64)[:half]
        padding = np.full(half - len(body), 256)
        rows.append(np.concatenate([body, padding, padding, body]))
    return np.stack(rows)


def mask(random, shape):
    hidden = np.arange(shape[0])[:, None] * (shape[1] // 4)
    return np.arange(shape[1])[None] < shape[1] - hidden


FILLS = {
    "picture": picture, "picture_nhwc": picture_nhwc, "photo": photo, "photo_nhwc": photo_nhwc,
    "line": line, "audio": audio, "text": text, "mask": mask,
    "uniform": lambda random, shape, low, high: random.uniform(low, high, shape),
    "normal": lambda random, shape, mean, deviation: random.normal(mean, deviation, shape),
    "integers": lambda random, shape, low, high: random.integers(low, high, shape),
    "value": lambda random, shape, value: np.full(shape, value),
    "values": lambda random, shape, *values: np.array(values).reshape(shape),
    "positions": lambda random, shape, first: np.broadcast_to(first + np.arange(shape[1]), shape),
}


def read_argument(word, symbols):
    if word in symbols:
        return symbols[word]
    try:
        return float(word)
    except ValueError:
        return word


def make_input(spec, symbols, random):
    shape = tuple(symbols[dim] if isinstance(dim, str) else dim for dim in spec["shape"])
    fill, *words = spec["fill"].split()
    arguments = [read_argument(word, symbols) for word in words]
    value = FILLS[fill](random, shape, *arguments)
    # Not ascontiguousarray, which makes a scalar an array of one element.
    return np.asarray(value).astype(spec.get("dtype", "float32"), order="C")


def make_inputs(model, case, names):
    """Inputs of one case of a manifest entry, for the model's input names, in their order."""
    random = np.random.default_rng(zlib.crc32(f"{model['name']} {case}".encode()))
    inputs = {}
    for name in names:
        matches = [spec for pattern, spec in model["inputs"].items()
                   if name == pattern or fnmatch.fnmatchcase(name, pattern)]
        if not matches:
            raise ValueError(f"models.toml: model '{model['name']}' has no fill for the input "
                             f"'{name}'")
        inputs[name] = make_input(matches[0], model["cases"][case], random)
    return inputs
