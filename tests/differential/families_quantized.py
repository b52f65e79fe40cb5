"""Quantised operators and quantisation itself."""

import numpy as np
from draw import F32, Case, family

BYTES = (np.uint8, np.int8)
# ONNX Runtime computes some of these in float32 and rounds once more.
NEAR = 1


def scale(draw, shape=()):
    return draw.array(F32, shape, 0.01, 0.2)


def byte(draw, dtype, shape, style="extreme"):
    return draw.array(dtype, shape, -100, 100, style)


def weights_of(draw, dtype, shape):
    """Where the processor has no VNNI, ONNX Runtime adds two products of unsigned and signed bytes
    in 16 bits, whatever it is asked for: of these weights no two are too large."""
    return draw.array(dtype, shape, -64, 63) if dtype is np.int8 else byte(draw, dtype, shape)


def zero(draw, dtype, shape=()):
    return draw.array(dtype, shape, -9, 9)


def granularity(draw, opset, shape, axis):
    """-> the shape of the scales (of the tensor, an axis, or blocks of one), attributes."""
    per_axis = opset >= 13 and draw.chance() and shape[axis] > 0
    blocked = opset >= 21 and shape[axis] > 1 and 0 not in shape and draw.chance(0.3)
    many = (shape[axis],) if per_axis else ()
    attrs = {"axis": axis if per_axis or blocked else None}
    if blocked:
        block = draw.int(1, shape[axis])
        many = list(shape)
        many[axis] = -(-shape[axis] // block)
        attrs["block_size"] = block
    return many, attrs


@family("QuantizeLinear")
def quantize(draw, op):
    opset = draw.opset(10, 13, 19, 21)
    shape = draw.shape(1, 4)
    axis = draw.axis(len(shape))
    dtype = draw.pick(*BYTES) if opset < 21 else draw.pick(*BYTES, np.uint16, np.int16)
    many, attrs = granularity(draw, opset, shape, axis)
    x = draw.array(F32, shape, -40, 40, draw.pick("plain", "plain", "whole"))
    if draw.chance(0.1):
        x = np.where(draw.rng.random(shape) < 0.3, F32(np.inf), x)
    inputs = [x, scale(draw, many), draw.maybe(zero(draw, dtype, many), 0.8)]
    return Case(op, opset, inputs, attrs=attrs, constants=draw.pick((), (1,)), ulps=NEAR)


@family("DequantizeLinear")
def dequantize(draw, op):
    opset = draw.opset(10, 13, 19, 21)
    shape = draw.shape(1, 4)
    axis = draw.axis(len(shape))
    dtype = draw.pick(*BYTES, np.int32) if opset < 21 else draw.pick(*BYTES, np.uint16, np.int16,
                                                                     np.int32)  # fmt: skip
    many, attrs = granularity(draw, opset, shape, axis)
    point = None if dtype is np.int32 else draw.maybe(zero(draw, dtype, many), 0.8)
    x = draw.array(dtype, shape, -99, 99)
    return Case(op, opset, [x, scale(draw, many), point], attrs=attrs,
                constants=draw.pick((), (1,)))


@family("DynamicQuantizeLinear")
def dynamic_quantize(draw, op):
    low = draw.pick(-3.0, 0.5, -3.0)
    x = draw.array(F32, draw.shape(1, 3, empty=0), low, draw.pick(3.0, 0.6) if low > 0 else 3.0)
    return Case(op, 11, [x], 3, ulps=NEAR)


@family("MatMulInteger")
def matmul_integer(draw, op):
    m, k, n = draw.ints(3, 1, 20)
    a, b = draw.pick(*BYTES), draw.pick(*BYTES)
    lead = draw.shape(0, 1, most=3, empty=0)
    inputs = [byte(draw, a, (*lead, m, k)), weights_of(draw, b, (*draw.broadcast(lead), k, n)),
              draw.maybe(zero(draw, a)), draw.maybe(zero(draw, b, draw.pick((), (n,))))]
    return Case(op, 10, inputs, constants=draw.pick((), (1,)))


@family("QLinearMatMul")
def qlinear_matmul(draw, op):
    m, k, n = draw.ints(3, 1, 20)
    a, b = draw.pick(*BYTES), draw.pick(*BYTES)
    many = draw.pick((), (n,))
    inputs = [byte(draw, a, (m, k)), scale(draw), zero(draw, a), weights_of(draw, b, (k, n)),
              scale(draw, many), zero(draw, b, many), draw.array(F32, (), 1, 3), zero(draw, a)]
    return Case(op, 10, inputs, constants=draw.pick((), (1, 2, 3, 4, 5, 6, 7)), ulps=NEAR)


def image(draw):
    groups, depth, filters = draw.pick(1, 1, 2), draw.int(1, 5), draw.int(1, 5)
    if draw.chance(0.3):
        groups, depth, filters = 8, 1, 1
    kernel = draw.ints(2, 1, 3)
    sizes = [draw.int(k, 8) for k in kernel]
    attrs = {"group": groups, "strides": draw.maybe(draw.ints(2, 1, 2)),
             "pads": draw.maybe(draw.ints(4, 0, 2))}  # fmt: skip
    return (draw.int(1, 2), depth * groups, *sizes), (filters * groups, depth, *kernel), attrs


@family("ConvInteger")
def conv_integer(draw, op):
    x, w, attrs = image(draw)
    inputs = [byte(draw, np.uint8, x), byte(draw, draw.pick(*BYTES), w)]
    inputs += [draw.maybe(zero(draw, np.uint8)), draw.maybe(zero(draw, inputs[1].dtype))]
    return Case(op, 10, inputs, attrs=attrs, constants=draw.pick((), (1,)))


@family("QLinearConv")
def qlinear_conv(draw, op):
    x, w, attrs = image(draw)
    kind, weights = draw.pick(*BYTES), draw.pick(*BYTES)
    many = draw.pick((), (w[0],))
    point = zero(draw, weights, many)
    if kind is np.int8 or many:
        weights, point = np.int8, np.zeros(many, np.int8)
    inputs = [byte(draw, kind, x), scale(draw), zero(draw, kind), byte(draw, weights, w),
              scale(draw, many), point, draw.array(F32, (), 1, 3), zero(draw, kind),
              draw.maybe(draw.array(np.int32, (w[0],), -999, 999))]  # fmt: skip
    return Case(op, 10, inputs, attrs=attrs, constants=draw.pick((3, 4, 5), (1, 2, 3, 4, 5, 6, 7)),
                ulps=NEAR)


MS = "com.microsoft"


@family("QLinearAdd QLinearMul")
def qlinear_binary(draw, op):
    a, b = draw.pair(low=1, empty=0)
    kind = draw.pick(*BYTES)
    inputs = [byte(draw, kind, a), scale(draw), zero(draw, kind), byte(draw, kind, b),
              scale(draw), zero(draw, kind), scale(draw), zero(draw, kind)]
    return Case(op, 1, inputs, domain=MS, ulps=NEAR)


@family("QLinearSigmoid QLinearLeakyRelu")
def qlinear_unary(draw, op):
    kind = draw.pick(*BYTES)
    inputs = [byte(draw, kind, draw.shape(1, 3, empty=0)), scale(draw), zero(draw, kind),
              scale(draw), zero(draw, kind)]  # fmt: skip
    attrs = {"alpha": draw.maybe(0.1)} if op == "QLinearLeakyRelu" else {}
    return Case(op, 1, inputs, attrs=attrs, domain=MS, ulps=NEAR, constants=draw.pick((), (1, 2, 3,
                                                                                      4)))


@family("QLinearSoftmax")
def qlinear_softmax(draw, op):
    kind = draw.pick(*BYTES)
    # Of one number ONNX Runtime's softmax is 0.
    shape = tuple(max(2, dim) for dim in draw.shape(2, 3, empty=0))
    inputs = [byte(draw, kind, shape), scale(draw), zero(draw, kind),
              np.array(1 / 255, F32), np.array(0 if kind is np.uint8 else -128, kind)]
    return Case(op, 1, inputs, attrs={"axis": draw.axis(len(shape)), "opset": 13}, domain=MS,
                ulps=NEAR, constants=(1, 2, 3, 4))


@family("QLinearConcat")
def qlinear_concat(draw, op):
    kind = draw.pick(*BYTES)
    shape = list(draw.shape(1, 3, empty=0))
    axis = draw.axis(len(shape))
    inputs = [scale(draw), zero(draw, kind)]
    for _ in range(draw.int(1, 3)):
        shape[axis] = draw.int(1, 4)
        inputs += [byte(draw, kind, shape), scale(draw), zero(draw, kind)]
    return Case(op, 1, inputs, attrs={"axis": axis}, domain=MS, ulps=NEAR)


@family("QLinearAveragePool QLinearGlobalAveragePool")
def qlinear_pool(draw, op):
    kind = draw.pick(*BYTES)
    last = draw.int(0, 1)
    n, c, h, w = draw.int(1, 2), draw.int(1, 9), draw.int(3, 7), draw.int(3, 7)
    x = byte(draw, kind, (n, h, w, c) if last else (n, c, h, w))
    attrs = {"channels_last": last or None}
    if op == "QLinearAveragePool":
        attrs |= {"kernel_shape": draw.ints(2, 1, 3), "strides": draw.maybe(draw.ints(2, 1, 2)),
                  "count_include_pad": draw.maybe(draw.int(0, 1)),
                  # ONNX Runtime counts what lies beyond the padding too.
                  "ceil_mode": None}  # fmt: skip
        attrs["pads"] = draw.maybe([draw.int(0, attrs["kernel_shape"][i % 2] - 1)
                                    for i in range(4)])  # fmt: skip
    return Case(op, 1, [x, scale(draw), zero(draw, kind), scale(draw), zero(draw, kind)],
                attrs=attrs, domain=MS, ulps=NEAR, constants=(1, 2, 3, 4))


@family("QLinearWhere")
def qlinear_where(draw, op):
    kind = draw.pick(*BYTES)
    shape = draw.shape(1, 3, empty=0)
    inputs = [draw.array(np.bool_, draw.broadcast(shape)), byte(draw, kind, draw.broadcast(shape)),
              scale(draw), zero(draw, kind), byte(draw, kind, draw.broadcast(shape)), scale(draw),
              zero(draw, kind), scale(draw), zero(draw, kind)]  # fmt: skip
    return Case(op, 1, inputs, domain=MS, ulps=NEAR, constants=(2, 3, 5, 6, 7, 8))


@family("QGemm")
def qgemm(draw, op):
    m, k, n = draw.ints(3, 1, 17)
    kind = draw.pick(*BYTES)
    weights = draw.pick(*BYTES) if kind is np.uint8 else np.int8
    ta, tb = draw.int(0, 1), draw.int(0, 1)
    many = draw.pick((), (n,))
    quantised = draw.chance()
    inputs = [byte(draw, kind, (k, m) if ta else (m, k)), scale(draw), zero(draw, kind),
              byte(draw, weights, (n, k) if tb else (k, n)), scale(draw, many),
              zero(draw, weights, many), draw.maybe(draw.array(np.int32, (n,), -99, 99))]
    if quantised:
        inputs += [draw.array(F32, (), 1, 3), zero(draw, kind)]
    return Case(op, 1, inputs, attrs={"transA": ta, "transB": tb, "alpha": draw.maybe(0.5)},
                domain=MS, ulps=NEAR, constants=(3, 4, 5))


@family("DynamicQuantizeMatMul MatMulIntegerToFloat")
def float_matmul(draw, op):
    m, k, n = draw.ints(3, 1, 20)
    weights = draw.pick(*BYTES)
    many = draw.pick((), (n,))
    point = draw.maybe(zero(draw, weights, many))
    bias = draw.maybe(draw.array(F32, (n,)))
    b = weights_of(draw, weights, (k, n))
    if op == "DynamicQuantizeMatMul":
        inputs = [draw.array(F32, (m, k)), b, scale(draw, many), point, bias]
    else:
        kind = draw.pick(*BYTES)
        inputs = [byte(draw, kind, (m, k)), b, scale(draw), scale(draw, many),
                  draw.maybe(zero(draw, kind)), point, bias]  # fmt: skip
    return Case(op, 1, inputs, domain=MS, constants=draw.pick((), (1,)), atol=10, rtol=5)


@family("MatMulNBits")
def matmul_nbits(draw, op):
    bits, block = draw.pick(4, 4, 8), draw.pick(16, 32, 64)
    m, k, n = draw.int(1, 5), draw.int(1, 90), draw.int(1, 20)
    blocks = -(-k // block)
    packed = byte(draw, np.uint8, (n, blocks, block * bits // 8))
    scales = draw.array(F32, (n * blocks,), 0.01, 0.1)
    zeros = draw.maybe(byte(draw, np.uint8, (n * -(-blocks * bits // 8),)))
    inputs = [draw.array(F32, (m, k)), packed, scales, zeros]
    if draw.chance(0.3):
        inputs += [None, draw.array(F32, (n,))]
    attrs = {"K": k, "N": n, "bits": bits, "block_size": block}
    return Case(op, 1, inputs, attrs=attrs, domain=MS, constants=draw.pick((), (1, 2)), atol=10)


@family("GatherBlockQuantized")
def gather_block_quantized(draw, op):
    rows, blocks, block = draw.int(1, 6), draw.int(1, 2), 16
    table = byte(draw, np.uint8, (rows, blocks * block // 2))
    scales = draw.array(F32, (rows, blocks), 0.01, 0.1)
    zeros = draw.maybe(byte(draw, np.uint8, (rows, -(-blocks // 2))))
    which = draw.rng.integers(-rows, rows, draw.shape(0, 2, empty=0)).astype(np.int64)
    return Case(op, 1, [table, which, scales, zeros], domain=MS, constants=(0, 2),
                attrs={"bits": 4, "block_size": block, "gather_axis": 0, "quantize_axis": 1})
