#!/usr/bin/env python3
"""Runs an example of any language and holds what it prints to ONNX Runtime's answer.

    check_example.py classify MODELS COMMAND...    runs COMMAND MODELS/classifier.onnx MODELS/picture.ppm
    check_example.py bind MODELS COMMAND...        runs COMMAND MODELS/classifier.onnx

examples/README.md says what an example prints.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
TOLERANCE = 1e-5


def scores_of(model, image):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image})[0][0]


def read_picture(path):
    header, pixels = b"P6\n224 224\n255\n", path.read_bytes()
    assert pixels.startswith(header), path
    picture = np.frombuffer(pixels[len(header) :], np.uint8).reshape(224, 224, 3).astype(np.float32)
    return ((picture / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)[None]


def check_classify(models, printed):
    scores = scores_of(models / "classifier.onnx", read_picture(models / "picture.ppm"))
    best = np.argsort(-scores)[:6]
    assert (-np.diff(scores[best]) > 10 * TOLERANCE).all(), f"the model's scores lie too close: {scores[best]}"
    lines = [line.split() for line in printed.splitlines()]
    assert [len(line) for line in lines] == [2] * 5, f"wanted 5 lines `index score`, got:\n{printed}"
    assert [int(index) for index, _ in lines] == best[:5].tolist(), f"wanted {best[:5]}, got:\n{printed}"
    np.testing.assert_allclose([float(score) for _, score in lines], scores[best[:5]], atol=TOLERANCE)


def check_bind(models, printed):
    image = (np.arange(3 * 224 * 224) % 256 / np.float32(255)).astype(np.float32).reshape(1, 3, 224, 224)
    want = scores_of(models / "classifier.onnx", image)[:5]
    got = [float(value) for value in printed.split()]
    assert len(got) == 5 and len(printed.splitlines()) == 1, f"wanted a line of 5 values, got:\n{printed}"
    np.testing.assert_allclose(got, want, atol=TOLERANCE * want.max())


def main(kind, folder, *command):
    models = Path(folder)
    arguments = [models / "classifier.onnx"] + ([models / "picture.ppm"] if kind == "classify" else [])
    done = subprocess.run([*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0, f"{command} ended with {done.returncode}; it printed:\n{done.stdout}"
    {"classify": check_classify, "bind": check_bind}[kind](models, done.stdout)
    print(f"ok {kind}: {' '.join(done.stdout.split())}")


main(*sys.argv[1:])
