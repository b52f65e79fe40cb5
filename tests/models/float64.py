"""Expected outputs in 64-bit arithmetic: a float32 model with everything widened, evaluated by the
onnx package's own reference implementation. For models whose outputs float32 does not determine
as finely as the bar, so that two right runtimes may differ by more than it."""

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator


def widen(tensor):
    if tensor.data_type == onnx.TensorProto.FLOAT:
        wide = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


def widened(model):
    """The model with float64 in place of float32; subgraphs and Cast are not looked into."""
    graph = model.graph
    for tensor in graph.initializer:
        widen(tensor)
    for node in graph.node:
        if node.op_type in ("Cast", "If", "Loop", "Scan"):
            raise ValueError(f"float64 reference: {node.op_type} '{node.name}' is not handled")
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                widen(attribute.t)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    return model


def evaluate(path, fed):
    """-> the outputs in the model's order, rounded to float32."""
    wide = {name: value.astype(np.float64) if value.dtype == np.float32 else value
            for name, value in fed.items()}
    outputs = ReferenceEvaluator(widened(onnx.load(path))).run(None, wide)
    return [value.astype(np.float32) if value.dtype == np.float64 else value for value in outputs]
