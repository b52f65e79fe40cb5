"""See sardonyx.capi.onnxruntime_validation."""

from sardonyx.capi.onnxruntime_validation import *  # noqa: F403
