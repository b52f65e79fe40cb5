"""The functions by which tools quantize weights: the bits that ONNX Runtime's functions give."""

import numpy as np
import onnx
import onnxruntime
import pytest
import sardonyx
from both_runtimes import both, state
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(7)
# rows (K), columns (N), block: whole blocks, blocks that end early, odd numbers, many columns
SIZES = [(32, 8, 16), (64, 3, 32), (33, 5, 16), (100, 7, 32), (1, 1, 16), (17, 2, 128), (19, 2, 16),
         (200, 9, 64), (257, 6, 256), (90, 133, 32), (31, 70, 16)]  # fmt: skip
REALS = [np.float32, np.float16]


def weights(kind, rows, columns, dtype):
    array = RANDOM.standard_normal((rows, columns))
    if kind == "positive":
        array = np.abs(array)
        array[:, 0] = 0
    elif kind == "small and negative":
        array = -1e-3 * np.abs(array)
    elif kind == "halfway":  # between two numbers, where rounding shows
        array = np.round(array * 4)
        array[0] = 8
    return array.astype(dtype)


KINDS = ["normal", "positive", "small and negative", "halfway"]


def quantized(ort, name, src, block, symmetric, fill=0):
    """Results for MatMulNBits, in arrays that had something else before."""
    rows, columns = src.shape
    blocks, per_byte = -(-rows // block), 8 // int(name.removesuffix("bits").rpartition("_")[2])
    dst = np.full((columns, blocks, block // per_byte), fill, np.uint8)
    scale = np.full((columns, blocks), fill, src.dtype)
    zeros = np.full((columns, -(-blocks // per_byte)), fill, np.uint8)
    getattr(state(ort), name)(dst, src, scale, zeros, block, columns, rows, symmetric)
    return dst, scale, zeros


def quantized_in_order(ort, src, block, symmetric, fill=0, bits=4):
    rows, columns = src.shape
    blocks, per_byte = -(-rows // block), 8 // bits
    dst = np.full(-(-rows * columns // per_byte), fill, np.uint8)
    scale = np.full((blocks, columns), fill, src.dtype)
    zeros = np.full(-(-blocks * columns // per_byte), fill, np.uint8)
    function = getattr(state(ort), f"quantize_qdq_matmul_{bits}bits")
    signed = function(dst, src, scale, zeros, block, columns, rows, symmetric)
    return signed, dst, scale, zeros


def coded(ort, src, block, kind, fill=0):
    rows, columns = src.shape
    dst = np.full(-(-src.size // 2), fill, np.uint8)
    absmax = np.full(-(-src.size // block), fill, src.dtype)
    state(ort).quantize_matmul_bnb4(dst, src, absmax, block, kind, rows, columns)
    return dst, absmax


def check_equal(function, *arguments):
    got, wanted = function(sardonyx, *arguments), function(onnxruntime, *arguments)
    for ours, theirs in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)  # NaN equals NaN
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "asymmetric"])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("dtype", REALS)
def test_for_matmul_nbits(dtype, bits, symmetric):
    for kind in KINDS:
        for rows, columns, block in SIZES:
            src = weights(kind, rows, columns, dtype)
            for fill in (0, 0x5A):
                check_equal(quantized, f"quantize_matmul_{bits}bits", src, block, symmetric, fill)


@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "asymmetric"])
@pytest.mark.parametrize("dtype", REALS)
def test_for_dequantize_linear(dtype, symmetric):
    for kind in KINDS:
        for rows, columns, block in [*SIZES, (5, 5, 5), (31, 32, 31), (40, 128, 33)]:
            src = weights(kind, rows, columns, dtype)
            for fill in (0, 0x5A):
                check_equal(quantized_in_order, src, block, symmetric, fill)


@pytest.mark.parametrize("code", [0, 1], ids=["fp4", "nf4"])
@pytest.mark.parametrize("dtype", REALS)
def test_for_matmul_bnb4(dtype, code):
    for kind in KINDS:
        for rows, columns, block in SIZES:
            block = max(16, min(block, 256))
            for fill in (0, 0x5A):
                check_equal(coded, weights(kind, rows, columns, dtype), block, code, fill)
    # Every number between -1 and 1 that is near a limit of the table.
    steps = np.linspace(-1, 1, 16 * 4096).astype(dtype).reshape(-1, 16)
    steps[:, 0] = 1
    check_equal(coded, steps, 16, code)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, "max", "tiny"])
@pytest.mark.parametrize("dtype", REALS)
def test_numbers_at_the_ends(dtype, value):
    limits = np.finfo(dtype)
    value = {"max": limits.max, "tiny": limits.smallest_subnormal}.get(value, value)
    src = np.zeros((16, 3), dtype)
    src[3, 0], src[4, 0], src[5, 0] = value, -value, 1 if np.isfinite(value) else value
    src[7, 1], src[9, 2] = value, -value
    for symmetric in (True, False):
        for bits in (2, 4, 8):
            check_equal(quantized, f"quantize_matmul_{bits}bits", src, 16, symmetric)


@both
def test_the_right_numbers(ort):
    """By hand: values from -8 to 7 with the scale 1."""
    src = np.arange(-8, 8, dtype=np.float32).reshape(16, 1)
    dst, scale, zeros = quantized(ort, "quantize_matmul_4bits", src, 16, True)
    assert scale.tolist() == [[1.0]] and zeros.tolist() == [[0]]
    assert dst.ravel().tolist() == [0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE]
    dst, scale, zeros = quantized(ort, "quantize_matmul_4bits", src, 16, False)
    assert scale.tolist() == [[1.0]] and zeros.tolist() == [[0x88]]
    signed, dst, scale, _ = quantized_in_order(ort, src, 16, True)
    assert signed and dst.tolist() == [0x98, 0xBA, 0xDC, 0xFE, 0x10, 0x32, 0x54, 0x76]


@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "asymmetric"])
def test_2_bits_in_order_come_back(symmetric):
    """Through DequantizeLinear. ONNX Runtime's function writes 4 bits each here, past the array."""
    rows, columns, block = 33, 6, 16
    src = weights("normal", rows, columns, np.float32)
    signed, dst, scale, zeros = quantized_in_order(sardonyx, src, block, symmetric, 0, 2)
    assert signed == symmetric
    dtype = TensorProto.INT2 if signed else TensorProto.UINT2

    def tensor(name, array, dims):
        return helper.make_tensor(name, dtype, dims, array.tobytes(), raw=True)

    scales = numpy_helper.from_array(scale, "s")
    node = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["y"], axis=0, block_size=block)
    graph = helper.make_graph(
        [node], "two_bits", [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (rows, columns))],
        [tensor("w", dst, (rows, columns)), scales, tensor("z", zeros, scale.shape)])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
    got = sardonyx.InferenceSession(model.SerializeToString()).run(None, {})[0]
    # Symmetric numbers reach from -2 to 1, so that the value farthest on the other side is 1 off.
    steps = np.repeat(np.abs(scale), block, axis=0)[:rows]
    assert np.all(np.abs(got - src) <= steps * (1.001 if symmetric else 0.501))


@both
def test_arrays_that_cannot_be(ort):
    quantize = state(ort).quantize_matmul_4bits
    src, scale = np.zeros((32, 4), np.float32), np.zeros((4, 2), np.float32)
    dst, zeros = np.zeros((4, 2, 8), np.uint8), np.zeros((4, 1), np.uint8)
    for block in (0, 8, 24, 512):
        with pytest.raises(RuntimeError, match="16, 32, 64, 128"):
            quantize(dst, src, scale, zeros, block, 4, 32, True)
    with pytest.raises(RuntimeError, match=r"only 0 \(FP4\) and 1 \(NF4\)"):
        state(ort).quantize_matmul_bnb4(dst, src, scale, 16, 2, 4, 32)


def test_arrays_that_are_too_small_or_cannot_be_written_to():
    """ONNX Runtime writes past them, or into a copy."""
    quantize = state(sardonyx).quantize_matmul_4bits
    src, scale = np.zeros((32, 4), np.float32), np.zeros((4, 2), np.float32)
    dst, zeros = np.zeros((4, 2, 8), np.uint8), np.zeros((4, 1), np.uint8)
    with pytest.raises(sardonyx.InvalidArgument, match="numbers: 64 elements are needed"):
        quantize(dst[:3], src, scale, zeros, 16, 4, 32, True)
    with pytest.raises(sardonyx.InvalidArgument, match="scales: 8 elements"):
        quantize(dst, src, scale[:1], zeros, 16, 4, 32, True)
    with pytest.raises(sardonyx.InvalidArgument, match="zero points: 4 elements"):
        quantize(dst, src, scale, zeros[:1], 16, 4, 32, False)
    with pytest.raises(sardonyx.InvalidArgument, match="32 rows and 5 columns"):
        quantize(dst, src, scale, zeros, 16, 5, 32, True)
    with pytest.raises(TypeError, match="dst .*contiguous"):
        quantize(np.zeros((4, 2, 16), np.uint8)[..., ::2], src, scale, zeros, 16, 4, 32, True)
    with pytest.raises(TypeError, match="dst must be an array of uint8"):
        quantize(dst.astype(np.int8), src, scale, zeros, 16, 4, 32, True)
    with pytest.raises(TypeError, match="float32 or float16"):
        quantize(dst, src, scale.astype(np.float64), zeros, 16, 4, 32, True)


def test_weights_that_lie_otherwise():
    """A transposed array is taken by its shape; ONNX Runtime takes its memory as it lies."""
    src = weights("normal", 8, 48, np.float32).T
    for ours, theirs in zip(
        quantized(sardonyx, "quantize_matmul_4bits", src, 16, False),
        quantized(onnxruntime, "quantize_matmul_4bits", np.ascontiguousarray(src), 16, False),
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("bits", "symmetric"), [(2, True), (4, True), (4, False), (8, False)])
def test_the_quantizer_tool_on_this_library(bits, symmetric, tmp_path, monkeypatch):
    """MatMulNBitsQuantizer with these functions writes the model that it writes with its own."""
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    src = numpy_helper.from_array(weights("normal", 70, 9, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="m")], "tool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 70))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", 9))], [src])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    def written():
        config = nbits.DefaultWeightOnlyQuantConfig(
            block_size=32, is_symmetric=symmetric, bits=bits)
        tool = nbits.MatMulNBitsQuantizer(onnx.ModelProto.FromString(model.SerializeToString()),
                                          algo_config=config)
        tool.process()
        return tool.model.model.SerializeToString()

    wanted = written()
    name = f"quantize_matmul_{bits}bits"
    monkeypatch.setattr(nbits, name, getattr(state(sardonyx), name))
    assert written() == wanted
