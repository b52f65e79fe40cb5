"""Marks for tests that hold of ONNX Runtime's Python API and of ours: what a test expects is checked
on the original too."""

import onnxruntime
import pytest

import sardonyx

both = pytest.mark.parametrize("ort", [onnxruntime, sardonyx], ids=["original", "ours"])


def state(ort):
    """The binding's module, where programs find exceptions and low-level classes."""
    return ort.capi.onnxruntime_pybind11_state


def failure(ort, name):
    """The exception class of that name, or RuntimeError, which the original raises for some of the
    same failures when they come from its binding."""
    return (getattr(state(ort), name), RuntimeError)


def quiet(ort):
    """SessionOptions that print nothing of what the tests provoke."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return options
