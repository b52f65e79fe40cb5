"""What ONNX Runtime's binding offers, under the name that programs import it by."""

from .onnxruntime_pybind11_state import *  # noqa: F403
