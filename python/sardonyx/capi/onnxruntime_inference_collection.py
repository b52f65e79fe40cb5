"""The classes that ONNX Runtime writes in Python, under the name of their module."""

from .._sardonyx import AdapterFormat, IOBinding, OrtDevice, OrtValue, SparseTensor
from ..compiler import ModelCompiler
from ..devices import OrtDeviceVendorId
from ..library import copy_tensors
from ..session import InferenceSession, resolve_providers

Session = InferenceSession  # ONNX Runtime's base class of it

_VENDORS = {
    "cuda": OrtDeviceVendorId.NVIDIA,
    "dml": OrtDeviceVendorId.MICROSOFT,
    "cann": OrtDeviceVendorId.HUAWEI,
    "webgpu": OrtDeviceVendorId.NONE,
}


def get_ort_device_type(device_type):
    """The number of a kind of device by its name."""
    return OrtDevice.make(device_type, 0).device_type()


def get_vendor_id_for_device_type(device_type):
    """What a device's name says of its vendor, or None."""
    return _VENDORS.get(device_type)


def check_and_normalize_provider_args(providers, provider_options, available_provider_names):
    """Names of providers, and their options as dicts of str to str."""
    if providers is None:
        return [], []
    resolved = resolve_providers(providers, provider_options)
    return list(resolved), list(resolved.values())
