"""The contenders of the race, each at its best settings: load(path, inputs, threads) -> run.

A run is a function without arguments that returns the outputs as a list of arrays. Modules are
imported by `ready`, so that the time and memory of an import are not those of a model.
"""

import importlib
import importlib.metadata


class OnnxRuntimeLike:
    """onnxruntime, and sardonyx, whose Python module has the same names."""

    def __init__(self, module, title, level="ORT_ENABLE_ALL", config=()):
        self.package, self.title, self.level, self.config = module, title, level, config

    def ready(self):
        self.module = importlib.import_module(self.package)

    def load(self, path, inputs, threads):
        options = self.module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = self.module.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = getattr(self.module.GraphOptimizationLevel, self.level)
        for key, value in self.config:
            options.add_session_config_entry(key, value)
        session = self.module.InferenceSession(path, options,
                                               providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda: session.run(names, inputs)


class OpenVino:
    """Compiled for the shapes of the inputs, which suits it best; nothing is copied."""

    package = "openvino"

    def __init__(self, precision, title):
        self.precision, self.title = precision, title

    def ready(self):
        self.module = importlib.import_module("openvino")
        self.core = self.module.Core()
        self.core.get_versions("CPU")  # loads the plugin

    def load(self, path, inputs, threads):
        model = self.core.read_model(path)
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        if any(port.partial_shape.is_dynamic for port in model.inputs):
            model.reshape(shapes)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if self.precision:
            settings["INFERENCE_PRECISION_HINT"] = self.precision
        compiled = self.core.compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()
        ports = compiled.outputs

        def run():
            results = request.infer(inputs, share_inputs=True, share_outputs=True)
            return [results[port] for port in ports]
        run.precision = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        return run


CONTENDERS = {
    "sardonyx": OnnxRuntimeLike("sardonyx", "Sardonyx"),
    "sardonyx_bf16": OnnxRuntimeLike("sardonyx", "Sardonyx in bf16",
                                     config=[("sardonyx.matmul_precision", "bf16")]),
    "sardonyx_fma": OnnxRuntimeLike("sardonyx", "Sardonyx, multiply-adds",
                                    config=[("sardonyx.tier", "amx")]),
    "onnxruntime": OnnxRuntimeLike("onnxruntime", "ONNX Runtime"),
    "openvino": OpenVino("f32", "OpenVINO f32"),
    "openvino_default": OpenVino(None, "OpenVINO default"),
    "onnxruntime_exact": OnnxRuntimeLike("onnxruntime", "ONNX Runtime, exact",
                                         config=[("session.x64quantprecision", "1")]),
    "onnxruntime_plain": OnnxRuntimeLike("onnxruntime", "ONNX Runtime, not optimised",
                                         "ORT_DISABLE_ALL"),
}
RACING = ("sardonyx", "onnxruntime", "openvino", "openvino_default")
# Whose outputs the others are compared with; whose in 8-bit models, where the reference's own sums
# saturate on processors without VNNI; who may differ, computing in bfloat16 where it can; who shows
# how well the reference reproduces itself when its own optimisations are off.
REFERENCE = "onnxruntime"
EXACT_REFERENCE = "onnxruntime_exact"
MAY_DIFFER = ("openvino_default",)
SECOND_REFERENCE = "onnxruntime_plain"


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # as built in this tree
        return importlib.import_module(package).__version__
