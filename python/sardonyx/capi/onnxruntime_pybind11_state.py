"""What ONNX Runtime's binding offers, under the name that programs import it by."""

from .._sardonyx import *  # noqa: F403
from .._sardonyx import NotImplemented
from ..compiler import ModelCompiler, OrtCompileApiFlags, OrtExternalInitializerInfo
from ..devices import (
    ArenaExtendStrategy,
    OrtArenaCfg,
    OrtCompiledModelCompatibility,
    OrtDeviceEpIncompatibilityReason,
    OrtEpAssignedNode,
    OrtEpAssignedSubgraph,
    OrtEpContextData,
    OrtEpContextDataBuffer,
    OrtEpDevice,
    OrtExecutionProviderDevicePolicy,
    OrtHardwareDevice,
    OrtHardwareDeviceType,
    OrtSyncStream,
    SessionObjectInitializer,
    create_and_register_allocator,
    create_and_register_allocator_v2,
    get_compatibility_info_from_model,
    get_compatibility_info_from_model_bytes,
    get_ep_devices,
    get_hardware_device_ep_incompatibility_details,
    get_hardware_devices,
    get_model_compatibility_for_ep_devices,
    register_execution_provider_library,
    set_global_thread_pool_sizes,
    unregister_execution_provider_library,
)
from ..library import (
    copy_tensors,
    disable_telemetry_events,
    enable_telemetry_events,
    get_build_info,
    get_default_session_options,
    get_device,
    get_version_string,
    has_collective_ops,
    set_default_logger_severity,
    set_default_logger_verbosity,
)
from ..session import available_providers as get_available_providers
from ..session import known_providers as get_all_providers
from .two_step_session import InferenceSession

kNextPowerOfTwo = ArenaExtendStrategy.kNextPowerOfTwo
kSameAsRequested = ArenaExtendStrategy.kSameAsRequested


def _absent(name, why):
    def absent(*arguments, **keywords):
        raise NotImplemented(f"{name}: {why}")

    absent.__name__ = absent.__qualname__ = name
    return absent


get_all_operator_schema = _absent(
    "get_all_operator_schema", "onnx.defs.get_all_schemas() has the operators of ONNX"
)
get_all_opkernel_def = _absent("get_all_opkernel_def", "`sardonyx ops` lists the operators")
get_registered_ep_kernel_defs = _absent(
    "get_registered_ep_kernel_defs", "`sardonyx ops` lists the operators"
)
get_session_initializer = _absent(
    "get_session_initializer", "sessions of this library are made from SessionOptions"
)
pack_fp4_weights_for_cuda_moe_gemm = _absent(
    "pack_fp4_weights_for_cuda_moe_gemm", "there is no CUDA provider in this build"
)
