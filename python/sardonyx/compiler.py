"""ModelCompiler: the model as a session rewrites it, written out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from ._sardonyx import Fail, GraphOptimizationLevel, InvalidArgument, SessionOptions
from .session import InferenceSession


class OrtCompileApiFlags(IntFlag):
    NONE = 0
    ERROR_IF_NO_NODES_COMPILED = 1
    ERROR_IF_OUTPUT_FILE_EXISTS = 2


@dataclass(frozen=True)
class OrtExternalInitializerInfo:
    """Where an initializer's bytes lie: a file, an offset and a size in bytes."""

    filepath: str
    file_offset: int
    byte_size: int


def _check_source(source):
    if isinstance(source, (str, os.PathLike)):
        if not os.fspath(source):
            raise ValueError("Input model path is empty")
        if not os.path.exists(source):
            raise InvalidArgument(f"{os.fspath(source)}: no such file")
    elif not isinstance(source, bytes):
        raise TypeError(f"Unable to load from type '{type(source)}'")
    elif not source:
        raise ValueError("Input model bytes array is empty")


class ModelCompiler:
    """Rewrites a model for `graph_optimization_level` and writes the result.

    sess_options: what a session would be made with; its graph_optimization_level does not count.
    input_model_path_or_bytes: path of an ONNX file, or its bytes.
    external_initializers_file_path: a file beside the output, or in a folder below, for the weights.
    external_initializers_size_threshold: bytes from which on a weight goes there.
    get_initializer_location_func: called with the name, the OrtValue and the place (an
        OrtExternalInitializerInfo, or None: inside) of each initializer; returns the place in a file
        that the caller wrote it to, or None for inside the model.

    No provider of this build compiles nodes to something of its own, so what comes out is ONNX.
    """

    def __init__(
        self,
        sess_options: SessionOptions,
        input_model_path_or_bytes: str | bytes | os.PathLike[str],
        embed_compiled_data_into_model: bool = False,
        external_initializers_file_path: str | os.PathLike[str] | None = None,
        external_initializers_size_threshold: int = 1024,
        flags: int = OrtCompileApiFlags.NONE,
        graph_optimization_level: GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
        get_initializer_location_func: Callable | None = None,
    ) -> None:
        _check_source(input_model_path_or_bytes)
        if get_initializer_location_func is not None:
            if external_initializers_file_path:
                raise ValueError(
                    "Cannot initialize ModelCompiler with both `external_initializers_file_path` and"
                    " `get_initializer_location_func`"
                )
        self._options = sess_options
        self._source = input_model_path_or_bytes
        self._external = external_initializers_file_path
        self._threshold = external_initializers_size_threshold
        self._flags = OrtCompileApiFlags(flags)
        self._level = graph_optimization_level
        self._locate = get_initializer_location_func

    def compile_to_file(self, output_model_path: str | os.PathLike[str] | None = None) -> None:
        """Writes the model; None: beside the input, as NAME_ctx.onnx."""
        if output_model_path is None:
            if isinstance(self._source, bytes):
                raise InvalidArgument("compile_to_file needs a path: the model came from memory")
            output_model_path = os.path.splitext(self._source)[0] + "_ctx.onnx"
        if OrtCompileApiFlags.ERROR_IF_OUTPUT_FILE_EXISTS in self._flags:
            if os.path.exists(output_model_path):
                raise Fail(f"{os.fspath(output_model_path)}: exists already")
        self._write(os.fspath(output_model_path))

    def compile_to_bytes(self) -> bytes:
        """The model; weights that go beside it lie in the working folder."""
        number, path = tempfile.mkstemp(".onnx", dir=os.curdir if self._external else None)
        os.close(number)
        try:
            self._write(path)
            with open(path, "rb") as file:
                return file.read()
        finally:
            os.unlink(path)

    def compile_to_stream(self, write_function: Callable[[bytes], object]) -> None:
        """Calls write_function with the bytes of the model, perhaps in parts."""
        write_function(self.compile_to_bytes())

    def set_ep_context_data_write_func(self, write_func: Callable[[str, Any], None]) -> None:
        """Accepted: no provider of this build compiles nodes, so that it is never called."""
        if not callable(write_func):
            raise InvalidArgument("write_func must be callable")

    def clear_ep_context_data_write_func(self) -> None:
        """What was set has not been kept."""

    def _write(self, path: str) -> None:
        if OrtCompileApiFlags.ERROR_IF_NO_NODES_COMPILED in self._flags:
            raise Fail("no provider of this build compiles nodes; the model would stay ONNX")
        options = self._options.copy()
        options.graph_optimization_level = self._level
        options.optimized_model_filepath = path
        if self._external:
            prefix = "session.optimized_model_external_initializers_"
            options.add_session_config_entry(prefix + "file_name", os.fspath(self._external))
            options.add_session_config_entry(
                prefix + "min_size_in_bytes", str(self._threshold)
            )
        if self._locate is not None:
            options._set_place_initializer(self._place)
        InferenceSession(self._source, options)

    def _place(self, name, value, origin):
        """The caller's function, with what it takes and returns as tuples."""
        info = None if origin is None else OrtExternalInitializerInfo(*origin)
        place = self._locate(name, value, info)
        if place is None:
            return None
        if not isinstance(place, OrtExternalInitializerInfo):
            raise TypeError(
                "get_initializer_location_func must return an OrtExternalInitializerInfo or None,"
                f" got {place!r}"
            )
        return place.filepath, place.file_offset, place.byte_size
