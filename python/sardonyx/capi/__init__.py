"""The names of onnxruntime.capi, for programs that import exceptions or classes from there."""

from . import _pybind_state, onnxruntime_pybind11_state
from . import onnxruntime_inference_collection, onnxruntime_validation

__all__ = [
    "_pybind_state",
    "onnxruntime_inference_collection",
    "onnxruntime_pybind11_state",
    "onnxruntime_validation",
]
