"""Einsum whose sizes are known when a run begins, or not before: numpy is the judge."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import sardonyx

EQUATIONS = [
    "bhid,bhjd->bhij",
    "bhij,bjhd->bihd",
    "bthd,hde->bte",  # sums over two axes
    "bte,ehd->bthd",  # columns of two axes
    "bstd,bdij->bijst",  # rows and columns of two axes, below a batch axis
    "oi,bti->bto",
    "bi,bj->bij",
    "bij->bji",
    "abi,cbi,b->ac",
    "...ij,...jk->...ik",
]
SIZES = dict(zip("abcdehijkost", (2, 3, 4, 5, 2, 3, 4, 2, 3, 4, 2, 3)))


def session(equation, *shapes):
    """Inputs with these shapes: numbers, symbols, or None for a rank that is not declared."""
    inputs = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape)
              for i, shape in enumerate(shapes)]  # fmt: skip
    node = helper.make_node("Einsum", [each.name for each in inputs], ["y"], equation=equation)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "net", inputs, [y])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return sardonyx.InferenceSession(model.SerializeToString())


def terms_of(equation):
    return equation.split("->")[0].replace("...", "ab").split(",")


def check(ours, equation, sizes):
    rng = np.random.default_rng(7)
    feeds = {f"x{i}": rng.standard_normal([sizes[label] for label in term]).astype(np.float32)
             for i, term in enumerate(terms_of(equation))}  # fmt: skip
    (y,) = ours.run(None, feeds)
    wanted = np.einsum(equation, *[x.astype(np.float64) for x in feeds.values()])
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("declared", ["numbers", "symbols", "one symbol each", "nothing"])
def test_sizes(equation, declared):
    shapes = []
    for i, term in enumerate(terms_of(equation)):
        shape = {"numbers": [SIZES[label] for label in term], "symbols": list(term),
                 "one symbol each": [f"{label}{i}" for label in term], "nothing": None}  # fmt: skip
        shapes.append(shape[declared])
    ours = session(equation, *shapes)
    check(ours, equation, SIZES)
    if declared != "numbers":
        check(ours, equation, {label: size + 1 for label, size in SIZES.items()})
        check(ours, equation, {**SIZES, "b": 0, "t": 0})


@pytest.mark.parametrize("heads", [1, 3, 4])
@pytest.mark.parametrize("rows", [6, 700])
def test_attention(heads, rows):
    """Scores and their product with the values, as einops and many PyTorch models say them; the same
    bits however many threads share heads and rows."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", heads, "t", 8])
              for name in "qkv"]  # fmt: skip
    nodes = [
        helper.make_node("Einsum", ["q", "k"], ["scores"], equation="bhid,bhjd->bhij"),
        helper.make_node("Softmax", ["scores"], ["weights"], axis=-1),
        helper.make_node("Einsum", ["weights", "v"], ["y"], equation="bhij,bhjd->bhid"),
    ]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", inputs, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    rng = np.random.default_rng(3)
    feeds = {name: rng.standard_normal((2, heads, rows, 8)).astype(np.float32) for name in "qkv"}
    scores = np.einsum("bhid,bhjd->bhij", feeds["q"].astype(np.float64), feeds["k"])
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    wanted = np.einsum("bhij,bhjd->bhid", weights, feeds["v"])
    results = []
    for threads in (1, 2, 3):
        options = sardonyx.SessionOptions()
        options.intra_op_num_threads = threads
        ours = sardonyx.InferenceSession(model.SerializeToString(), options)
        results.append(ours.run(None, feeds)[0])
        np.testing.assert_array_equal(results[-1], results[0])
    np.testing.assert_allclose(results[0], wanted, rtol=1e-4, atol=1e-5)


def test_sizes_that_differ():
    ours = session("ij,jk->ik", ["i", "j"], ["m", "k"])
    ones = np.ones((2, 3), np.float32)
    assert ours.run(None, {"x0": ones, "x1": np.ones((1, 4), np.float32)})[0].tolist() == [[3] * 4] * 2
    with pytest.raises(sardonyx.Error, match="must agree"):
        ours.run(None, {"x0": ones, "x1": ones})


def test_unknown_labels():
    with pytest.raises(sardonyx.Error, match="output label 'k'"):
        session("ij->k", [2, 3])
