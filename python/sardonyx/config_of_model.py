"""Session options that a model carries: JSON in its metadata entry "ort_config"."""

from __future__ import annotations

import json
import logging
import mmap

from ._sardonyx import ExecutionMode, GraphOptimizationLevel, InvalidArgument, SessionOptions

_log = logging.getLogger("sardonyx")

_METADATA = 14  # ModelProto.metadata_props
_KEY, _VALUE = 1, 2  # of StringStringEntryProto
_CONVERT = {
    "intra_op_num_threads": int,
    "inter_op_num_threads": int,
    "execution_mode": ExecutionMode,
    "graph_optimization_level": GraphOptimizationLevel,
    "enable_profiling": bool,
}


def with_config_of_model(source: str | bytes, options: SessionOptions | None) -> SessionOptions:
    """The options, with what the model at this path or in these bytes says instead."""
    options = SessionOptions() if options is None else options.copy()
    for name, value in _config(source).items():
        if name not in _CONVERT:
            _log.warning("the model's ort_config has an option that is not known: %s", name)
            continue
        if not isinstance(value, int):
            raise InvalidArgument(f"{name} option in the model file must be an integer, got {value!r}")
        try:
            setattr(options, name, _CONVERT[name](value))
        except ValueError:
            raise InvalidArgument(f"Unsupported {name} value in ORT config: {value}") from None
    return options


def _config(source):
    if isinstance(source, bytes):
        text = metadata_of(source).get("ort_config")
    else:
        with open(source, "rb") as file:
            if not file.read(1):
                return {}
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                text = metadata_of(content).get("ort_config")
    try:
        options = json.loads(text or "{}").get("session_options", {})
        return dict(options)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidArgument(
            "Json stored in the `ort_config` key cannot be parsed as"
            f' {{"session_options": {{...}}}}: {error}'
        ) from None


def metadata_of(content) -> dict[str, str]:
    """The metadata_props of a serialized model, read without the rest of it."""
    entries = {}
    for field, payload in _fields(content, 0, len(content)):
        if field != _METADATA:
            continue
        pair = {name: content[start:end] for name, (start, end) in _fields(content, *payload)}
        key, value = (bytes(pair.get(each, b"")).decode("utf-8", "replace") for each in (_KEY, _VALUE))
        entries[key] = value
    return entries


def _fields(content, position, end):
    """(number, (begin, end)) of the length-delimited fields of a message; stops at broken bytes,
    which loading the model will find."""
    while position < end:
        tag, position = _varint(content, position, end)
        kind = tag & 7
        if kind == 2:
            size, position = _varint(content, position, end)
            if position + size > end:
                return
            yield tag >> 3, (position, position + size)
            position += size
        elif kind == 0:
            _, position = _varint(content, position, end)
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            return


def _varint(content, position, end):
    value = shift = 0
    while position < end and shift < 64:
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    return value, end
