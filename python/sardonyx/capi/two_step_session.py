"""The session of ONNX Runtime's binding, which its own Python classes make in two steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._sardonyx import SessionOptions
from ..session import InferenceSession as _InferenceSession


class InferenceSession(_InferenceSession):
    """InferenceSession(options, path or bytes, is_path, read_config), then initialize_session().

    The model is loaded by the first step; the second one chooses the providers.
    """

    def __init__(
        self, options: SessionOptions, source: str | bytes, is_path: bool, read_config: bool = False
    ) -> None:
        if isinstance(source, str) != bool(is_path):
            raise TypeError("is_path says whether the source is a path (str) or bytes")
        super().__init__(source, options, read_config_from_model=int(read_config))

    def initialize_session(
        self,
        providers: Sequence[str],
        provider_options: Sequence[Mapping[str, str]],
        disabled_optimizers: set[str] | None = None,
    ) -> None:
        self.set_providers(providers, [dict(each) for each in provider_options])

    def set_tuning_results(self, results: list[Any], error_on_invalid: bool = False) -> None:
        super().set_tuning_results(results, error_on_invalid=error_on_invalid)

    def is_webgpu_graph_capture_enabled(self) -> bool:
        return False

    def webgpu_context_id(self) -> int:
        return -1

    create_ortvalue_from_shape_and_onnx_type = _InferenceSession.create_ortvalue_from_shape_and_type
    inputs_meta = property(_InferenceSession.get_inputs)
    outputs_meta = property(_InferenceSession.get_outputs)
    overridable_initializers = property(_InferenceSession.get_overridable_initializers)
    input_meminfos = property(_InferenceSession.get_input_memory_infos)
    output_meminfos = property(_InferenceSession.get_output_memory_infos)
    input_epdevices = property(_InferenceSession.get_input_epdevices)
    model_meta = property(_InferenceSession.get_modelmeta)
    session_options = property(_InferenceSession.get_session_options)
    get_profiling_start_time_ns = property(_InferenceSession.get_profiling_start_time_ns)
