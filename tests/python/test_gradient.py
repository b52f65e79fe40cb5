"""Gradient: derivatives against differences of what onnx's ReferenceEvaluator computes in float64."""

import math

import numpy as np
import onnx
import pytest
from onnx import helper, parser
from onnx.reference import ReferenceEvaluator

import sardonyx

OPSET = 22


def graph_model(text, dims):
    """Nodes `text` over float64 inputs of these dims, giving y."""
    types = {name: f"double[{','.join(map(str, shape))}]" if shape else "double"
             for name, shape in dims.items()}
    inputs = ", ".join(f"{kind} {name}" for name, kind in types.items())
    return parser.parse_model(
        f'<ir_version: 10, opset_import: ["": {OPSET}, "ai.onnx.preview.training": 1]>\n'
        f"g ({inputs}) => (y) {{ {text} }}"
    )


def with_gradient(model, names, y="y", zs=(), feeds=None, outputs=None):
    node = helper.make_node("Gradient", list(feeds or [*names, *zs]),
                            outputs or [f"d_{name}" for name in names],
                            domain="ai.onnx.preview.training", xs=list(names), y=y,
                            **({"zs": list(zs)} if zs else {}))
    model.graph.node.append(node)
    for name in node.output:
        if name:
            model.graph.output.append(helper.make_empty_tensor_value_info(name))
    return model


def differences(model, feeds, name, step=1e-6):
    """d sum(y) / d feeds[name], by central differences."""
    reference = ReferenceEvaluator(model)
    result = np.zeros_like(feeds[name])
    for index in np.ndindex(feeds[name].shape):
        values = []
        for sign in (1, -1):
            moved = {key: value.copy() for key, value in feeds.items()}
            moved[name][index] += sign * step
            values.append(np.sum(reference.run(["y"], moved)[0]))
        result[index] = (values[0] - values[1]) / (2 * step)
    return result


def check(text, low=-2.0, high=2.0, **dims):
    random = np.random.default_rng(7)
    feeds = {name: np.asarray(random.uniform(low, high, shape)) for name, shape in dims.items()}
    plain = graph_model(text, dims)
    expected = [differences(plain, feeds, name) for name in dims]
    model = with_gradient(graph_model(text, dims), list(dims))
    for level in (sardonyx.GraphOptimizationLevel.ORT_DISABLE_ALL,
                  sardonyx.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = sardonyx.SessionOptions()
        options.graph_optimization_level = level
        session = sardonyx.InferenceSession(model.SerializeToString(), options)
        got = session.run([f"d_{name}" for name in dims], feeds)
        for name, value, wanted in zip(dims, got, expected):
            assert value.shape == wanted.shape
            np.testing.assert_allclose(value, wanted, rtol=2e-5, atol=2e-6, err_msg=f"by {name}")


UNARY = ["Neg", "Abs", "Exp", "Relu", "Sigmoid", "Tanh", "Sin", "Cos", "Sinh", "Cosh", "Atan", "Asinh",
         "Softplus", "Softsign", "LeakyRelu", "Elu", "Selu", "Identity", "Floor", "Ceil",
         "Sign", "Softmax", "LogSoftmax", "Flatten", "Tan"]  # fmt: skip


@pytest.mark.parametrize("op", UNARY)
def test_one_operand(op):
    low, high = (-1.2, 1.2) if op == "Tan" else (-2, 2)
    check(f"t = {op}(x) y = Mul(t, w)", low, high, x=(2, 3), w=(2, 3))


@pytest.mark.parametrize(("op", "low", "high"), [
    ("Log", 0.3, 2), ("Sqrt", 0.3, 2), ("Reciprocal", 0.3, 2), ("Asin", -0.8, 0.8),
    ("Acos", -0.8, 0.8), ("Acosh", 1.3, 3), ("Atanh", -0.8, 0.8),
])  # fmt: skip
def test_one_operand_of_a_range(op, low, high):
    check(f"t = {op}(x) y = Mul(t, t)", low, high, x=(5,))


def test_gelu_by_tanh():
    check('y = Gelu<approximate="tanh">(x)', x=(7,))


@pytest.mark.parametrize("op", ["Erf", "Gelu"])
def test_the_error_function(op):
    """By formulas: onnx's reference computes these in float32."""
    x = np.linspace(-3, 3, 13)
    expected = 2 / math.sqrt(math.pi) * np.exp(-x * x)
    if op == "Gelu":
        cdf = np.array([(1 + math.erf(each / math.sqrt(2))) / 2 for each in x])
        expected = cdf + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    model = with_gradient(graph_model(f"y = {op}(x)", {"x": (13,)}), ["x"])
    got = sardonyx.InferenceSession(model.SerializeToString()).run(["d_x"], {"x": x})[0]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"])
@pytest.mark.parametrize("dims", [((2, 3), (2, 3)), ((2, 3), (3,)), ((1, 3), (2, 1)), ((), (2, 2))])
def test_broadcasting(op, dims):
    check(f"t = {op}(a, b) y = Mul(t, t)", 0.4, 2, a=dims[0], b=dims[1])


def test_mean():
    check("t = Mean(a, b, a) y = Mul(t, t)", a=(2, 3), b=(2, 3))


@pytest.mark.parametrize(("a", "b"), [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 1, 2, 3), (4, 3, 2)),
    ((5, 2, 3), (3, 2)),
])  # fmt: skip
def test_matmul(a, b):
    check("t = MatMul(a, b) y = Mul(t, t)", a=a, b=b)


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm(trans_a, trans_b):
    check(f"t = Gemm<alpha=0.5, beta=2.0, transA={trans_a}, transB={trans_b}>(a, b, c) y = Mul(t, t)",
          a=(3, 2) if trans_a else (2, 3), b=(4, 3) if trans_b else (3, 4), c=(4,))


@pytest.mark.parametrize("attributes", [
    "group=1", "pads=[1,1,1,1]", "strides=[2,2]", "strides=[2,2], pads=[1,0,0,1]", "dilations=[2,2]",
    "group=2", 'auto_pad="SAME_LOWER"',
    "strides=[3,2], dilations=[1,2], pads=[2,1,0,1]",
])  # fmt: skip
def test_conv(attributes):
    channels = 1 if "group=2" in attributes else 2
    check(f"t = Conv<{attributes}>(x, w, b) y = Mul(t, t)",
          x=(1, 2, 6, 5), w=(2, channels, 2, 2), b=(2,))


def test_conv_that_pads_itself():
    """SAME_UPPER with strides against the pads that it stands for (onnx's reference has others)."""
    dims = {"x": (1, 2, 6, 5), "w": (2, 2, 2, 2)}
    random = np.random.default_rng(5)
    feeds = {name: random.normal(size=shape) for name, shape in dims.items()}
    plain = graph_model("t = Conv<strides=[2,2], pads=[0,0,0,1]>(x, w) y = Mul(t, t)", dims)
    model = with_gradient(
        graph_model('t = Conv<strides=[2,2], auto_pad="SAME_UPPER">(x, w) y = Mul(t, t)', dims),
        list(dims))
    got = sardonyx.InferenceSession(model.SerializeToString()).run(["d_x", "d_w"], feeds)
    for name, value in zip(dims, got):
        np.testing.assert_allclose(value, differences(plain, feeds, name), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attributes", [
    "group=1", "strides=[2,2]", "strides=[2,1], pads=[1,0,0,1], dilations=[1,2]",
    "strides=[3,3], output_padding=[1,2]",
])  # fmt: skip
def test_conv_transpose(attributes):
    check(f"t = ConvTranspose<{attributes}>(x, w, b) y = Mul(t, t)",
          x=(1, 2, 3, 4), w=(2, 3, 2, 2), b=(3,))


@pytest.mark.parametrize("op", ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("more", ["", ", ignore_index=1"])
def test_losses(op, reduction, weighted, more):
    """Three classes, two positions; formulas that count one label after the other."""
    random = np.random.default_rng(9)
    x = random.normal(size=(4, 3, 2))
    labels = random.integers(0, 3, (4, 2))
    labels[0, 0] = 1
    weights = np.array([0.5, 2.0, 3.0])
    wanted = " , w" if weighted else ""
    model = graph_model(f'y = {op}<reduction="{reduction}"{more}>(x, labels{wanted})',
                        {"x": (4, 3, 2), "labels": (4, 2), "w": (3,)})
    model.graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
    got = sardonyx.InferenceSession(with_gradient(model, ["x"]).SerializeToString()).run(
        ["d_x"], {"x": x, "labels": labels, "w": weights})[0]
    each = (weights if weighted else np.ones(3))[labels] * ((labels != 1) if more else 1)
    chosen = np.moveaxis(np.eye(3)[labels], -1, 1)
    slope = -chosen
    if op == "SoftmaxCrossEntropyLoss":
        slope = slope + np.exp(x) / np.exp(x).sum(1, keepdims=True)
    expected = slope * each[:, None]
    if reduction == "mean":
        expected = expected / each.sum()
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", [
    "MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)",
    "MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)",
    "AveragePool<kernel_shape=[2,2], strides=[2,1]>(x)",
    "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)",
    "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(x)",
    "GlobalAveragePool(x)",
])  # fmt: skip
def test_pooling(text):
    check(f"t = {text} y = Mul(t, t)", x=(1, 2, 5, 4))


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2",
                                "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", ["", "axes"])
def test_reductions(op, keepdims, axes):
    prefix = "axes = Constant<value_ints=[1]>()" if axes else ""
    check(f"{prefix} t = {op}<keepdims={keepdims}>(x{', axes' if axes else ''}) y = Mul(t, t)",
          0.4, 2, x=(2, 3, 2))


@pytest.mark.parametrize("text", [
    "s = Constant<value_ints=[3,-1]>() y0 = Reshape(x, s)",
    "s = Constant<value_ints=[0]>() y0 = Unsqueeze(x, s)",
    "y0 = Transpose<perm=[1,0]>(x)",
    "y0 = Concat<axis=1>(x, x)",
    "y0 = Concat<axis=-1>(x, x)",
    "a, y0 = Split<num_outputs=2, axis=0>(x)",
    "s = Constant<value_ints=[3,2,3]>() y0 = Expand(x, s)",
    "i = Constant<value_ints=[2,0,0]>() y0 = Gather<axis=1>(x, i)",
    "b = Constant<value_ints=[1]>() e = Constant<value_ints=[3]>() y0 = Slice(x, b, e, b)",
    "p = Constant<value_ints=[0,1,2,0]>() y0 = Pad(x, p)",
    "r = Constant<value_ints=[2,2]>() y0 = Tile(x, r)",
    "l = Constant<value_float=0.5>() m = Cast<to=11>(l) y0 = Clip(x, m)",
    "z = Sub(x, x) c = Greater(x, z) n = Neg(x) y0 = Where(c, n, x)",
])  # fmt: skip
def test_movements(text):
    check(f"{text} y = Mul(y0, y0)", x=(2, 3))


def test_layer_normalization():
    check("t = LayerNormalization<axis=-1>(x, s, b) y = Mul(t, t)", x=(2, 5), s=(5,), b=(5,))


def test_batch_normalization():
    random = np.random.default_rng(3)
    model = graph_model(
        "m = Constant<value_floats=[0.1,0.2,0.3]>() md = Cast<to=11>(m) t = BatchNormalization(x, s, b, md, md)"
        " y = Mul(t, t)", {"x": (2, 3, 2), "s": (3,), "b": (3,)})
    feeds = {"x": random.normal(size=(2, 3, 2)), "s": random.normal(size=3),
             "b": random.normal(size=3)}
    expected = [differences(model, feeds, name) for name in feeds]
    got = sardonyx.InferenceSession(with_gradient(model, list(feeds)).SerializeToString()).run(
        ["d_x", "d_s", "d_b"], feeds)
    for value, wanted in zip(got, expected):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_a_value_used_twice_adds_up():
    check("a = Sin(x) b = Mul(a, x) y = Add(b, a)", x=(4,))


def test_symbolic_dims_broadcast_at_run_time():
    model = graph_model("t = Mul(a, b) y = Mul(t, t)", {"a": ("N", "M"), "b": ("K", "M")})
    a = np.arange(6.0).reshape(2, 3) + 1
    b = np.arange(3.0).reshape(1, 3) - 2
    expected = [differences(model, {"a": a, "b": b}, name) for name in "ab"]
    session = sardonyx.InferenceSession(with_gradient(model, ["a", "b"]).SerializeToString())
    got = session.run(["d_a", "d_b"], {"a": a, "b": b})
    for value, wanted in zip(got, expected):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)


def test_second_derivative():
    model = with_gradient(graph_model("a = Mul(x, x) y = Mul(a, x)", {"x": (3,)}), ["x"])
    with_gradient(model, ["x"], y="d_x", outputs=["dd"])
    x = np.array([1.0, -2.0, 0.5])
    got = sardonyx.InferenceSession(model.SerializeToString()).run(["d_x", "dd"], {"x": x})
    np.testing.assert_allclose(got[0], 3 * x * x)
    np.testing.assert_allclose(got[1], 6 * x)


def test_by_an_intermediate_value_and_at_another_point():
    """d y / d h where y = h * z, at h = p and z = q instead of the values of the graph."""
    model = graph_model("h = Exp(x) y = Mul(h, z) s = Identity(p) t = Identity(q)",
                        {"x": (2,), "z": (2,), "p": (2,), "q": (2,)})
    with_gradient(model, ["h"], zs=["z"], feeds=["p", "q"], outputs=["d"])
    feeds = {"x": np.zeros(2), "z": np.ones(2), "p": np.array([3.0, 4]), "q": np.array([5.0, 7])}
    got = sardonyx.InferenceSession(model.SerializeToString()).run(["d"], feeds)[0]
    np.testing.assert_allclose(got, feeds["q"])


def test_zero_where_nothing_depends():
    model = with_gradient(graph_model("y = Exp(x) u = Exp(w)", {"x": (2,), "w": (3,)}), ["w"])
    got = sardonyx.InferenceSession(model.SerializeToString()).run(
        ["d_w"], {"x": np.ones(2), "w": np.ones(3)})[0]
    np.testing.assert_array_equal(got, np.zeros(3))


def test_the_operator_without_a_derivative_is_named():
    model = with_gradient(graph_model("t = Exp(x) y = CumSum(t, i) ", {"x": (2,), "i": ()}), ["x"])
    model.graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
    with pytest.raises(Exception, match="no derivative of CumSum"):
        sardonyx.InferenceSession(model.SerializeToString())


def test_what_a_body_captures_counts():
    """Not a zero for what only a branch reads."""
    model = with_gradient(graph_model(
        "m = ReduceMax<keepdims=0>(x)"
        " b = Cast<to=9>(m) y = If(b) <then_branch = t () => (r) { r = Exp(x) },"
        " else_branch = e () => (r) { r = Neg(x) }>", {"x": (2,)}), ["x"])
    with pytest.raises(Exception, match="no derivative of If"):
        sardonyx.InferenceSession(model.SerializeToString())


def test_a_value_that_does_not_exist_is_named():
    model = with_gradient(graph_model("y = Exp(x)", {"x": (2,)}), ["x"], y="nowhere")
    with pytest.raises(Exception, match="no value 'nowhere'"):
        sardonyx.InferenceSession(model.SerializeToString())


def test_an_input_that_is_left_out():
    model = with_gradient(graph_model("y = Exp(x) u = Exp(w)", {"x": (2,), "w": (3,)}), ["x", "w"],
                          feeds=["x", ""])
    with pytest.raises(Exception, match="left out|input 1"):
        sardonyx.InferenceSession(model.SerializeToString())


def test_one_variable_named_twice():
    model = with_gradient(graph_model("y = Mul(x, x)", {"x": (2,)}), ["x", "x"], outputs=["a", "b"])
    x = np.array([3.0, 4.0])
    got = sardonyx.InferenceSession(model.SerializeToString()).run(["a", "b"], {"x": x})
    np.testing.assert_array_equal(got, [2 * x, 2 * x])
