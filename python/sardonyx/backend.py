"""The backend interface of the onnx package (onnx.backend.base) over InferenceSession.

    rep = sardonyx.backend.prepare(model)
    outputs = rep.run([array])
"""

import os
import unittest
from collections import namedtuple

from ._sardonyx import InvalidArgument, RunOptions, SessionOptions
from .session import InferenceSession, available_providers

__all__ = ["Backend", "BackendRep", "is_compatible", "is_opset_supported", "prepare", "run",
           "run_model", "run_node", "supports_device"]

# Options by keyword that have to do with running a model, and not with files or other code.
_SESSION_OPTIONS = frozenset((
    "enable_cpu_mem_arena", "enable_mem_pattern", "enable_mem_reuse", "execution_mode",
    "execution_order", "graph_optimization_level", "inter_op_num_threads", "intra_op_num_threads",
    "log_severity_level", "log_verbosity_level", "logid", "use_deterministic_compute",
    "use_per_session_threads",
))  # fmt: skip
_RUN_OPTIONS = frozenset((
    "log_severity_level", "log_verbosity_level", "logid", "only_execute_path_to_fetches",
))  # fmt: skip


class BackendRep:
    """A prepared model; its session is the attribute `session`."""

    def __init__(self, session):
        self.session = self._session = session

    def run(self, inputs, **kwargs):
        """Takes one array, a list of arrays in the order of the inputs, or a dict by name.
        Keyword arguments set attributes of RunOptions. Returns the outputs as a list."""
        options = _with_attributes(RunOptions(), kwargs, _RUN_OPTIONS, _SESSION_OPTIONS | {"providers"})
        if not isinstance(inputs, dict):
            values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
            names = [arg.name for arg in self.session.get_inputs()]
            if len(values) != len(names):
                raise InvalidArgument(
                    f"Model expect {len(names)} inputs ({', '.join(names)}), got {len(values)}"
                )
            inputs = dict(zip(names, values))
        return self.session.run(None, inputs, options)


def _with_attributes(options, attributes, permitted, others):
    """Sets the permitted attributes. `others` are for the other kind of options, of which one call
    may take both; what is for neither is an error."""
    kind = type(options).__name__
    for name, value in attributes.items():
        if name in permitted:
            setattr(options, name, value)
        elif name not in others:
            raise InvalidArgument(
                f"{kind} attribute '{name}' is not permitted via the backend API."
                f" Allowed attributes: {', '.join(sorted(permitted))}"
            )
    return options


class Backend:
    """The interface as a class: onnx.backend.test.BackendTest takes it or this module."""

    @classmethod
    def supports_device(cls, device):
        """Whether "CPU" or "CUDA:0" style names say a device of this build."""
        return device.split(":")[0].upper() == "CPU"

    @classmethod
    def is_opset_supported(cls, model):
        """Whether the versions of the model's operator sets are known, and what is wrong if not."""
        import onnx

        newest = onnx.defs.onnx_opset_version()
        for opset in model.opset_import:
            if opset.domain in ("", "ai.onnx") and opset.version > newest:
                return False, f"opset {opset.version} of ai.onnx is newer than {newest}"
        return True, ""

    @classmethod
    def is_compatible(cls, model, device=None, **kwargs):
        """Whether the model loads on the device; None: the default one."""
        if device is not None and not cls.supports_device(device):
            return False
        try:
            cls.prepare(model, device, **kwargs)
        except (Exception, unittest.SkipTest):
            return False
        return True

    @classmethod
    def prepare(cls, model, device=None, **kwargs):
        """A BackendRep of a path, bytes, onnx.ModelProto or InferenceSession. Keyword arguments set
        attributes of SessionOptions. A ModelProto is checked by onnx.checker, and one of an opset
        that is not known raises unittest.SkipTest, as the tests of onnx want it."""
        if isinstance(model, BackendRep):
            return model
        if isinstance(model, InferenceSession):
            return BackendRep(model)
        if device is not None and not cls.supports_device(device):
            raise InvalidArgument(f"Incompatible device expected '{device}', got 'CPU'")
        providers = kwargs.pop("providers", None) or _providers()
        options = _with_attributes(SessionOptions(), kwargs, _SESSION_OPTIONS, _RUN_OPTIONS)
        if not isinstance(model, (str, bytes, os.PathLike)):
            import onnx

            supported, reason = cls.is_opset_supported(model)
            if not supported:
                raise unittest.SkipTest(reason)
            model = model.SerializeToString()
            onnx.checker.check_model(model)
        return BackendRep(InferenceSession(model, options, providers))

    @classmethod
    def run_model(cls, model, inputs, device=None, **kwargs):
        """Prepares and runs in one call, which takes the keyword arguments of both."""
        return cls.prepare(model, device, **kwargs).run(inputs, **kwargs)

    @classmethod
    def run_node(cls, node, inputs, device=None, outputs_info=None, **kwargs):
        """Runs a single onnx.NodeProto on arrays; returns its outputs as a named tuple. Keyword
        arguments are those of onnx.helper.make_model (opset_imports, ...)."""
        import onnx

        names = [name for name in node.input if name]
        args = [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in zip(names, inputs)
        ]
        results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", args, results)
        model = onnx.helper.make_model(graph, **kwargs).SerializeToString()
        outputs = cls.run_model(model, list(inputs), device)
        fields = [f"output_{index}" for index in range(len(outputs))]
        return namedtuple("Outputs", fields)(*outputs)


def _providers():
    excluded = os.environ.get("ORT_ONNX_BACKEND_EXCLUDE_PROVIDERS", "").split(",")
    return [name for name in available_providers() if name not in excluded]


is_compatible = Backend.is_compatible
is_opset_supported = Backend.is_opset_supported
prepare = Backend.prepare
run = run_model = Backend.run_model
run_node = Backend.run_node
supports_device = Backend.supports_device
