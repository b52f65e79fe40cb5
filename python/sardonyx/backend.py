"""The backend interface of the onnx package (onnx.backend.base) over InferenceSession.

    rep = sardonyx.backend.prepare(model)
    outputs = rep.run([array])
"""

import os
from collections import namedtuple

from ._sardonyx import InvalidArgument, RunOptions, SessionOptions
from .session import InferenceSession

__all__ = ["BackendRep", "is_compatible", "is_opset_supported", "prepare", "run_model", "run_node",
           "supports_device"]


class BackendRep:
    """A prepared model; its session is the attribute `session`."""

    def __init__(self, session):
        self.session = session

    def run(self, inputs, **kwargs):
        """Takes one array, a list of arrays in the order of the inputs, or a dict by name.
        Keyword arguments set attributes of RunOptions. Returns the outputs as a list."""
        options = _with_attributes(RunOptions(), kwargs)
        if not isinstance(inputs, dict):
            values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
            names = [arg.name for arg in self.session.get_inputs()]
            if len(values) != len(names):
                raise InvalidArgument(
                    f"the model takes {len(names)} inputs ({', '.join(names)}), got {len(values)}"
                )
            inputs = dict(zip(names, values))
        return self.session.run(None, inputs, options)


def _with_attributes(options, attributes):
    for name, value in attributes.items():
        if not hasattr(options, name):
            raise AttributeError(f"{type(options).__name__} has no attribute '{name}'")
        setattr(options, name, value)
    return options


def supports_device(device):
    """Whether "CPU" or "CUDA:0" style names say a device of this build."""
    return device.split(":")[0].upper() == "CPU"


def is_opset_supported(model):
    """Whether the versions of the model's operator sets are known, and what is wrong if not."""
    import onnx

    for opset in model.opset_import:
        newest = onnx.defs.onnx_opset_version()
        if opset.domain in ("", "ai.onnx") and opset.version > newest:
            return False, f"opset {opset.version} is newer than {newest}"
    return True, ""


def is_compatible(model, device="CPU", **kwargs):
    """Whether the model loads on the device."""
    if not supports_device(device):
        return False
    try:
        prepare(model, device, **kwargs)
    except Exception:
        return False
    return True


def prepare(model, device="CPU", **kwargs):
    """A BackendRep of a path, bytes, onnx.ModelProto or InferenceSession. Keyword arguments set
    attributes of SessionOptions."""
    if isinstance(model, BackendRep):
        return model
    if isinstance(model, InferenceSession):
        return BackendRep(model)
    if not supports_device(device):
        raise InvalidArgument(f"there is no device '{device}' in this build; there is CPU")
    if not isinstance(model, (str, bytes, os.PathLike)):
        model = model.SerializeToString()
    providers = kwargs.pop("providers", None)
    options = _with_attributes(SessionOptions(), kwargs)
    return BackendRep(InferenceSession(model, options, providers))


def run_model(model, inputs, device="CPU", **kwargs):
    """Prepares and runs in one call."""
    return prepare(model, device, **kwargs).run(inputs)


def run_node(node, inputs, device="CPU", outputs_info=None, **kwargs):
    """Runs a single onnx.NodeProto on arrays; returns its outputs as a named tuple."""
    import onnx

    names = [name for name in node.input if name]
    args = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in zip(names, inputs)
    ]
    results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "node", args, results), **kwargs)
    outputs = run_model(model, list(inputs), device)
    fields = [f"output_{index}" for index in range(len(outputs))]
    return namedtuple("Outputs", fields)(*outputs)
