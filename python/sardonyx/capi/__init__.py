"""The names of onnxruntime.capi, for programs that import exceptions or classes from there."""

from . import _pybind_state, onnxruntime_pybind11_state
