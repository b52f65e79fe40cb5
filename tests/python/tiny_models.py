"""Models of a node or two, made with onnx.helper."""

import onnx
from onnx import TensorProto, helper


def value(name, dtype=TensorProto.FLOAT, shape=("N", 3)):
    return helper.make_tensor_value_info(name, dtype, None if shape is None else list(shape))


def model(nodes, inputs, outputs, initializers=(), opset=21, **attributes):
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializer=list(initializers))
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **attributes)


def to_bytes(*arguments, **keywords):
    return model(*arguments, **keywords).SerializeToString()


def add():
    """z = x + y, float32, x: [N, 3], y: [?, 3]."""
    node = helper.make_node("Add", ["x", "y"], ["z"], name="add0")
    return to_bytes([node], [value("x"), value("y", shape=(None, 3))], [value("z")])


def identity(dtype=TensorProto.FLOAT, shape=("N", 3)):
    node = helper.make_node("Identity", ["x"], ["y"], name="same")
    return to_bytes([node], [value("x", dtype, shape)], [value("y", dtype, shape)])


def matmul(weights):
    """y = x @ w with a constant w."""
    w = onnx.numpy_helper.from_array(weights, "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="mm0")
    rows, columns = weights.shape
    return to_bytes([node], [value("x", shape=("N", rows))], [value("y", shape=("N", columns))],
                    [w])
