"""The CPU as ONNX Runtime's device, arena and thread-pool calls describe it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from ._sardonyx import InvalidArgument, NotImplemented, OrtMemoryInfo
from .config_of_model import metadata_of
from ._sardonyx import OrtAllocatorType, OrtMemType, machine, set_arena_limit, set_default_threads

_CPU = "CPUExecutionProvider"


class OrtHardwareDeviceType(IntEnum):
    CPU = 0
    GPU = 1
    NPU = 2


class OrtDeviceVendorId(IntEnum):
    NONE = 0x0000
    AMD = 0x1002
    NVIDIA = 0x10DE
    ARM = 0x13B5
    MICROSOFT = 0x1414
    HUAWEI = 0x19E5
    QUALCOMM = 0x5143
    INTEL = 0x8086


class OrtExecutionProviderDevicePolicy(IntEnum):
    """Which devices a session takes. There is one, so that each of them chooses it."""

    DEFAULT = 0
    PREFER_CPU = 1
    PREFER_NPU = 2
    PREFER_GPU = 3
    MAX_PERFORMANCE = 4
    MAX_EFFICIENCY = 5
    MIN_OVERALL_POWER = 6


@dataclass(frozen=True)
class OrtHardwareDevice:
    """A processor. `metadata` holds what `machine()` found of it."""

    type: OrtHardwareDeviceType
    vendor_id: int
    vendor: str
    device_id: int
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OrtEpDevice:
    """An execution provider on a device."""

    ep_name: str
    ep_vendor: str
    device: OrtHardwareDevice
    ep_metadata: dict[str, str] = field(default_factory=dict)
    ep_options: dict[str, str] = field(default_factory=dict)

    def memory_info(self, mem_type: Any = None) -> OrtMemoryInfo:
        return OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR, 0, OrtMemType.DEFAULT)

    def create_sync_stream(self, stream_options: Mapping[str, str] | None = None) -> None:
        raise NotImplemented("memory of the CPU has no streams")


class _NeverMade:
    """Made by execution providers that this build does not have."""

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__name__}: No constructor defined!")


class OrtSyncStream(_NeverMade):
    """A stream of a device that runs apart from the CPU."""

    def get_handle(self) -> int:
        raise NotImplemented("memory of the CPU has no streams")


class OrtEpContextData(_NeverMade):
    """What a provider that compiles nodes writes of them: `size` bytes, by read(offset, length)."""


class OrtEpContextDataBuffer(_NeverMade):
    """Memory that such a provider reads into, by allocate(size) and write(data, offset)."""


class SessionObjectInitializer(_NeverMade):
    """What sessions of ONNX Runtime are made from by its training packages."""


class ArenaExtendStrategy(IntEnum):
    kNextPowerOfTwo = 0
    kSameAsRequested = 1


class OrtCompiledModelCompatibility(IntEnum):
    EP_NOT_APPLICABLE = 0
    EP_SUPPORTED_OPTIMAL = 1
    EP_SUPPORTED_PREFER_RECOMPILATION = 2
    EP_UNSUPPORTED = 3


class OrtDeviceEpIncompatibilityReason(IntFlag):
    NONE = 0
    DRIVER_INCOMPATIBLE = 1
    DEVICE_INCOMPATIBLE = 2
    MISSING_DEPENDENCY = 4
    UNKNOWN = -(2**31)


@dataclass(frozen=True)
class OrtEpAssignedNode:
    """A node of a model as a session runs it."""

    name: str
    domain: str
    op_type: str


@dataclass(frozen=True)
class OrtEpAssignedSubgraph:
    """The nodes that one execution provider runs."""

    ep_name: str
    nodes: list[OrtEpAssignedNode]

    def get_nodes(self) -> list[OrtEpAssignedNode]:
        return self.nodes


def get_ep_devices() -> list[OrtEpDevice]:
    """The execution providers of this build and the devices that they run on."""
    found = machine()
    metadata = {"features": " ".join(found["features"]), "tier": found["tier"]}
    device = OrtHardwareDevice(OrtHardwareDeviceType.CPU, 0, "", 0, metadata)
    return [OrtEpDevice(_CPU, "Sardonyx", device)]


def get_hardware_devices() -> list[OrtHardwareDevice]:
    return [device.device for device in get_ep_devices()]


def get_hardware_device_ep_incompatibility_details(
    ep_name: str, device: OrtHardwareDevice
) -> dict[str, Any]:
    """Why a provider cannot run on a device: the CPU's can, and there is no other."""
    if ep_name != _CPU:
        raise InvalidArgument(f"No valid factory found for execution provider '{ep_name}'.")
    return {"reasons_bitmask": 0, "notes": None, "error_code": 0}


def get_model_compatibility_for_ep_devices(
    ep_devices: Sequence[OrtEpDevice], compatibility_info: str
) -> OrtCompiledModelCompatibility:
    """Whether compiled parts of a model fit the devices; the CPU's provider compiles none."""
    if not ep_devices:
        raise InvalidArgument("Invalid argument provided to GetModelCompatibilityForEpDevices.")
    return OrtCompiledModelCompatibility.EP_NOT_APPLICABLE


def get_compatibility_info_from_model(path: str | os.PathLike[str], ep_type: str) -> str | None:
    """What a compiled model says of the provider that compiled it: the metadata entry of its name."""
    with open(path, "rb") as file:
        return get_compatibility_info_from_model_bytes(file.read(), ep_type)


def get_compatibility_info_from_model_bytes(model: bytes, ep_type: str) -> str | None:
    if not model:
        raise InvalidArgument("Invalid argument provided to GetCompatibilityInfoFromModelBytes.")
    return metadata_of(model).get(f"ep_compatibility_info.{ep_type}")


def register_execution_provider_library(registration_name: str, library_path: str) -> None:
    raise NotImplemented(
        f"{registration_name}: libraries of execution providers cannot be loaded; this build has"
        f" {_CPU}"
    )


def unregister_execution_provider_library(registration_name: str) -> None:
    raise InvalidArgument(f"no library of execution providers is registered as {registration_name}")


class OrtArenaCfg:
    """Limits of an arena, as a dict or as four numbers; -1 or 0 leaves one to the library.

    `max_mem`, bytes, is what sessions with the config entry `session.use_env_allocators` = "1" may
    take each; an arena here is one block per plan, so the others have nothing to set.
    """

    max_mem: int
    arena_extend_strategy: int
    initial_chunk_size_bytes: int
    max_dead_bytes_per_chunk: int
    initial_growth_chunk_size_bytes: int
    max_power_of_two_extend_bytes: int

    _FIELDS = (
        "max_mem", "arena_extend_strategy", "initial_chunk_size_bytes",
        "max_dead_bytes_per_chunk", "initial_growth_chunk_size_bytes",
        "max_power_of_two_extend_bytes",
    )  # fmt: skip

    def __init__(self, *args: Any) -> None:
        values = dict.fromkeys(self._FIELDS, -1) | {"max_mem": 0}
        if len(args) == 1 and isinstance(args[0], Mapping):
            unknown = set(args[0]) - set(self._FIELDS)
            if unknown:
                raise ValueError(f"Invalid OrtArenaCfg option: {', '.join(sorted(unknown))}")
            values.update(args[0])
        elif len(args) == 4:
            values.update(zip(self._FIELDS, args))
        else:
            raise TypeError("OrtArenaCfg takes a dict or four ints: " + ", ".join(self._FIELDS[:4]))
        for name, value in values.items():
            if not isinstance(value, int):
                raise ValueError(f"OrtArenaCfg.{name} must be an int, got {value!r}")
            setattr(self, name, value)


def create_and_register_allocator(
    mem_info: OrtMemoryInfo, arena_cfg: OrtArenaCfg | None = None
) -> None:
    """Sets what sessions with `session.use_env_allocators` = "1" share."""
    if mem_info.name.lower() != "cpu":
        raise InvalidArgument(f"there is memory of the CPU only, got '{mem_info.name}'")
    set_arena_limit(max(arena_cfg.max_mem, 0) if arena_cfg is not None else 0)


def create_and_register_allocator_v2(
    provider_type: str,
    mem_info: OrtMemoryInfo,
    provider_options: Mapping[str, str] | None = None,
    arena_cfg: OrtArenaCfg | None = None,
) -> None:
    """create_and_register_allocator() for a named execution provider."""
    if provider_type != _CPU:
        raise InvalidArgument(f"this build has {_CPU}, not '{provider_type}'")
    create_and_register_allocator(mem_info, arena_cfg)


def set_global_thread_pool_sizes(
    intra_op_num_threads: int = 0, inter_op_num_threads: int = 0
) -> None:
    """Threads of later sessions that ask for none themselves; 0: chosen by the library.

    Sessions that have the same number of threads share them in any case.
    """
    if intra_op_num_threads < 0 or inter_op_num_threads < 0:
        raise InvalidArgument("the sizes of the thread pools must be 0 (chosen) or more")
    set_default_threads(intra_op_num_threads)
