#!/usr/bin/env python3
"""Makes the small models and the picture that the clients of other languages run: make_models.py DIR."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int32": TensorProto.INT32,
    "uint32": TensorProto.UINT32,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}
DOMAINS = [("", 17), ("ai.onnx.ml", 3)]


def tensor(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(name, nodes, inputs, outputs, initializers=(), **fields):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers), doc_string="a graph")
    opsets = [helper.make_opsetid(domain, version) for domain, version in DOMAINS]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="clients", **fields)
    onnx.checker.check_model(made)
    return made


def identity(name, dtype):
    node = helper.make_node("Identity", ["input"], ["output"])
    return model(name, [node], [tensor("input", dtype, [1, 5])], [tensor("output", dtype, [1, 5])])


def arithmetic():
    """sum = a + b, product = a * b, of N by 2; with metadata."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Mul", ["a", "b"], ["product"])]
    inputs = [tensor(name, TensorProto.FLOAT, ["N", 2]) for name in ("a", "b")]
    outputs = [tensor(name, TensorProto.FLOAT, ["N", 2]) for name in ("sum", "product")]
    made = model("arithmetic", nodes, inputs, outputs, domain="clients.test", model_version=7, doc_string="adds")
    helper.set_model_props(made, {"key": "value"})
    return made


def external(folder):
    """y = x + w, w in the file weights.bin."""
    weights = numpy_helper.from_array(np.arange(1, 5, dtype=np.float32), "w")
    made = model(
        "external",
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [4])],
        [tensor("y", TensorProto.FLOAT, [4])],
        [weights],
    )
    onnx.save(made, folder / "external.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)


def containers():
    """A sequence of the two halves of x, and one map of label to score."""
    nodes = [
        helper.make_node("SplitToSequence", ["x"], ["parts"], axis=1),
        helper.make_node("ZipMap", ["x"], ["scores"], domain="ai.onnx.ml", classlabels_int64s=[10, 20]),
        helper.make_node("ZipMap", ["x"], ["named"], domain="ai.onnx.ml", classlabels_strings=["no", "yes"]),
    ]
    part = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    score = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    outputs = [
        helper.make_value_info("parts", helper.make_sequence_type_proto(part)),
        helper.make_value_info(
            "scores", helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, score))
        ),
        helper.make_value_info(
            "named", helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.STRING, score))
        ),
    ]
    return model("containers", nodes, [tensor("x", TensorProto.FLOAT, [1, 2])], outputs)


def classifier():
    """image [1,3,224,224] -> scores [1,1000]: a small convolution network with weights from a seeded generator."""
    generator = np.random.default_rng(5)
    initializers = []

    def weights(name, *shape):
        spread = np.sqrt(2 / np.prod(shape[1:]))
        initializers.append(numpy_helper.from_array((generator.standard_normal(shape) * spread).astype(np.float32), name))
        return name

    nodes, value = [], "image"
    for index, (source, count, kernel, stride) in enumerate([(3, 16, 7, 4), (16, 32, 3, 2), (32, 64, 3, 2)]):
        inputs = [value, weights(f"w{index}", count, source, kernel, kernel)]
        attributes = {"strides": [stride] * 2, "pads": [kernel // 2] * 4}
        nodes.append(helper.make_node("Conv", inputs, [f"conv{index}"], **attributes))
        nodes.append(helper.make_node("Relu", [f"conv{index}"], [f"relu{index}"]))
        value = f"relu{index}"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["mean"]))
    nodes.append(helper.make_node("Flatten", ["mean"], ["features"]))
    nodes.append(helper.make_node("Gemm", ["features", weights("classes", 1000, 64)], ["logits"], transB=1))
    nodes.append(helper.make_node("Softmax", ["logits"], ["scores"]))
    inputs = [tensor("image", TensorProto.FLOAT, [1, 3, 224, 224])]
    return model("classifier", nodes, inputs, [tensor("scores", TensorProto.FLOAT, [1, 1000])], initializers)


def picture(path):
    """A photograph, 224 by 224, in the simplest format there is: binary PPM."""
    from skimage.data import astronaut

    whole = astronaut()[:448, 32:480].astype(np.uint32)
    small = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2] + 2) // 4
    path.write_bytes(b"P6\n224 224\n255\n" + small.astype(np.uint8).tobytes())


def overridable():
    """y = x * scale + shift; shift is an input too, and may be given; batch is a dim of denotation BATCH."""
    scale = numpy_helper.from_array(np.float32([1, 10, 100]), "scale")
    shift = numpy_helper.from_array(np.float32([1, 2, 3]), "shift")
    nodes = [helper.make_node("Mul", ["x", "scale"], ["scaled"]), helper.make_node("Add", ["scaled", "shift"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3], shape_denotation=["BATCH", ""])
    y = tensor("y", TensorProto.FLOAT, ["batch", 3])
    return model("overridable", nodes, [x, tensor("shift", TensorProto.FLOAT, [3])], [y], [scale, shift])


def given_containers():
    """total = the sum of the tensors of a sequence; row = the values of a map at the keys "a", "b"."""
    part = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
    nodes = [
        helper.make_node("ConcatFromSequence", ["parts"], ["stacked"], axis=0, new_axis=1),
        helper.make_node("ReduceSum", ["stacked", "first"], ["total"], keepdims=0),
        helper.make_node("DictVectorizer", ["table"], ["row"], domain="ai.onnx.ml", string_vocabulary=["a", "b"]),
    ]
    table = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    inputs = [
        helper.make_value_info("parts", helper.make_sequence_type_proto(part)),
        helper.make_value_info("table", table),
    ]
    outputs = [tensor("total", TensorProto.FLOAT, [2]), tensor("row", TensorProto.FLOAT, [1, 2])]
    axis = numpy_helper.from_array(np.int64([0]), "first")
    return model("given_containers", nodes, inputs, outputs, [axis])


def long_loop():
    """Adds 1 to x as often as count says: a run that takes as long as is wanted."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["sum", "one"], ["next"])],
        "body",
        [tensor("step", TensorProto.INT64, []), tensor("go", TensorProto.BOOL, []), tensor("sum", TensorProto.FLOAT, [])],
        [tensor("go_on", TensorProto.BOOL, []), tensor("next", TensorProto.FLOAT, [])],
    )
    one = numpy_helper.from_array(np.float32(1), "one")
    node = helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)
    inputs = [tensor("count", TensorProto.INT64, []), tensor("x", TensorProto.FLOAT, [])]
    return model("long_loop", [node], inputs, [tensor("y", TensorProto.FLOAT, [])], [one])


def adapted(folder):
    """y = x + a @ b, and an adapter that gives a and b: [[1], [2]] and [[10, 20]] in place of zeros."""
    import onnxruntime

    zeros = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in (("a", (2, 1)), ("b", (1, 2)))]
    nodes = [helper.make_node("MatMul", ["a", "b"], ["change"]), helper.make_node("Add", ["x", "change"], ["y"])]
    shapes = {"x": [2, 2], "a": [2, 1], "b": [1, 2]}
    inputs = [tensor(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    onnx.save(model("adapted", nodes, inputs, [tensor("y", TensorProto.FLOAT, [2, 2])], zeros), folder / "adapted.onnx")
    adapter = onnxruntime.AdapterFormat()
    adapter.set_adapter_version(1)
    adapter.set_model_version(1)
    values = {"a": np.float32([[1], [2]]), "b": np.float32([[10, 20]])}
    adapter.set_parameters({name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in values.items()})
    adapter.export_adapter(str(folder / "adapted.onnx_adapter"))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, dtype in TYPES.items():
        onnx.save(identity(name, dtype), folder / f"type_{name}.onnx")
    onnx.save(arithmetic(), folder / "arithmetic.onnx")
    onnx.save(containers(), folder / "containers.onnx")
    onnx.save(overridable(), folder / "overridable.onnx")
    onnx.save(given_containers(), folder / "given_containers.onnx")
    onnx.save(long_loop(), folder / "long_loop.onnx")
    adapted(folder)
    external(folder)
    onnx.save(classifier(), folder / "classifier.onnx")
    picture(folder / "picture.ppm")
    (folder / "broken.onnx").write_bytes(b"no model at all")


main(Path(sys.argv[1]))
