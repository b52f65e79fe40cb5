"""Sardonyx runs ONNX models. `import sardonyx as ort` gives ONNX Runtime's names and behaviour.

    session = sardonyx.InferenceSession("model.onnx")
    outputs = session.run(None, {"input": array})
"""

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
    OrtEpContextData,
    OrtEpContextDataBuffer,
    OrtEpDevice,
    OrtExecutionProviderDevicePolicy,
    OrtHardwareDevice,
    OrtHardwareDeviceType,
    OrtSyncStream,
    create_and_register_allocator,
    create_and_register_allocator_v2,
    get_ep_devices,
    register_execution_provider_library,
    set_global_thread_pool_sizes,
    unregister_execution_provider_library,
)
from .library import (
    copy_tensors,
    disable_telemetry_events,
    enable_telemetry_events,
    get_build_info,
    get_device,
    get_version_string,
    has_collective_ops,
    preload_dlls,
    print_debug_info,
    set_default_logger_severity,
    set_default_logger_verbosity,
)
from .session import InferenceSession, available_providers as get_available_providers
from .session import known_providers as get_all_providers
from .shapes import infer_shapes
from .as_onnxruntime import install_as_onnxruntime, uninstall_as_onnxruntime

__author__ = "The Sardonyx authors"
__version__ = version
package_name = "sardonyx"
cuda_version = ""

# Where users find the exceptions, and so where messages say that they are from.
for _each in (Error, *Error.__subclasses__()):
    _each.__module__ = "sardonyx"

def custom_op(domain: str, name: str, outputs, **keywords):
    """Decorator: the function becomes a CustomOp (which see for the arguments).

        @sardonyx.custom_op("my.domain", "Twice", outputs=lambda node: [node.inputs[0]])
        def twice(x):
            return x + x
    """

    def decorate(compute):
        return CustomOp(domain, name, compute, outputs, **keywords)

    return decorate


# Names of ONNX Runtime that this library does not have, so that asking for one says so.
_ABSENT = frozenset(("datasets", "quantization", "tools", "transformers"))


def __getattr__(name):
    if name in _ABSENT:
        raise AttributeError(f"sardonyx does not have ONNX Runtime's '{name}' (yet)")
    raise AttributeError(f"module 'sardonyx' has no attribute '{name}'")
