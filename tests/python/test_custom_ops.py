"""Operators as Python callables."""

import pathlib
import subprocess
import threading

import numpy as np
import pytest
import sardonyx as ort
import tiny_models
from onnx import TensorProto, helper

DOMAIN = "my.domain"
X = np.float32([[1, -2, 3], [4, 5, -6]])


def model(nodes, inputs, outputs, version=1, initializers=()):
    graph = helper.make_graph(nodes, "custom", inputs, outputs, initializer=list(initializers))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(DOMAIN, version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def one_node(op, version=1, **attributes):
    node = helper.make_node(op, ["x"], ["y"], name="mine", domain=DOMAIN, **attributes)
    relu = helper.make_node("Relu", ["y"], ["z"])
    return model([node, relu], [tiny_models.value("x")], [tiny_models.value("z", shape=None)],
                 version)


def load(source, *ops):
    options = ort.SessionOptions()
    for op in ops:
        options.register_custom_op(op)
    return ort.InferenceSession(source, options)


def same_type(node):
    return [node.inputs[0]]


def test_a_decorated_function_is_an_operator():
    @ort.custom_op(DOMAIN, "Scale", outputs=same_type)
    def scale(x, factor, names):
        assert names == ["a", "b"]
        return x * np.float32(factor)

    assert (scale.domain, scale.name) == (DOMAIN, "Scale")
    session = load(one_node("Scale", factor=-2.5, names=["a", "b"]), scale)
    for batch in (X, X[:1]):
        np.testing.assert_array_equal(session.run(None, {"x": batch})[0],
                                      np.maximum(batch * np.float32(-2.5), 0))


def test_shapes_that_the_data_decide():
    positive = ort.CustomOp(DOMAIN, "Positive", lambda x: x[x > 0], [np.float32])
    session = load(one_node("Positive"), positive)
    np.testing.assert_array_equal(session.run(None, {"x": X})[0], [1, 3, 4, 5])
    np.testing.assert_array_equal(session.run(None, {"x": -X})[0], [2, 6])
    assert session.run(None, {"x": np.zeros((0, 3), "f4")})[0].shape == (0,)


def test_inferred_types_reach_the_outputs():
    node = helper.make_node("Count", ["x"], ["y"], domain=DOMAIN)
    source = model([node], [tiny_models.value("x")],
                   [tiny_models.value("y", TensorProto.INT64, None)])

    def infer(node):
        assert node.op_type == "Count" and node.output_count == 1
        return [("int64", [node.inputs[0].shape[0], 1])]

    count = ort.CustomOp(DOMAIN, "Count", lambda x: np.count_nonzero(x > 0, 1, keepdims=True),
                         infer)
    session = load(source, count)
    assert session.get_outputs()[0].shape == ["N", 1]
    assert session.get_outputs()[0].type == "tensor(int64)"
    np.testing.assert_array_equal(session.run(None, {"x": X})[0], [[2], [2]])


def test_several_outputs_omitted_inputs_and_strings():
    node = helper.make_node("Words", ["x", "", "s"], ["n", "", "t"], domain=DOMAIN)
    source = model([node],
                   [tiny_models.value("x"), tiny_models.value("s", TensorProto.STRING, [2])],
                   [tiny_models.value("n", TensorProto.INT64, None),
                    tiny_models.value("t", TensorProto.STRING, None)])

    def words(x, nothing, s):
        assert nothing is None
        return np.int64(s.size), np.float32(0), np.array([each.upper() for each in s], object)

    outputs = ["int64", np.float32, "tensor(string)"]
    session = load(source, ort.CustomOp(DOMAIN, "Words", words, outputs))
    n, t = session.run(None, {"x": X, "s": np.array(["ab", "ü"], object)})
    assert n == 2 and n.shape == () and list(t) == ["AB", "Ü"]


def test_inside_a_body_and_versions():
    body = helper.make_graph([helper.make_node("Which", ["x"], ["o"], domain=DOMAIN)], "body", [],
                             [tiny_models.value("o", shape=None)])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    ops = [ort.CustomOp(DOMAIN, "Which", lambda x, since=since: x + np.float32(since), same_type,
                        since_version=since) for since in (1, 3, 5)]
    for version, expected in ((1, 1), (2, 1), (3, 3), (4, 3), (9, 5)):
        source = model(
            [node], [tiny_models.value("x"), tiny_models.value("c", TensorProto.BOOL, ())],
            [tiny_models.value("y", shape=None)], version)
        got = load(source, *ops).run(None, {"x": X, "c": np.array(True)})[0]
        np.testing.assert_array_equal(got, X + np.float32(expected))


def test_it_is_computed_in_every_run():
    calls = []

    @ort.custom_op(DOMAIN, "Next", outputs=same_type)
    def count(x):
        calls.append(x.copy())
        return x + np.float32(len(calls))

    constant = helper.make_tensor("k", TensorProto.FLOAT, [1], [0.0])
    nodes = [helper.make_node("Next", ["k"], [name], domain=DOMAIN) for name in "ab"]
    session = load(model(nodes, [], [tiny_models.value("a", shape=[1]),
                                     tiny_models.value("b", shape=[1])], 1, [constant]), count)
    before = len(calls)
    results = [each.item() for _ in range(2) for each in session.run(None, {})]
    assert results == [before + 1, before + 2, before + 3, before + 4]


def test_kept_arrays_stay_as_they_were():
    kept = []

    @ort.custom_op(DOMAIN, "Keep", outputs=["tensor(float)"])
    def keep(x):
        kept.append(x)
        return x

    session = load(one_node("Keep"), keep)
    first = session.run(None, {"x": X})[0]
    second = session.run(None, {"x": -X})[0]
    np.testing.assert_array_equal(kept[0], X)
    np.testing.assert_array_equal(kept[1], -X)
    np.testing.assert_array_equal(first, np.maximum(X, 0))
    np.testing.assert_array_equal(second, np.maximum(-X, 0))


def test_concurrent_runs():
    twice = ort.CustomOp(DOMAIN, "Twice", lambda x: x + x, same_type)
    session = load(one_node("Twice"), twice)
    failures = []

    def work(seed):
        x = np.random.default_rng(seed).random((4, 3), np.float32)
        for _ in range(20):
            if not np.array_equal(session.run(None, {"x": x})[0], x + x):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def raise_error(x):
    raise KeyError("not today")


@pytest.mark.parametrize("compute, outputs, words", [
    (raise_error, same_type, ["Bad", "KeyError", "not today", "mine"]),
    (lambda x: x, raise_error, ["Bad", "KeyError", "not today", "mine"]),
    (lambda x: x.astype("f8"), same_type, ["mine", "float64", "float32"]),
    (lambda x: x[:1], same_type, ["mine", "1x3", "2x3"]),
    (lambda x: "text", same_type, ["mine"]),
    (lambda x: x.astype("f8"), [np.float32], ["mine", "float64", "float32"]),
    (lambda x: (), same_type, ["mine", "0 outputs"]),
    (lambda x: x, lambda node: [], ["mine", "1 outputs"]),
], ids=["compute raises", "infer raises", "dtype", "shape", "kind", "dtype of any shape", "too few",
        "too few types"])
def test_what_goes_wrong_is_told(compute, outputs, words):
    with pytest.raises(ort.Error) as caught:
        load(one_node("Bad"), ort.CustomOp(DOMAIN, "Bad", compute, outputs)).run(None, {"x": X})
    for word in words:
        assert word in str(caught.value)


def test_registrations_that_make_no_sense():
    with pytest.raises(TypeError):
        ort.CustomOp(DOMAIN, "X", 3, ["tensor(float)"])
    with pytest.raises(TypeError, match="flot"):
        ort.CustomOp(DOMAIN, "X", lambda x: x, ["tensor(flot)"])
    with pytest.raises(ort.InvalidArgument, match="built-in"):
        load(tiny_models.add(), ort.CustomOp("", "Add", lambda x: x, ["tensor(float)"]))
    with pytest.raises(ort.InvalidArgument, match="output_types"):
        load(tiny_models.add(), ort.CustomOp(DOMAIN, "X", lambda x: x, []))
    with pytest.raises(ort.Error, match="at least 2"):
        load(one_node("Two"), ort.CustomOp(DOMAIN, "Two", max, ["tensor(float)"], min_inputs=2))


def test_without_registration_the_error_names_it():
    with pytest.raises(ort.NotImplemented, match=r"my\.domain\.Unknown.*mine"):
        load(one_node("Unknown"))


def test_libraries_of_custom_operators(tmp_path):
    root = pathlib.Path(__file__).parents[2]
    library = tmp_path / "operators.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-I", root / "include" / "sardonyx", "-o", library,
                    root / "tests" / "capi" / "custom_op_library.c"], check=True)
    node = helper.make_node("Scale", ["x"], ["y"], domain="tests", by=3.0)
    model = tiny_models.model([node], [tiny_models.value("x")], [tiny_models.value("y")])
    model.opset_import.append(helper.make_opsetid("tests", 1))
    with pytest.raises(ort.Error, match="Scale"):
        ort.InferenceSession(model.SerializeToString())
    for path in (str(library), library):
        options = ort.SessionOptions()
        options.register_custom_ops_library(path)
        session = ort.InferenceSession(model.SerializeToString(), options)
        np.testing.assert_array_equal(session.run(None, {"x": np.ones((2, 3), "f4")})[0],
                                      np.full((2, 3), 3))
    for path, text in (("/no/such/library.so", "Failed to load library"),
                       (pathlib.__file__, "Failed to load library"),
                       (ort._sardonyx.__file__, "Failed to get symbol RegisterCustomOps")):
        with pytest.raises(ort.Fail, match=text):
            ort.SessionOptions().register_custom_ops_library(path)
