"""Operators of ONNX Runtime whose meaning depends on ranks that a model does not tell: they run when
a run knows them."""

import numpy as np
import onnx
import onnxruntime
import pytest
from beside_oracle import check_same, oracle, random
from onnx import TensorProto, helper

import sardonyx

MS = "com.microsoft"


def undeclared(name, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, None)


def model(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "net", inputs, [undeclared(each) for each in outputs],
                              list(initializers))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def product(a, b, y, **attributes):
    return helper.make_node("FusedMatMul", [a, b], [y], domain=MS, transA=1, **attributes)


def beside(data, *many_feeds, **options):
    """Both runtimes in one session each, with feeds of different ranks one after the other."""
    ours = sardonyx.InferenceSession(data, **options)
    theirs = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for feeds in many_feeds:
        check_same(ours.run(None, feeds), theirs.run(None, feeds))


def matrices(*batch):
    return {"a": random(*batch, 7, 5), "b": random(*batch, 7, 6, seed=1)}


def test_ranks_change():
    nodes = [product("a", "b", "y", alpha=0.5), helper.make_node("Relu", ["y"], ["z"])]
    data = model(nodes, [undeclared("a"), undeclared("b")], ["y", "z"])
    beside(data, matrices(), matrices(2), matrices(3, 2), matrices())


def test_behind_a_shape_that_is_data():
    nodes = [
        helper.make_node("Reshape", ["a", "wide"], ["apart"]),
        product("apart", "b", "y"),
        product("y", "y", "z"),
    ]
    inputs = [undeclared("a"), undeclared("b"), undeclared("wide", TensorProto.INT64)]
    flat = [dict(each, a=each["a"].ravel(), wide=np.array(each["a"].shape))
            for each in (matrices(), matrices(2))]
    beside(model(nodes, inputs, ["z"]), *flat)


def test_in_a_branch():
    branches = {
        name: helper.make_graph([product("a", "b", name, alpha=alpha)], name, [],
                                [undeclared(name)])
        for name, alpha in (("then", 1.0), ("else", 2.0))
    }
    node = helper.make_node("If", ["which"], ["y"], then_branch=branches["then"],
                            else_branch=branches["else"])
    inputs = [undeclared("which", TensorProto.BOOL), undeclared("a"), undeclared("b")]
    beside(model([node], inputs, ["y"]),
           *(dict(matrices(2), which=np.array(each)) for each in (True, False)))


def test_in_a_loop():
    body = helper.make_graph(
        [product("x", "b", "grown"), helper.make_node("Identity", ["go"], ["on"])],
        "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []),
                 helper.make_tensor_value_info("go", TensorProto.BOOL, []), undeclared("x")],
        [undeclared("on", TensorProto.BOOL), undeclared("grown")])
    node = helper.make_node("Loop", ["count", "", "a"], ["y"], body=body)
    inputs = [undeclared("count", TensorProto.INT64), undeclared("a"), undeclared("b")]
    square = {"a": random(4, 4), "b": random(4, 4, seed=1)}
    many = {"a": random(3, 4, 4), "b": random(3, 4, 4, seed=1)}
    beside(model([node], inputs, ["y"]),
           *(dict(each, count=np.array(3)) for each in (square, many)))


def test_lowered_to_what_waits_again():
    """QAttention becomes Attention, whose mask has as many forms as it may have ranks."""
    rng = np.random.default_rng(0)
    feeds = {"x": rng.integers(0, 255, (2, 3, 8), np.uint8)}
    weights = {
        "w": rng.integers(-100, 100, (8, 24), np.int8), "bias": random(24),
        "xs": np.float32(0.01), "ws": np.float32(0.02), "xz": np.uint8(128), "wz": np.int8(0),
    }
    names = ["x", "w", "bias", "xs", "ws", "mask", "xz", "wz"]
    node = helper.make_node("QAttention", names, ["y"], domain=MS, num_heads=2)
    data = model([node], [undeclared("x", TensorProto.UINT8), undeclared("mask", TensorProto.INT32)],
                 ["y"], [onnx.numpy_helper.from_array(np.asarray(each), name)
                         for name, each in weights.items()])
    lengths, rows = np.array([2, 3], np.int32), np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    theirs = oracle(data)
    ours = sardonyx.InferenceSession(data)
    for mask in (lengths, rows):
        given = feeds | {"mask": mask}
        check_same(ours.run(None, given), theirs.run(None, given), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("level", ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC"])
def test_saved(level, tmp_path):
    """Saved, such a node is as it was."""
    data = model([product("a", "b", "y")], [undeclared("a"), undeclared("b")], ["y"])
    options = sardonyx.SessionOptions()
    options.graph_optimization_level = getattr(sardonyx.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(tmp_path / "saved.onnx")
    sardonyx.InferenceSession(data, options)
    saved = onnx.load(options.optimized_model_filepath)
    assert [node.op_type for node in saved.graph.node] == ["FusedMatMul"]
    beside(saved.SerializeToString(), matrices(2))


def test_errors_come_when_the_ranks_do():
    data = model([product("a", "b", "y")], [undeclared("a"), undeclared("b")], ["y"])
    session = sardonyx.InferenceSession(data)
    with pytest.raises(sardonyx.InvalidArgument, match="6 .*columns.*7 rows|7 rows"):
        session.run(None, {"a": random(6, 5), "b": random(7, 6)})
    # What does not depend on them is an error at once.
    node = helper.make_node("FusedMatMul", ["a", "b"], ["y"], domain=MS, transC=1)
    with pytest.raises(sardonyx.InvalidGraph, match="transC"):
        sardonyx.InferenceSession(model([node], [undeclared("a"), undeclared("b")], ["y"]))
