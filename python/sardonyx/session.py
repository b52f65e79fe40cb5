"""InferenceSession: providers and their options, asynchronous runs, over the binding's Session."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Union

from ._sardonyx import InvalidArgument, IOBinding, ModelMetadata, NodeArg, NotImplemented
from ._sardonyx import OrtAllocatorType, OrtMemoryInfo, OrtMemType, OrtValue, RunOptions, Session
from ._sardonyx import SessionOptions
from .config_of_model import with_config_of_model
from .devices import OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtEpDevice, get_ep_devices

_log = logging.getLogger("sardonyx")
_log.setLevel(logging.WARNING)

_AVAILABLE = ["CPUExecutionProvider"]
_async_lock = threading.Lock()
_async_pool = None

# The name of an execution provider, or the name with its options.
Provider = Union[str, "tuple[str, dict[Any, Any]]"]


def available_providers() -> list[str]:
    """Names of the execution providers of this build, best first."""
    return list(_AVAILABLE)


def known_providers() -> list[str]:
    """Names of all execution providers that a build of this library can have."""
    return list(_AVAILABLE)


def _pair(provider):
    if isinstance(provider, str):
        return provider, {}
    if isinstance(provider, tuple) and len(provider) == 2:
        name, options = provider
        if isinstance(name, str) and isinstance(options, dict):
            return name, options
    raise ValueError(
        f"'providers' values must be either strings or (string, dict) tuples, got {provider!r}"
    )


def _reads_config(keywords):
    if "read_config_from_model" in keywords:
        return int(keywords["read_config_from_model"]) == 1
    return os.environ.get("ORT_LOAD_CONFIG_FROM_MODEL") == "1"


def _providers_of(options):
    """What the options name, or what their delegate chooses of the devices there are."""
    if options.has_providers():
        return options.get_providers()
    delegate = options._policy_delegate
    if delegate is None:
        return None
    chosen = delegate(get_ep_devices(), {}, {}, 1)
    if not chosen:
        raise InvalidArgument("the delegate of the provider selection policy chose no device")
    return [device.ep_name for device in chosen]


def resolve_providers(providers, provider_options):
    """The providers to use, as a dict of name to options.

    A provider that this build does not have is an error, unless one that it has is listed too.
    """
    if not providers:
        if provider_options:
            raise ValueError("'provider_options' needs 'providers' of the same length")
        return {name: {} for name in _AVAILABLE}
    pairs = [_pair(provider) for provider in providers]
    if provider_options:
        if len(provider_options) != len(pairs):
            raise ValueError(
                "'providers' and 'provider_options' should be the same length if both are given."
            )
        if not all(isinstance(options, Mapping) for options in provider_options):
            raise ValueError("'provider_options' values must be dicts.")
        if any(options for _, options in pairs):
            raise ValueError("give options in 'providers' or in 'provider_options', not in both")
        pairs = [(name, options) for (name, _), options in zip(pairs, provider_options)]
    used = {
        name: {str(key): str(value) for key, value in options.items()}
        for name, options in pairs
        if name in _AVAILABLE
    }
    missing = [name for name, _ in pairs if name not in _AVAILABLE]
    available = ", ".join(_AVAILABLE)
    if missing and not used:
        raise InvalidArgument(
            f"Unknown Provider Type: {', '.join(missing)}. This build of Sardonyx has: {available}."
            " To run without the missing one, list the provider to fall back to after it:"
            f" providers={missing + _AVAILABLE}"
        )
    if missing:
        warnings.warn(
            f"Specified provider '{', '.join(missing)}' is not in available provider names."
            f" Available providers: '{available}'. Falling back to '{', '.join(used)}', as listed.",
            stacklevel=3,
        )
    return used


class InferenceSession(Session):
    """A loaded model.

    path_or_bytes: path of an ONNX file, or its bytes.
    sess_options: SessionOptions.
    providers: names, or (name, options) pairs, in order of preference.
    provider_options: dicts of options, one per provider.
    """

    def __init__(
        self,
        path_or_bytes: str | bytes | os.PathLike[str],
        sess_options: SessionOptions | None = None,
        providers: Sequence[Provider] | None = None,
        provider_options: Sequence[dict[Any, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        unknown = set(kwargs) - {"enable_fallback", "read_config_from_model", "disabled_optimizers"}
        if unknown:
            raise TypeError(f"InferenceSession: unexpected argument {', '.join(sorted(unknown))}")
        if isinstance(path_or_bytes, (str, os.PathLike)):
            source: str | bytes = os.fspath(path_or_bytes)
        elif isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
            source = bytes(path_or_bytes)
        else:
            raise TypeError(f"Unable to load from type '{type(path_or_bytes)}'")
        # `disabled_optimizers` names passes of ONNX Runtime: none of them runs here in any case.
        # What leaves out passes of this library is SessionOptions.disabled_passes.
        if _reads_config(kwargs):
            sess_options = with_config_of_model(source, sess_options)
        if not providers and sess_options is not None:
            providers = _providers_of(sess_options)
        self._providers = resolve_providers(providers, provider_options)
        self._source = source
        super().__init__(source, sess_options)
        for warning in self.get_modelmeta().warnings:
            _log.warning("%s", warning)

    # Names that programs reach for behind ONNX Runtime's session.

    @property
    def _sess(self) -> InferenceSession:
        return self

    @property
    def _session(self) -> InferenceSession:
        return self

    @property
    def _model_path(self) -> str | None:
        return self._source if isinstance(self._source, str) else None

    @property
    def _model_bytes(self) -> bytes | None:
        return self._source if isinstance(self._source, bytes) else None

    @property
    def _sess_options(self) -> SessionOptions:
        return self.get_session_options()

    @property
    def _inputs_meta(self) -> list[NodeArg]:
        return self.get_inputs()

    @property
    def _outputs_meta(self) -> list[NodeArg]:
        return self.get_outputs()

    @property
    def _model_meta(self) -> ModelMetadata:
        return self.get_modelmeta()

    def __reduce__(self) -> Any:
        raise TypeError(
            "cannot pickle an InferenceSession: keep the path or bytes of its model, and load anew"
        )

    def get_providers(self) -> list[str]:
        return list(self._providers)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {name: dict(options) for name, options in self._providers.items()}

    def set_providers(
        self,
        providers: Sequence[Provider] | None = None,
        provider_options: Sequence[dict[Any, Any]] | None = None,
    ) -> None:
        """Chooses other providers. The CPU is the only one so far, so nothing is loaded anew."""
        self._providers = resolve_providers(providers, provider_options)

    def enable_fallback(self) -> None:
        """A run never moves to another provider on its own."""

    def disable_fallback(self) -> None:
        """A run never moves to another provider on its own."""

    def io_binding(self) -> IOBinding:
        """A new IOBinding of this session."""
        return IOBinding(self)

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list[Any], Any, str], None],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Runs on another thread, then calls callback(results, user_data, error): on success
        `error` is "", otherwise it is the message and `results` is []."""

        def run():
            try:
                results, error = self.run(output_names, input_feed, run_options), ""
            except Exception as failure:
                results, error = [], str(failure) or type(failure).__name__
            callback(results, user_data, error)

        _async_executor().submit(run)

    def create_ortvalue_from_shape_and_type(
        self,
        shape: Sequence[int],
        element_type: Any,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int = -1,
    ) -> OrtValue:
        """A new zero-filled tensor in memory that this session runs on."""
        return OrtValue.ortvalue_from_shape_and_type(
            shape, element_type, device_type, device_id, vendor_id
        )

    def release_captured_graph(self, graph_annotation_id: int = 0) -> None:
        """Nothing is captured: graphs are captured by providers of GPUs."""

    def get_input_memory_infos(self) -> list[OrtMemoryInfo]:
        return [_cpu_memory() for _ in self.get_inputs()]

    def get_output_memory_infos(self) -> list[OrtMemoryInfo]:
        return [_cpu_memory() for _ in self.get_outputs()]

    def get_input_epdevices(self) -> list[OrtEpDevice]:
        return get_ep_devices() * len(self.get_inputs())

    def get_provider_graph_assignment_info(self) -> list[OrtEpAssignedSubgraph]:
        """Which provider runs which nodes of the rewritten graph: the CPU runs all."""
        nodes = [OrtEpAssignedNode(*node) for node in self._nodes()]
        return [OrtEpAssignedSubgraph(_AVAILABLE[0], nodes)]

    def set_tuning_results(self, results: list[Any], *, error_on_invalid: bool = False) -> None:
        if results and error_on_invalid:
            raise NotImplemented("the CPU provider has no kernels that are tuned by results")

    def get_tuning_results(self) -> list[Any]:
        return []

    def set_ep_dynamic_options(self, options: Mapping[str, str]) -> None:
        if options:
            raise NotImplemented("the CPU provider has no options that change while it runs")


def _cpu_memory():
    return OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR, 0, OrtMemType.DEFAULT)


def _async_executor():
    global _async_pool
    with _async_lock:
        if _async_pool is None:
            _async_pool = ThreadPoolExecutor(thread_name_prefix="sardonyx")
        return _async_pool


__all__ = ["InferenceSession", "SessionOptions", "available_providers", "known_providers"]
