"""Runs custom operators of a library that was built for ONNX Runtime."""

import numpy as np
import onnxruntime
from given import save
from onnx import TensorProto, helper
from onnxruntime_extensions import get_library_path

options = onnxruntime.SessionOptions()
options.register_custom_ops_library(get_library_path())
texts = np.array(["Green Beans", "", "something else"])
results = {}
for operator in ("StringUpper", "StringLower", "StringLength"):
    kind = TensorProto.INT64 if operator == "StringLength" else TensorProto.STRING
    node = helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.contrib")
    x = helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])
    y = helper.make_tensor_value_info("y", kind, ["N"])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.contrib", 1)]
    graph = helper.make_graph([node], operator, [x], [y])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    results[operator] = onnxruntime.InferenceSession(model, options).run(None, {"x": texts})[0]
assert results["StringUpper"].tolist() == ["GREEN BEANS", "", "SOMETHING ELSE"]
save(**{name: result.astype(str) if result.dtype == object else result
        for name, result in results.items()})
