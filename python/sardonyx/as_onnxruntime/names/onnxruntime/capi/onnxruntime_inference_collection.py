"""See sardonyx.capi.onnxruntime_inference_collection."""

from sardonyx.capi.onnxruntime_inference_collection import *  # noqa: F403
