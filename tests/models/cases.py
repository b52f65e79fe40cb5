"""Stored cases of the whole-model tests: DIR/model.onnx, DIR/model.json, DIR/CASE.npz.

A case file holds the inputs and the expected outputs of one run, with their names as stored in
the model (names may hold any character, so they are values in the file, not keys).
"""

import json
import os
import sys

import numpy as np

# The bar: a value may differ by ATOL + RTOL * |expected|.
RTOL, ATOL = 1e-3, 1e-5
DEFAULT_CACHE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                             "build", "models")


def stop(script, problem, remedy):
    """Ends a script with one message: what is wrong, and what to do about it."""
    sys.exit(f"{script}: {problem}\n{remedy}")


def write_then_rename(path, write):
    """Calls write(temporary path) and puts the result at `path`, whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.part{os.path.splitext(path)[1]}"
    write(part)
    os.replace(part, path)


def save_case(path, inputs, outputs, own_difference=None):
    """inputs, outputs: name -> array, in the model's order.

    own_difference: output name -> root mean square of the difference between two runs of the
    reference that should be equal, for outputs where that exceeds the bar (see reference.py).
    """
    arrays = {}
    for kind, values in (("input", inputs), ("output", outputs), ("own", own_difference or {})):
        arrays[f"{kind}_names"] = np.array(list(values), dtype=np.str_)
        for index, value in enumerate(values.values()):
            arrays[f"{kind}{index}"] = np.asarray(value)
    write_then_rename(path, lambda part: np.savez(part, **arrays))


def load_case(path):
    """-> (inputs, outputs, own_difference), as given to save_case."""
    with np.load(path) as stored:
        return tuple({str(name): stored[f"{kind}{index}"]
                      for index, name in enumerate(stored[f"{kind}_names"])}
                     for kind in ("input", "output", "own"))


def share_of_bar(got, expected):
    """How much of the bar each value uses up (1 is the bar), for finite arrays."""
    expected = expected.astype(np.float64)
    return np.abs(got - expected) / (ATOL + RTOL * np.abs(expected))


def root_mean_square(difference):
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def save_about(folder, about):
    def write(part):
        with open(part, "w", encoding="utf-8") as file:
            json.dump(about, file, indent=1)
    write_then_rename(os.path.join(folder, "model.json"), write)


def load_about(folder):
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        return json.load(file)


def case_paths(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.endswith(".npz") and not name.endswith(".part.npz"))
