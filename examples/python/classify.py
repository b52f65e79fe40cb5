"""Classifies a picture: python classify.py MODEL.onnx PICTURE.ppm prints the five best classes."""

import sys

import numpy as np

import sardonyx as ort

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def read_picture(path):
    """float32 [1, 3, 224, 224] of a binary PPM picture."""
    with open(path, "rb") as file:
        kind, size, most = (file.readline().strip() for _ in range(3))
        if (kind, size, most) != (b"P6", b"224 224", b"255"):
            sys.exit(f"{path}: not a binary PPM picture (P6) of 224 x 224 with values to 255")
        pixels = np.frombuffer(file.read(), np.uint8).reshape(224, 224, 3)
    scaled = (pixels.astype(np.float32) / 255 - MEAN) / DEVIATION
    return scaled.transpose(2, 0, 1)[np.newaxis]


def main(model, picture):
    session = ort.InferenceSession(model)
    name = session.get_inputs()[0].name
    scores = session.run(None, {name: read_picture(picture)})[0].ravel()
    for index in np.argsort(-scores)[:5]:
        print(f"{index} {scores[index]:.6f}")


main(*sys.argv[1:])
