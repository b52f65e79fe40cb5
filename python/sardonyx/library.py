"""What is said to the library as a whole, and what it says of itself and its machine."""

from __future__ import annotations

import logging as _logging
from collections.abc import Sequence
from typing import Any

from ._sardonyx import InvalidArgument, OrtValue, SessionOptions, machine, version

_LEVELS = (_logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR, _logging.CRITICAL)


def get_device() -> str:
    """The kind of device that this build runs on: "CPU"."""
    return "CPU"


def get_version_string() -> str:
    return version


def get_build_info() -> str:
    """One line about this build and this machine; `machine()` gives the same as a dict."""
    found = machine()
    return f"Sardonyx Build Info: version={found['version']}, tiers={', '.join(found['tiers'])}"


def has_collective_ops() -> bool:
    return False


def set_default_logger_severity(severity: int) -> None:
    """0 verbose, 1 info, 2 warning, 3 error, 4 fatal. Messages go to the logger "sardonyx"."""
    if severity not in range(len(_LEVELS)):
        raise InvalidArgument(f"Invalid logging severity {severity}; expected 0 to 4")
    _logging.getLogger("sardonyx").setLevel(_LEVELS[severity])


def set_default_logger_verbosity(level: int) -> None:
    """Accepted; there are no verbose messages beyond the severities."""
    if not isinstance(level, int):
        raise TypeError(f"the verbosity must be an int, got {type(level).__name__}")


def enable_telemetry_events() -> None:
    """There is no telemetry."""


def disable_telemetry_events() -> None:
    """There is no telemetry."""


def print_debug_info() -> None:
    """Prints what the library found on this machine."""
    for name, value in machine().items():
        print(f"{name:10} {value}")


def preload_dlls(
    cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: Any = None
) -> None:
    """Everything that this build needs is loaded already."""


def copy_tensors(
    src: Sequence[OrtValue], dst: Sequence[OrtValue], stream: Any = None
) -> None:
    """Copies each OrtValue of `src` over the one of `dst` in the same place."""
    if stream is not None:
        raise InvalidArgument("copy_tensors: memory of the CPU has no streams")
    if len(src) != len(dst):
        raise InvalidArgument(f"copy_tensors: {len(src)} tensors to copy to {len(dst)}")
    for source, target in zip(src, dst):
        target.update_inplace(source)


def get_default_session_options() -> SessionOptions:
    return SessionOptions()
