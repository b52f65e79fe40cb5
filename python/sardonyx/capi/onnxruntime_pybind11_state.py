"""What the binding offers, under the name that ONNX Runtime's programs import it by."""

from .._sardonyx import *  # noqa: F403
