"""Sardonyx runs ONNX models. `import sardonyx as ort` gives ONNX Runtime's names and behaviour.

    session = sardonyx.InferenceSession("model.onnx")
    outputs = session.run(None, {"input": array})
"""

import logging as _logging

from . import capi
from ._sardonyx import (
    AdapterFormat,
    CustomNode,
    CustomOp,
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
    LoraAdapter,
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
    machine,
    set_seed,
    version,
)
from .compiler import ModelCompiler, OrtCompileApiFlags, OrtExternalInitializerInfo
from .devices import (
    OrtArenaCfg,
    OrtDeviceVendorId,
    OrtEpAssignedNode,
    OrtEpAssignedSubgraph,
    OrtEpDevice,
    OrtExecutionProviderDevicePolicy,
    OrtHardwareDevice,
    OrtHardwareDeviceType,
    create_and_register_allocator,
    create_and_register_allocator_v2,
    get_ep_devices,
    register_execution_provider_library,
    set_global_thread_pool_sizes,
    unregister_execution_provider_library,
)
from .session import InferenceSession, available_providers as get_available_providers
from .session import known_providers as get_all_providers
from .shapes import infer_shapes

__author__ = "The Sardonyx authors"
__version__ = version
package_name = "sardonyx"

# Where users find the exceptions, and so where messages say that they are from.
for _each in (Error, *Error.__subclasses__()):
    _each.__module__ = "sardonyx"

_LEVELS = (_logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR, _logging.CRITICAL)


def get_device() -> str:
    """The kind of device that this build runs on: "CPU"."""
    return "CPU"


def get_version_string() -> str:
    return __version__


def get_build_info() -> str:
    """One line about this build and this machine; `machine()` gives the same as a dict."""
    found = machine()
    return f"Sardonyx {found['version']}, tiers: {', '.join(found['tiers'])}"


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


def preload_dlls(cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory=None) -> None:
    """Everything that this build needs is loaded already."""


def custom_op(domain: str, name: str, outputs, **keywords):
    """Decorator: the function becomes a CustomOp (which see for the arguments).

        @sardonyx.custom_op("my.domain", "Twice", outputs=lambda node: [node.inputs[0]])
        def twice(x):
            return x + x
    """

    def decorate(compute):
        return CustomOp(domain, name, compute, outputs, **keywords)

    return decorate


def copy_tensors(src, dst, stream=None) -> None:
    """Copies each OrtValue of `src` over the one of `dst` in the same place."""
    if stream is not None:
        raise InvalidArgument("copy_tensors: memory of the CPU has no streams")
    if len(src) != len(dst):
        raise InvalidArgument(f"copy_tensors: {len(src)} tensors to copy to {len(dst)}")
    for source, target in zip(src, dst):
        target.update_inplace(source)


# Names of ONNX Runtime that this library does not have, so that asking for one says so.
_ABSENT = frozenset(("OrtSyncStream", "datasets", "quantization", "tools", "transformers"))


def __getattr__(name):
    if name in _ABSENT:
        raise AttributeError(f"sardonyx does not have ONNX Runtime's '{name}' (yet)")
    raise AttributeError(f"module 'sardonyx' has no attribute '{name}'")
