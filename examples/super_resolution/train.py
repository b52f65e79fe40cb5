#!/usr/bin/python3
"""Trains the sub-pixel network of the PyTorch super-resolution tutorial and exports it to ONNX.

  train.py fit            photographs -> checkpoint
  train.py export         checkpoint -> super_resolution.onnx
  train.py evaluate       PSNR of bicubic and network on the held-out photographs, as a table

scripts/install.sh train installs what it needs; run it with /usr/bin/python3.
"""

import argparse
import glob
import os
import sys
import time

import numpy as np
import torch
from PIL import Image

from network import SuperResolutionNet, set_initial_weights
from photograph import (MARGIN, SCALE, crop_to_scale, enlarge_bicubic, network_input,
                        network_picture, psnr, shrink)

HERE = os.path.dirname(os.path.abspath(__file__))
OPENCV = "/usr/share/doc/opencv-doc/examples"
SKIMAGE = "/usr/lib/python3/dist-packages/skimage/data"
SKLEARN = "/usr/lib/python3/dist-packages/sklearn/datasets/images"

# (pattern, sizes it is used at). JPEG files are used below full size only: there the blocks of
# their compression are no longer seen, which the network would otherwise learn to draw.
TRAINING = [
    (f"{OPENCV}/data/{name}", (0.7, 0.5))
    for name in ("aero1.jpg", "aloeL.jpg", "baboon.jpg", "board.jpg", "building.jpg",
                 "butterfly.jpg", "fruits.jpg", "home.jpg", "leuvenA.jpg", "messi5.jpg",
                 "squirrel_cls.jpg", "ela_original.jpg", "starry_night.jpg", "apple.jpg")
] + [
    (f"{OPENCV}/data/{name}", (1.0, 0.7))
    for name in ("chicky_512.png", "graf1.png", "rubberwhale1.png", "box_in_scene.png",
                 "basketball1.png")
] + [
    (f"{OPENCV}/alphamat/input_images/plant.jpg", (0.7, 0.5)),
    (f"{OPENCV}/hfs/data/00*.jpg", (0.7,)),
    (f"{OPENCV}/reg/home.png", (1.0,)),
    (f"{OPENCV}/text/scenetext0[1-6].jpg", (0.6, 0.4)),
    (f"{OPENCV}/text/scenetext_segmented_word0[1-4].jpg", (0.7, 0.5)),
    ("/usr/share/backgrounds/mate/nature/*.jpg", (0.4, 0.25)),
    ("/usr/share/backgrounds/mate/abstract/Elephants.jpg", (0.5, 0.3)),
    (f"{SKLEARN}/*.jpg", (0.7,)),
    ("/usr/share/matplotlib/mpl-data/sample_data/grace_hopper.jpg", (0.7,)),
]

# Never seen in training: every photograph of scikit-image, and the butterfly of opencv-doc.
HELD_OUT = [f"{SKIMAGE}/{name}" for name in ("astronaut.png", "camera.png", "chelsea.png",
                                             "coffee.png", "motorcycle_left.png", "rocket.jpg")
            ] + [f"{OPENCV}/dnn_superres/butterfly.png"]


def load_luma(path):
    try:
        return Image.open(path).convert("YCbCr").getchannel(0)
    except OSError as error:
        sys.exit(f"train.py: cannot read photograph '{path}': {error}\n"
                 "Run scripts/install.sh train.")


def training_pairs():
    """All (small, large) luma pairs: every photograph, size and shift of the sampling grid."""
    pairs = []
    for pattern, sizes in TRAINING:
        paths = sorted(glob.glob(pattern))
        if not paths:
            sys.exit(f"train.py: no photograph matches '{pattern}'\n"
                     "Run scripts/install.sh train.")
        for path in paths:
            luma = load_luma(path)
            for size in sizes:
                scaled = luma.resize([round(side * size) for side in luma.size], Image.LANCZOS)
                for shift in ((0, 0), (1, 2)):
                    large = crop_to_scale(scaled.crop((*shift, *scaled.size)))
                    small = np.asarray(shrink(large))
                    if min(small.shape) >= 48:
                        pairs.append((small, np.asarray(large)))
    return pairs


class PatchSource:
    """Draws batches of patches; of two candidates the more detailed one is kept."""

    def __init__(self, pairs, patch, random):
        self.pairs, self.patch, self.random = pairs, patch, random
        area = np.array([small.size for small, _ in pairs], np.float64)
        self.share = np.sqrt(area) / np.sqrt(area).sum()

    def draw_one(self):
        small, large = self.pairs[self.random.choice(len(self.pairs), p=self.share)]
        candidates = []
        for _ in range(2):
            y, x = (self.random.integers(side - self.patch + 1) for side in small.shape)
            part = large[y * SCALE:(y + self.patch) * SCALE, x * SCALE:(x + self.patch) * SCALE]
            candidates.append((part.std(), small[y:y + self.patch, x:x + self.patch], part))
        _, small, large = max(candidates, key=lambda candidate: candidate[0])
        turns, mirrored = self.random.integers(4), self.random.integers(2)
        small, large = np.rot90(small, turns), np.rot90(large, turns)
        return (small[:, ::-1], large[:, ::-1]) if mirrored else (small, large)

    def draw(self, count):
        small, large = zip(*(self.draw_one() for _ in range(count)))
        return tuple(torch.from_numpy(np.stack(side)[:, None].astype(np.float32) / 255)
                     for side in (small, large))


def fit(arguments):
    torch.manual_seed(arguments.seed)
    pairs = training_pairs()
    pixels = sum(small.size for small, _ in pairs)
    print(f"{len(pairs)} pictures, {pixels / 1e6:.1f} M small pixels", flush=True)
    source = PatchSource(pairs, arguments.patch, np.random.default_rng(arguments.seed))
    net = SuperResolutionNet()
    set_initial_weights(net)
    if arguments.resume:
        net.load_state_dict(torch.load(arguments.checkpoint))
    optimizer = torch.optim.Adam(net.parameters(), lr=arguments.rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: max(0.01, 0.5 + 0.5 * np.cos(np.pi * step / arguments.steps))
        * min(1, (step + 1) / 200))
    edge = MARGIN * SCALE
    start, losses = time.time(), []
    for step in range(1, arguments.steps + 1):
        small, large = source.draw(arguments.batch)
        error = (net(small) - large)[:, :, edge:-edge, edge:-edge]
        loss = error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.05)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 500 == 0 or step == arguments.steps:
            torch.save(net.state_dict(), arguments.checkpoint + ".part")
            os.replace(arguments.checkpoint + ".part", arguments.checkpoint)
            rows = measure(net)
            print(f"step {step} of {arguments.steps}, {time.time() - start:.0f} s, training "
                  f"{-10 * np.log10(np.mean(losses)):.3f} dB, held out: bicubic "
                  f"{np.mean([row[1] for row in rows]):.3f} dB, network "
                  f"{np.mean([row[2] for row in rows]):.3f} dB", flush=True)
            losses = []


def measure(net):
    """[(name, PSNR of bicubic, PSNR of network)] on the held-out photographs."""
    rows = []
    for path in HELD_OUT:
        large = crop_to_scale(load_luma(path))
        small = shrink(large)
        with torch.no_grad():
            output = net(torch.from_numpy(network_input(small))).numpy()
        rows.append((os.path.basename(path), psnr(large, enlarge_bicubic(small)),
                     psnr(large, network_picture(output))))
    return rows


def load_net(arguments):
    if not os.path.exists(arguments.checkpoint):
        sys.exit(f"train.py: no checkpoint '{arguments.checkpoint}': run train.py fit first")
    net = SuperResolutionNet().eval()
    net.load_state_dict(torch.load(arguments.checkpoint))
    return net


def evaluate(arguments):
    rows = measure(load_net(arguments))
    rows.append(("mean", *np.mean([row[1:] for row in rows], axis=0)))
    print("| photograph | bicubic dB | network dB | gain dB |\n|---|---|---|---|")
    for name, bicubic, network in rows:
        print(f"| {name} | {bicubic:.2f} | {network:.2f} | {network - bicubic:+.2f} |")


def export(arguments):
    """The comparison with PyTorch is a whole-model test: tests/models/export.py and check.py."""
    axes = {0: "N", 2: "H", 3: "W"}
    torch.onnx.export(load_net(arguments), torch.zeros(1, 1, 224, 224), arguments.model,
                      opset_version=17, input_names=["input"], output_names=["output"],
                      dynamic_axes={"input": axes, "output": {0: "N", 2: "3H", 3: "3W"}})
    print(f"wrote {arguments.model}, {os.path.getsize(arguments.model)} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("fit", "export", "evaluate"))
    parser.add_argument("--checkpoint", default=os.path.join(HERE, "checkpoint.pt"))
    parser.add_argument("--model", default=os.path.join(HERE, "super_resolution.onnx"))
    parser.add_argument("--resume", action="store_true", help="start from the checkpoint")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--patch", type=int, default=32, help="side of a small patch, pixels")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate at the start")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    {"fit": fit, "export": export, "evaluate": evaluate}[arguments.action](arguments)


if __name__ == "__main__":
    main()
