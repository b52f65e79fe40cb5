"""Sardonyx runs ONNX models. `import sardonyx as ort` gives ONNX Runtime's names and behaviour.

    session = sardonyx.InferenceSession("model.onnx")
    outputs = session.run(None, {"input": array})
"""

import logging as _logging

from . import capi
from ._sardonyx import (
    EngineError,
    EPFail,
    Error,
    ExecutionMode,
    ExecutionOrder,
    Fail,
    GraphOptimizationLevel,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    IOBinding,
    DeviceReset,
    ModelLoadCanceled,
    ModelLoaded,
    ModelMetadata,
    ModelRequiresCompilation,
    NoModel,
    NoSuchFile,
    NodeArg,
    NotFound,
    NotImplemented,
    OrtAllocatorType,
    OrtDevice,
    OrtDeviceMemoryType,
    OrtMemoryInfo,
    OrtMemoryInfoDeviceType,
    OrtMemType,
    OrtSparseFormat,
    OrtValue,
    OrtValueVector,
    RunOptions,
    RuntimeException,
    SessionIOBinding,
    SessionOptions,
    SparseTensor,
    __version__,
    machine,
)
from .session import InferenceSession, available_providers as get_available_providers
from .session import known_providers as get_all_providers

__author__ = "The Sardonyx authors"
package_name = "sardonyx"
version = __version__

_LEVELS = (_logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR, _logging.CRITICAL)


def get_device():
    """The kind of device that this build runs on: "CPU"."""
    return "CPU"


def get_version_string():
    return __version__


def get_build_info():
    """One line about this build and this machine; `machine()` gives the same as a dict."""
    found = machine()
    return f"Sardonyx {found['version']}, tiers: {', '.join(found['tiers'])}"


def has_collective_ops():
    return False


def set_default_logger_severity(severity):
    """0 verbose, 1 info, 2 warning, 3 error, 4 fatal. Messages go to the logger "sardonyx"."""
    if severity not in range(len(_LEVELS)):
        raise InvalidArgument(f"Invalid logging severity {severity}; expected 0 to 4")
    _logging.getLogger("sardonyx").setLevel(_LEVELS[severity])


def set_default_logger_verbosity(level):
    """Accepted; there are no verbose messages beyond the severities."""
    if not isinstance(level, int):
        raise TypeError(f"the verbosity must be an int, got {type(level).__name__}")


def set_seed(seed):
    """The seed of the random operators that have none of their own: not available yet."""
    raise NotImplemented(
        "set_seed: random operators cannot be seeded from outside yet; give them a `seed` attribute"
    )


def enable_telemetry_events():
    """There is no telemetry."""


def disable_telemetry_events():
    """There is no telemetry."""


def print_debug_info():
    """Prints what the library found on this machine."""
    for name, value in machine().items():
        print(f"{name:10} {value}")
