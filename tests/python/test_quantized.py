"""Quantized operators and models against ONNX Runtime on the same file and inputs.

Results in 8 bits may differ by one quantum: where a number lies halfway between two, one
multiplication more or less decides."""

import numpy as np
import onnx
import onnxruntime
import onnxruntime.quantization
import pytest
import sardonyx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplementedByOracle
from small_nets import without_shapes

MS = "com.microsoft"
RANDOM = np.random.default_rng(7)
DTYPES = {"u8": np.uint8, "s8": np.int8}


def model(nodes, inputs, outputs, weights=(), opset=21):
    """Bytes of a model: inputs are arrays by name, outputs names with TensorProto dtypes."""
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in inputs.items()]
    graph = helper.make_graph(
        nodes, "g", declared,
        [helper.make_tensor_value_info(name, dtype, None) for name, dtype in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in dict(weights).items()])
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(MS, 1)],
        ir_version=10)
    return made.SerializeToString()


def open_session(runtime, data, exact):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(runtime, data, inputs):
    try:
        # Without VNNI ONNX Runtime's products saturate at 16 bits unless they are asked to be exact.
        session = open_session(runtime, data, exact=True)
    except NotImplementedByOracle:  # of signed bytes alone, which are exact anyway
        session = open_session(runtime, data, exact=False)
    return session.run(None, inputs)


def compare(data, inputs, rtol=1e-5, atol=1e-6, quanta=1):
    got = run(sardonyx, data, inputs)
    want = run(onnxruntime, data, inputs)
    late = run(sardonyx, without_shapes(data), inputs)
    for mine, theirs in zip(got + late, want + want, strict=True):
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
        if mine.dtype.itemsize == 1:
            apart = np.abs(mine.astype(int) - theirs.astype(int))
            assert apart.max() <= quanta, apart.max()
            assert (apart != 0).mean() < 0.05
        elif mine.dtype.kind in "iu":
            np.testing.assert_array_equal(mine, theirs)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=atol)
    return got


def numbers(shape, dtype):
    info = np.iinfo(dtype)
    return RANDOM.integers(info.min, info.max + 1, shape).astype(dtype)


def f4(number):
    return np.float32(number)


def node(op_type, inputs, outputs=("y",), domain=MS, **attrs):
    return helper.make_node(op_type, inputs, list(outputs), domain=domain, **attrs)


def one_node(op_type, inputs, weights, dtype, order, domain=MS, **attrs):
    names = [name if name in inputs or name in weights else "" for name in order.split()]
    return model([node(op_type, names, domain=domain, **attrs)], inputs,
                 {"y": helper.np_dtype_to_tensor_dtype(np.dtype(dtype))}, weights)


@pytest.fixture(autouse=True)
def _same_numbers_each_time():
    RANDOM.bit_generator.state = np.random.default_rng(7).bit_generator.state


@pytest.fixture(params=["u8", "s8"])
def dtype(request):
    return DTYPES[request.param]


@pytest.mark.parametrize("op_type", ["QLinearAdd", "QLinearMul"])
def test_binary(op_type, dtype):
    inputs = {"a": numbers((2, 3, 17), dtype), "b": numbers((3, 1), dtype)}
    weights = {"as": f4(0.02), "az": dtype(5), "bs": f4(0.05), "bz": dtype(9), "ys": f4(0.07),
               "yz": dtype(100)}
    compare(one_node(op_type, inputs, weights, dtype, "a as az b bs bz ys yz"), inputs)


@pytest.mark.parametrize(("op_type", "attrs"), [
    ("QLinearLeakyRelu", {"alpha": 0.1}), ("QLinearSigmoid", {}),
    ("QLinearSoftmax", {"axis": -1, "opset": 13}), ("QLinearSoftmax", {"axis": 1, "opset": 12}),
    ("QLinearAveragePool", {"kernel_shape": [2, 3], "pads": [0, 1, 1, 1], "strides": [2, 1]}),
    ("QLinearAveragePool", {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [1, 1, 1, 1]}),
    ("QLinearGlobalAveragePool", {}), ("QLinearGlobalAveragePool", {"channels_last": 1}),
])
def test_unary(op_type, attrs, dtype):
    inputs = {"x": numbers((2, 5, 6, 7), dtype)}
    small = 1 / 256 if op_type in ("QLinearSigmoid", "QLinearSoftmax") else 0.03
    zero = -128 if dtype == np.int8 and small < 0.01 else 3 if small > 0.01 else 0
    weights = {"xs": f4(0.04), "xz": dtype(7), "ys": f4(small), "yz": dtype(zero)}
    compare(one_node(op_type, inputs, weights, dtype, "x xs xz ys yz", **attrs), inputs)


def test_where(dtype):
    inputs = {"c": RANDOM.random((3, 1)) < 0.5, "a": numbers((3, 8), dtype),
              "b": numbers((1, 8), dtype)}
    weights = {"as": f4(0.02), "az": dtype(5), "bs": f4(0.05), "bz": dtype(9), "ys": f4(0.06),
               "yz": dtype(10)}
    compare(one_node("QLinearWhere", inputs, weights, dtype, "c a as az b bs bz ys yz"), inputs)


def test_concat(dtype):
    inputs = {"a": numbers((2, 3, 5), dtype), "b": numbers((2, 4, 5), dtype)}
    weights = {"as": f4(0.02), "az": dtype(5), "bs": f4(0.05), "bz": dtype(9), "ys": f4(0.05),
               "yz": dtype(9)}
    data = one_node("QLinearConcat", inputs, weights, dtype, "ys yz a as az b bs bz", axis=1)
    compare(data, inputs)


def products(dtype, b_dtype, per_column, m=9, k=37, n=20):
    inputs = {"a": numbers((m, k), dtype)}
    scales = RANDOM.random(n).astype("f4") * 0.02 + 0.001 if per_column else f4(0.013)
    zeros = numbers(n, b_dtype) // 8 if per_column else b_dtype(3)
    weights = {"as": f4(0.02), "az": dtype(5), "b": numbers((k, n), b_dtype), "bs": scales,
               "bz": zeros, "ys": f4(0.9), "yz": dtype(30),
               "c": RANDOM.integers(-4000, 4000, n).astype("i4")}
    return inputs, weights


@pytest.mark.parametrize("b_dtype", DTYPES.values())
@pytest.mark.parametrize("per_column", [False, True])
def test_qgemm(dtype, b_dtype, per_column):
    inputs, weights = products(dtype, b_dtype, per_column)
    if dtype == np.int8 and b_dtype == np.uint8:
        pytest.skip("ONNX Runtime has no product of int8 by uint8")
    compare(one_node("QGemm", inputs, weights, dtype, "a as az b bs bz c ys yz"), inputs)
    compare(one_node("QGemm", inputs, weights, np.float32, "a as az b bs bz"), inputs)
    weights["b"] = np.ascontiguousarray(weights["b"].T)
    data = one_node("QGemm", inputs, weights, dtype, "a as az b bs bz c ys yz", transB=1,
                    alpha=1.5)
    compare(data, inputs)


@pytest.mark.parametrize("b_dtype", DTYPES.values())
@pytest.mark.parametrize("per_column", [False, True])
def test_integer_products(b_dtype, per_column):
    inputs, weights = products(np.uint8, b_dtype, per_column)
    compare(one_node("MatMulInteger", inputs, weights, np.int32, "a b az bz", domain=""), inputs)
    weights["f"] = RANDOM.random(20).astype("f4")
    data = one_node("MatMulIntegerToFloat", inputs, weights, np.float32, "a b as bs az bz f")
    compare(data, inputs)
    inputs = {"x": RANDOM.standard_normal((3, 9, 37)).astype("f4")}
    data = one_node("DynamicQuantizeMatMul", inputs, weights, np.float32, "x b bs bz f")
    compare(data, inputs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("b_dtype", DTYPES.values())
@pytest.mark.parametrize(("channels", "group", "attrs"), [
    (3, 1, {"strides": [2, 2], "pads": [1, 1, 1, 1]}), (8, 1, {"dilations": [2, 1]}),
    (12, 12, {"pads": [1, 1, 1, 1]}), (12, 3, {"pads": [0, 1, 2, 1]})])
def test_convolutions(dtype, b_dtype, channels, group, attrs):
    if dtype == np.int8 and b_dtype == np.uint8:
        pytest.skip("ONNX Runtime has no convolution of int8 by uint8")
    inputs = {"x": numbers((2, channels, 9, 8), dtype)}
    filters = 24
    weights = {"xs": f4(0.02), "xz": dtype(9),
               "w": numbers((filters, channels // group, 3, 3), b_dtype),
               "ws": RANDOM.random(filters).astype("f4") * 0.02 + 0.001,
               "wz": np.full(filters, 0 if b_dtype == np.int8 else 128, b_dtype),
               "ys": f4(0.6), "yz": dtype(40),
               "b": RANDOM.integers(-4000, 4000, filters).astype("i4")}
    data = one_node("QLinearConv", inputs, weights, dtype, "x xs xz w ws wz ys yz b", domain="",
                    group=group, **attrs)
    compare(data, inputs)


def test_small_integer_operators(dtype):
    inputs = {"a": numbers((3, 5), dtype), "b": numbers((5,), dtype)}
    weights = {"az": dtype(3), "bz": dtype(7)}
    data = one_node("MulInteger", inputs, weights, np.int32, "a az b bz")
    want = (inputs["a"].astype("i4") - 3) * (inputs["b"].astype("i4") - 7)
    np.testing.assert_array_equal(run(sardonyx, data, inputs)[0], want)
    words = {"a": numbers((3, 5), np.int16), "b": numbers((5, 4), np.int16)}
    compare(one_node("MatMulInteger16", words, {}, np.int32, "a b"), words)


def test_reduce_sum_integer(dtype):
    inputs = {"a": numbers((3, 5, 4), dtype)}
    wide = np.int32 if dtype == np.int8 else np.uint32
    data = one_node("ReduceSumInteger", inputs, {}, wide, "a", axes=[1], keepdims=0)
    np.testing.assert_array_equal(run(sardonyx, data, inputs)[0], inputs["a"].sum(1, dtype=wide))


def test_quantize_to_words():
    inputs = {"x": RANDOM.standard_normal((4, 33)).astype("f4")}
    for dtype in (np.int16, np.uint16, np.int8, np.uint8):
        weights = {"s": f4(0.01), "z": dtype(50)}
        nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]),
                 node("DequantizeLinear", ["q", "s", "z"], ["y"])]
        compare(model(nodes, inputs, {"y": TensorProto.FLOAT}, weights), inputs)
        columns = {"s": RANDOM.random(33).astype("f4") + 0.01, "z": np.full(33, 3, dtype)}
        compare(model(nodes, inputs, {"y": TensorProto.FLOAT}, columns), inputs)


# ---- weights in few bits

def pack(codes, bits):
    """The first code in the lowest bits of each byte."""
    parts = codes.reshape(*codes.shape[:-1], -1, 8 // bits).astype(np.uint8)
    return sum(parts[..., i] << (i * bits) for i in range(8 // bits)).astype(np.uint8)


@pytest.mark.parametrize(("bits", "block"), [(4, 32), (4, 16), (4, 128), (8, 32), (2, 32)])
@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("zeros", ["none", "packed", "float"])
def test_matmul_nbits(bits, block, rows, zeros):
    k, n = 3 * block - 7, 37
    blocks = 3
    codes = RANDOM.integers(0, 1 << bits, (n, blocks * block))
    scales = RANDOM.random((n, blocks)).astype("f4") * 0.2
    zero_codes = RANDOM.integers(0, 1 << bits, (n, blocks))
    weights = {"b": pack(codes, bits).reshape(n, blocks, -1), "s": scales.ravel(),
               "bias": RANDOM.random(n).astype("f4")}
    if zeros == "packed":
        padded = np.zeros((n, -(-blocks * bits // 8) * 8 // bits), int)
        padded[:, :blocks] = zero_codes
        weights["z"] = pack(padded, bits).ravel()
    elif zeros == "float":
        weights["z"] = zero_codes.astype("f4") + 0.25
    inputs = {"a": RANDOM.standard_normal((2, rows, k)).astype("f4")}
    attrs = {"K": k, "N": n, "bits": bits, "block_size": block}
    data = one_node("MatMulNBits", inputs, weights, np.float32, "a b s z g bias", **attrs)
    zero = {"none": float(1 << (bits - 1)), "packed": zero_codes,
            "float": zero_codes + 0.25}[zeros]
    zero = np.repeat(np.broadcast_to(zero, (n, blocks)), block, 1)
    real = ((codes - zero) * np.repeat(scales, block, 1))[:, :k]
    want = inputs["a"] @ real.T.astype("f4") + weights["bias"]
    got = run(sardonyx, data, inputs)[0]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)
    if bits == 4 and zeros != "float" or bits == 8 and zeros == "none":
        theirs = run(onnxruntime, data, inputs)[0]
        np.testing.assert_allclose(got, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("block", [32, 64, 96, 128, 256])
@pytest.mark.parametrize("rows", [1, 2, 7, 33])
@pytest.mark.parametrize("with_zeros", [False, True])
def test_matmul_nbits_rounded_to_bytes(block, rows, with_zeros):
    """accuracy_level 4 allows A to be rounded to 8 bits."""
    k, n = 3 * block - 7, 21
    codes = RANDOM.integers(0, 16, (n, 3 * block))
    scales = RANDOM.random((n, 3)).astype("f4") * 0.2
    zero_codes = RANDOM.integers(0, 16, (n, 4)) if with_zeros else np.full((n, 4), 8)
    weights = {"b": pack(codes, 4).reshape(n, 3, -1), "s": scales.ravel(),
               "bias": RANDOM.random(n).astype("f4")}
    if with_zeros:
        weights["z"] = pack(zero_codes, 4).ravel()
    inputs = {"a": RANDOM.standard_normal((rows, k)).astype("f4")}
    data = one_node("MatMulNBits", inputs, weights, np.float32, "a b s z g bias", K=k, N=n,
                    block_size=block, accuracy_level=4)
    real = ((codes - np.repeat(zero_codes[:, :3], block, 1)) * np.repeat(scales, block, 1))[:, :k]
    want = inputs["a"] @ real.T + weights["bias"]
    got = run(sardonyx, data, inputs)[0]
    # Each element of A is off by half a step of its chunk at most, a step being 1/127 of its
    # largest: the bound on the error is reached only when all errors have the sign of the weight.
    bound = np.abs(real).sum(1) * np.abs(inputs["a"]).max() / 254
    assert (np.abs(got - want) <= bound).all()
    assert np.abs(got - want).max() <= 0.02 * np.ptp(want)


def test_matmul_nbits_with_index():
    k, n, block = 64, 5, 32
    codes = RANDOM.integers(0, 16, (n, k))
    scales = RANDOM.random((n, 2)).astype("f4")
    index = RANDOM.integers(0, 2, k).astype("i4")
    inputs = {"a": RANDOM.standard_normal((3, k)).astype("f4")}
    weights = {"b": pack(codes, 4).reshape(n, 2, -1), "s": scales.ravel(), "g": index}
    data = one_node("MatMulNBits", inputs, weights, np.float32, "a b s z g", K=k, N=n, bits=4,
                    block_size=block)
    want = inputs["a"] @ ((codes - 8) * scales[:, index]).T
    np.testing.assert_allclose(run(sardonyx, data, inputs)[0], want, rtol=1e-4, atol=1e-4)


def test_matmul_nbits_in_halves():
    k, n, block = 64, 16, 32
    codes = RANDOM.integers(0, 16, (n, k))
    scales = RANDOM.random((n, 2)).astype("f2")
    inputs = {"a": RANDOM.standard_normal((3, k)).astype("f2")}
    weights = {"b": pack(codes, 4).reshape(n, 2, -1), "s": scales.ravel()}
    data = one_node("MatMulNBits", inputs, weights, np.float16, "a b s", K=k, N=n, bits=4,
                    block_size=block)
    compare(data, inputs, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("quant_type", [0, 1])
@pytest.mark.parametrize(("k", "block", "rows"), [(64, 32, 1), (64, 64, 9), (96, 64, 2)])
def test_matmul_bnb4(quant_type, k, block, rows):
    n = 18
    inputs = {"a": RANDOM.standard_normal((rows, k)).astype("f4")}
    weights = {"b": numbers(n * k // 2, np.uint8),
               "s": RANDOM.random(n * k // block).astype("f4")}
    data = one_node("MatMulBnb4", inputs, weights, np.float32, "a b s", K=k, N=n,
                    block_size=block, quant_type=quant_type)
    compare(data, inputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("with_zeros", [False, True])
def test_gather_block_quantized(bits, with_zeros):
    rows, columns, block = 11, 64, 16
    codes = RANDOM.integers(0, 1 << bits, (rows, columns))
    zero_codes = RANDOM.integers(0, 1 << bits, (rows, columns // block))
    weights = {"d": pack(codes, bits), "s": RANDOM.random((rows, 4)).astype("f4")}
    if with_zeros:
        weights["z"] = pack(zero_codes, bits)
    inputs = {"i": np.array([[3, 0, 10], [-1, 5, 5]], np.int64)}
    data = one_node("GatherBlockQuantized", inputs, weights, np.float32, "d i s z",
                    bits=bits, block_size=block)
    compare(data, inputs)


# ---- larger operators

def test_attention():
    dtype = np.uint8  # ONNX Runtime takes no other
    batch, length, hidden, heads = 2, 5, 16, 4
    inputs = {"x": numbers((batch, length, hidden), dtype)}
    weights = {"w": numbers((hidden, 3 * hidden), np.int8),
               "b": RANDOM.standard_normal(3 * hidden).astype("f4"), "xs": f4(0.02),
               "ws": f4(0.01), "xz": dtype(3), "wz": np.int8(0),
               "m": np.array([5, 3], np.int32)}
    data = one_node("QAttention", inputs, weights, np.float32, "x w b xs ws m xz wz",
                    num_heads=heads)
    compare(data, inputs, rtol=1e-3, atol=1e-4)


def test_embed_layer_norm(dtype):
    ids = RANDOM.integers(0, 30, (2, 6)).astype("i4")
    inputs = {"i": ids, "t": (ids % 2).astype("i4")}
    hidden = 16
    weights = {"mask": np.ones((2, 6), "i4")}
    order = ["i", "t", "word", "position", "segment", "gamma", "beta", "mask"]
    for name, rows in [("word", 30), ("position", 8), ("segment", 2), ("gamma", 0), ("beta", 0)]:
        weights[name] = numbers((rows, hidden) if rows else (hidden,), dtype)
        weights[name + "_s"] = f4(0.01)
        weights[name + "_z"] = dtype(4)
    tables = ["word", "position", "segment", "gamma", "beta"]
    order += [name + "_s" for name in tables] + [name + "_z" for name in tables]
    made = model([node("QEmbedLayerNormalization", order, ["y", "index"], epsilon=1e-5)], inputs,
                 {"y": TensorProto.FLOAT, "index": TensorProto.INT32}, weights)
    compare(made, inputs, rtol=1e-4, atol=1e-4)


def test_dynamic_lstm(dtype):
    length, batch, size, hidden = 5, 2, 12, 8
    inputs = {"x": RANDOM.standard_normal((length, batch, size)).astype("f4")}
    weights = {"w": numbers((1, size, 4 * hidden), dtype),
               "r": numbers((1, hidden, 4 * hidden), dtype),
               "ws": np.full((1,), 0.005, "f4"), "rs": np.full((1,), 0.005, "f4"),
               "wz": np.full((1,), 3, dtype), "rz": np.full((1,), 3, dtype)}
    data = one_node("DynamicQuantizeLSTM", inputs, weights, np.float32,
                    "x w r - - - - - ws wz rs rz", hidden_size=hidden)
    # ONNX Runtime also rounds what flows through the network to 8 bits, steps of up to 0.03.
    compare(data, inputs, rtol=0.05, atol=0.03)


# ---- whole models as ONNX Runtime's quantizer writes them

def picture_net():
    """Convolutions (dense, depthwise, pointwise), pools, a residual, a concatenation."""
    def weight(*shape):
        return (RANDOM.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype("f4")

    weights = {"w0": weight(16, 3, 3, 3), "b0": weight(16, 1).ravel(), "w1": weight(16, 1, 3, 3),
               "w2": weight(24, 16, 1, 1), "w3": weight(24, 24, 3, 3), "b3": weight(24, 1).ravel(),
               "g": weight(10, 48), "gb": weight(10, 1).ravel()}
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "w0", "b0"], ["c0"], strides=[2, 2], pads=[1, 1, 1, 1]),
        make("Relu", ["c0"], ["r0"]),
        make("Conv", ["r0", "w1"], ["c1"], group=16, pads=[1, 1, 1, 1]),
        make("Relu", ["c1"], ["r1"]), make("Conv", ["r1", "w2"], ["c2"]),
        make("Sigmoid", ["c2"], ["s2"]), make("Mul", ["c2", "s2"], ["m2"]),
        make("Conv", ["m2", "w3", "b3"], ["c3"], pads=[1, 1, 1, 1]),
        make("Add", ["c3", "m2"], ["a3"]),
        make("MaxPool", ["a3"], ["p3"], kernel_shape=[2, 2], strides=[2, 2]),
        make("AveragePool", ["a3"], ["q3"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Concat", ["p3", "q3"], ["k"], axis=1), make("GlobalAveragePool", ["k"], ["h"]),
        make("Flatten", ["h"], ["f"]), make("Gemm", ["f", "g", "gb"], ["y"], transB=1)]
    return nodes, weights, {"x": RANDOM.standard_normal((2, 3, 17, 15)).astype("f4")}


def text_net():
    """Two projections, their product, a softmax and a LayerNormalization."""
    weights = {name: (RANDOM.standard_normal((24, 24)) / 5).astype("f4")
               for name in ("q", "k", "v")}
    weights |= {"qb": RANDOM.standard_normal(24).astype("f4"), "ls": np.ones(24, "f4"),
                "lb": np.zeros(24, "f4")}
    make = helper.make_node
    nodes = [
        make("MatMul", ["x", "q"], ["q0"]), make("Add", ["q0", "qb"], ["q1"]),
        make("MatMul", ["x", "k"], ["k0"]), make("Transpose", ["k0"], ["k1"], perm=[0, 2, 1]),
        make("MatMul", ["q1", "k1"], ["s0"]), make("Softmax", ["s0"], ["s1"], axis=-1),
        make("MatMul", ["x", "v"], ["v0"]), make("MatMul", ["s1", "v0"], ["o"]),
        make("Add", ["o", "x"], ["a"]),
        make("LayerNormalization", ["a", "ls", "lb"], ["y"], axis=-1)]
    return nodes, weights, {"x": RANDOM.standard_normal((2, 7, 24)).astype("f4")}


class Calibration(onnxruntime.quantization.CalibrationDataReader):
    def __init__(self, inputs):
        self.left = [inputs]

    def get_next(self):
        return self.left.pop() if self.left else None


@pytest.mark.parametrize("net", [picture_net, text_net])
@pytest.mark.parametrize(("how", "activation", "weight", "per_channel"), [
    ("QDQ", "QUInt8", "QInt8", False), ("QDQ", "QInt8", "QInt8", True),
    ("QDQ", "QUInt8", "QUInt8", False), ("QDQ", "QUInt16", "QInt8", False),
    ("QOperator", "QUInt8", "QInt8", False), ("QOperator", "QUInt8", "QUInt8", False),
    ("dynamic", "QUInt8", "QInt8", False), ("dynamic", "QUInt8", "QUInt8", True)])
def test_quantized_net(net, how, activation, weight, per_channel, tmp_path):
    tools = onnxruntime.quantization
    nodes, weights, inputs = net()
    source, target = tmp_path / "float.onnx", tmp_path / "quantized.onnx"
    source.write_bytes(model(nodes, inputs, {"y": TensorProto.FLOAT}, weights, opset=17))
    if how == "dynamic":
        tools.quantize_dynamic(source, target, weight_type=tools.QuantType[weight],
                               per_channel=per_channel)
    else:
        tools.quantize_static(
            source, target, Calibration(inputs), quant_format=tools.QuantFormat[how],
            activation_type=tools.QuantType[activation], weight_type=tools.QuantType[weight],
            per_channel=per_channel)
    got = run(sardonyx, target.read_bytes(), inputs)[0]
    want = run(onnxruntime, target.read_bytes(), inputs)[0]
    # A number halfway between two quanta may go either way, and its neighbours after it.
    quantum = np.ptp(want) / 255
    assert np.abs(got - want).max() <= (1e-3 * quantum if how == "dynamic" else 3 * quantum)
    assert np.abs(got - want).mean() <= 0.3 * quantum


@pytest.mark.parametrize(("bits", "block"), [(4, 0), (8, 0), (4, 16)])
@pytest.mark.parametrize("activation", ["silu", "swiglu"])
def test_experts(bits, block, activation):
    experts, hidden, inner, rows = 4, 32, 16, 6
    first = 2 * inner if activation == "swiglu" else inner
    inputs = {"x": RANDOM.standard_normal((rows, hidden)).astype("f4"),
              "r": RANDOM.standard_normal((rows, experts)).astype("f4")}
    weights, real = {}, {}
    for name, shape in (("1", (experts, first, hidden)), ("2", (experts, hidden, inner))):
        codes = RANDOM.integers(0, 1 << bits, shape)
        blocks = shape[2] // block if block else 1
        scales = RANDOM.random((*shape[:2], blocks)).astype("f4") * (0.3 if bits == 4 else 0.02)
        weights["w" + name] = pack(codes, bits)
        weights["s" + name] = scales if block else scales[..., 0]
        real["w" + name] = ((codes - (1 << (bits - 1))).astype("f4") *
                            np.repeat(scales, shape[2] // blocks, 2))
    attrs = {"k": 2, "activation_type": activation, "normalize_routing_weights": 1}
    if activation == "swiglu":
        attrs |= {"swiglu_fusion": 1, "activation_alpha": 1.702, "activation_beta": 1.0}
    stored = {"expert_weight_bits": bits} | ({"block_size": block} if block else {})
    data = one_node("QMoE", inputs, weights, np.float32, "x r w1 s1 - w2 s2", **attrs, **stored)
    floats = one_node("MoE", inputs, real, np.float32, "x r w1 - w2", **attrs)
    got = run(sardonyx, data, inputs)[0]
    np.testing.assert_allclose(got, run(sardonyx, floats, inputs)[0], rtol=1e-4, atol=1e-4)
    if activation == "swiglu":  # the one that ONNX Runtime's kernel for the CPU has
        compare(data, inputs, rtol=0.02, atol=0.02)
