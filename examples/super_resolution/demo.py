#!/usr/bin/env python3
"""Enlarges a photograph three times with a neural network, beside the ordinary way.

  demo.py [--photo FILE] [--threads N ...] [--runs N] [--output FILE]

The photograph is made small; its luma is enlarged by super_resolution.onnx, which runs on
Sardonyx, and its colours bicubically. Writes one PNG with the small picture, the bicubic and the
network's enlargement, and prints how near both come to the original, and how long it took.
Without --photo the astronaut of scikit-image is taken, which the network has not been trained on.
"""

import argparse
import importlib.util
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "super_resolution.onnx")
OUTPUT = os.path.join(HERE, "out", "super_resolution.png")
PHOTO = "astronaut.png"
BUILD_HINT = "Build it first: make build. Then: .venv/bin/python examples/super_resolution/demo.py"


def stop(problem, remedy):
    sys.exit(f"demo.py: error: {problem}\n{remedy}")


try:
    import sardonyx as ort
except ImportError as error:
    stop(f"the Python module sardonyx cannot be imported ({error})", BUILD_HINT)
try:
    import numpy  # noqa: F401  asked for here, so that what is missing is said in one line
    from PIL import Image
except ImportError as error:
    stop(f"the Python module {error.name} is missing", "Install it: scripts/install.sh demo")

from comparison import draw_comparison  # noqa: E402
from photograph import (crop_to_scale, enlarge_bicubic, network_input, network_picture,  # noqa: E402
                        psnr, shrink)


def default_photo():
    """The photograph lies in scikit-image's package; only the file is used, not the module."""
    found = importlib.util.find_spec("skimage")
    if not found:
        stop("the photograph comes with the Python package scikit-image, which is missing",
             "Install it: scripts/install.sh demo, or give a photograph: demo.py --photo FILE")
    return os.path.join(found.submodule_search_locations[0], "data", PHOTO)


def open_photo(path):
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except (OSError, ValueError) as error:
        stop(f"cannot read the photograph '{path}': {error}",
             "Give a picture file: demo.py --photo FILE")
    if min(picture.size) < 120:
        stop(f"the photograph '{path}' is {picture.width} x {picture.height} pixels, too small "
             "to be made smaller", "Give one of at least 120 x 120 pixels: demo.py --photo FILE")
    return crop_to_scale(picture)


def open_session(threads):
    """-> (session, milliseconds)."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    start = time.perf_counter()
    try:
        session = ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the module has an exception class per kind of failure
        stop(f"cannot load the network '{MODEL}': {error}",
             "It is part of the repository: git checkout examples/super_resolution")
    return session, (time.perf_counter() - start) * 1e3


def measure(threads, x, runs):
    """-> (output, row of the timing table)."""
    session, load = open_session(threads)
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        output, = session.run(None, {"input": x})
        times.append((time.perf_counter() - start) * 1e3)
    return output, (threads, load, times[0], statistics.median(times[1:]))


def enlarge(small, luma):
    """The network's luma with bicubically enlarged colours -> RGB."""
    colours = [enlarge_bicubic(channel) for channel in small.convert("YCbCr").split()[1:]]
    return Image.merge("YCbCr", (luma, *colours)).convert("RGB")


def luma_of(picture):
    return picture.convert("YCbCr").getchannel(0)


def save(picture, path):
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        picture.save(path)
    except (OSError, ValueError) as error:
        stop(f"cannot write the picture '{path}': {error}",
             "Give another place: demo.py --output FILE.png")


def print_times(rows, shape, runs):
    print(f"\n{'threads':>8}{'load ms':>10}{'first ms':>10}{'median ms':>11}"
          f"   network on {shape[3]} x {shape[2]} pixels, median of {runs} runs")
    for threads, load, first, median in rows:
        print(f"{threads:>8}{load:>10.2f}{first:>10.2f}{median:>11.2f}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", metavar="FILE")
    parser.add_argument("--threads", metavar="N", type=int, nargs="+",
                        default=sorted({1, min(2, os.cpu_count() or 1)}))
    parser.add_argument("--runs", metavar="N", type=int, default=20)
    parser.add_argument("--output", metavar="FILE", default=OUTPUT)
    arguments = parser.parse_args()
    if arguments.runs < 1 or min(arguments.threads) < 1:
        parser.error("--runs and --threads count from 1")
    return arguments


def main():
    arguments = parse_arguments()
    original = open_photo(arguments.photo or default_photo())
    small = shrink(original)
    x = network_input(luma_of(small))
    results = [measure(threads, x, arguments.runs) for threads in arguments.threads]
    if any(output.tobytes() != results[0][0].tobytes() for output, _ in results):
        stop("the output differs between thread counts", "This is a defect: please report it.")
    bicubic = enlarge_bicubic(small)
    network = enlarge(small, network_picture(results[0][0]))
    quality = {name: psnr(luma_of(original), luma_of(picture))
               for name, picture in (("bicubic", bicubic), ("network", network))}

    save(draw_comparison(small, bicubic, network, quality), arguments.output)
    print(f"{original.width} x {original.height} photograph, made small to {small.width} x "
          f"{small.height}, enlarged 3 times:")
    for name, value in quality.items():
        print(f"  {name}  {value:6.2f} dB PSNR")
    print(f"  the network is {quality['network'] - quality['bicubic']:.2f} dB nearer to the original")
    print_times([row for _, row in results], x.shape, arguments.runs)
    print(f"\n{os.path.relpath(arguments.output)}")


if __name__ == "__main__":
    main()
