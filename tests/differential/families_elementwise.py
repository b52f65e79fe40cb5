"""Operators of one element per element, with broadcasting; reductions, and what runs along one axis."""

import math

import numpy as np
from draw import F16, F32, F64, FLOATS, INTEGERS, SIGNED, UNSIGNED, Case, family, i64, vector

# ---- One input

UNARY = "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan Tanh Exp Log Sqrt Reciprocal Erf " \
        "Sigmoid Softplus Softsign Mish HardSwish"  # fmt: skip


_erf = np.vectorize(math.erf, otypes=[F64])
EXACT = {"Erf": lambda x: _erf(x), "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1)}


@family(UNARY)
def unary_float(draw, op):
    dtype = draw.pick(*FLOATS)
    x = draw.array(dtype, draw.shape(), -6, 6, draw.style())
    if op in ("Sin", "Cos", "Tan", "Softplus"):  # beyond, others lose digits or overflow
        x = np.where(np.abs(x) > 99, dtype(99), x)
    opset = draw.opset(18, 22) if op in ("Mish", "HardSwish") else draw.opset(13, 18, 21, 22)
    judge = EXACT.get(op) if x.dtype == F64 else None  # others compute these in f32
    return Case(op, opset, [x], rtol=2, judge=judge)


@family("Abs Neg Sign Relu")
def unary_number(draw, op):
    dtype = draw.pick(*FLOATS, *(SIGNED if op in ("Neg", "Relu") else INTEGERS))
    style = draw.style() if dtype in FLOATS else draw.pick("plain", "extreme")
    return Case(op, draw.opset(13, 14, 21), [draw.array(dtype, draw.shape(), style=style)])


@family("Ceil Floor Round")
def rounding(draw, op):
    x = draw.array(draw.pick(*FLOATS), draw.shape(), style=draw.style())
    if draw.chance(0.3):
        x = (np.round(x * 2) / 2).astype(x.dtype)  # ties
    return Case(op, draw.opset(11, 13, 22), [x], atol=0, rtol=0)


@family("IsNaN IsInf")
def kinds_of_float(draw, op):
    attrs = {}
    if op == "IsInf":
        attrs = {"detect_negative": draw.maybe(draw.int(0, 1)),
                 "detect_positive": draw.maybe(draw.int(0, 1))}  # fmt: skip
    dtype = draw.pick(F32, F64, F16) if op == "IsNaN" else draw.pick(F32, F64)
    return Case(op, draw.opset(13, 20), [draw.array(dtype, draw.shape(), style="special")],
                attrs=attrs)


@family("Not BitwiseNot")
def inverted(draw, op):
    dtype = np.bool_ if op == "Not" else draw.pick(*INTEGERS)
    return Case(op, 18, [draw.array(dtype, draw.shape(), style="extreme")])


PARAMETERS = {"Elu": ("alpha",), "Selu": ("alpha", "gamma"), "Celu": ("alpha",),
              "LeakyRelu": ("alpha",), "ThresholdedRelu": ("alpha",),
              "HardSigmoid": ("alpha", "beta"), "Shrink": ("bias", "lambd"),
              "Swish": ("alpha",)}  # fmt: skip


@family(" ".join(PARAMETERS))
def parametrised(draw, op):
    attrs = {name: draw.maybe(round(float(draw.rng.uniform(-2, 2)), 3)) for name in PARAMETERS[op]}
    if op == "Celu" and attrs["alpha"] is not None:
        attrs["alpha"] = abs(attrs["alpha"]) + 0.1
    if op == "Shrink" and attrs["lambd"] is not None:
        attrs["lambd"] = abs(attrs["lambd"])
    dtype = F32 if op == "Celu" else draw.pick(*FLOATS)
    if dtype == F64:  # attributes are f32; others are exact only for numbers that it holds
        attrs = {name: None if value is None else float(F32(value)) for name, value in attrs.items()}
    if op == "Shrink" and draw.chance(0.3):
        return Case(op, 9, [draw.array(draw.pick(*INTEGERS), draw.shape())])
    opset = 24 if op == "Swish" else draw.opset(12, 16, 22)
    x = draw.array(dtype, draw.shape(), style=draw.style())
    unlike = "computes in f32" if op == "Shrink" and dtype == F64 else None
    return Case(op, opset, [x], attrs=attrs, unlike=unlike)


def _tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@family("Gelu")
def gelu(draw, op):
    tanh = draw.chance()
    x = draw.array(draw.pick(F32, F64, F16), draw.shape())
    judge = None
    if x.dtype == F64:
        judge = _tanh_gelu if tanh else lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2)))
    return Case(op, 20, [x], attrs={"approximate": "tanh" if tanh else draw.maybe("none")},
                judge=judge)


@family("Clip")
def clip(draw, op):
    opset = draw.opset(7, 10, 11, 12, 13)
    if opset < 11:
        attrs = {"min": draw.maybe(-1.5), "max": draw.maybe(0.5)}
        return Case(op, opset, [draw.array(F32, draw.shape(), style=draw.style())], attrs=attrs)
    dtype = draw.pick(*FLOATS, *INTEGERS) if opset >= 12 else F32
    x = draw.array(dtype, draw.shape(), -6, 9)
    low = None if draw.chance(0.3) else draw.array(dtype, (), 0, 2)
    high = None if draw.chance(0.3) else draw.array(dtype, (), 0, 4)
    return Case(op, opset, [x, low, high])


# ---- Two and more inputs


@family("Add Sub Mul Div")
def arithmetic(draw, op):
    opset = draw.opset(7, 13, 14)
    dtype = draw.pick(*FLOATS, np.int32, np.int64) if opset < 14 else draw.pick(*FLOATS, *INTEGERS)
    a, b = draw.pair()
    style = draw.style() if dtype in FLOATS else draw.pick("plain", "extreme")
    x, y = draw.array(dtype, a, style=style), draw.array(dtype, b, style=style)
    if op == "Div" and dtype in INTEGERS:
        y = np.where(y == 0, dtype(3), y)
        if dtype in SIGNED:  # the one quotient that does not fit
            y = np.where(y == -1, dtype(2), y)
    return Case(op, opset, [x, y])


@family("Pow")
def power(draw, op):
    opset = draw.opset(7, 12, 13, 15)
    base = draw.pick(F32, F64) if opset < 12 else draw.pick(F32, F64, np.int32, np.int64)
    exponent = base if opset < 12 else draw.pick(F32, F64, np.int32, np.int64)
    a, b = draw.pair()
    x = draw.array(base, a, 0 if base in FLOATS else 1, 4, "plain")
    y = draw.array(exponent, b, 0 if base in INTEGERS else -3, 3, draw.pick("whole", "plain"))
    if base in INTEGERS:
        y = np.round(y).astype(exponent)
    return Case(op, opset, [x, y])


@family("Mod")
def modulus(draw, op):
    opset = draw.opset(10, 13)
    fmod = draw.int(0, 1)
    dtype = draw.pick(F32, F64, *INTEGERS) if fmod else draw.pick(*INTEGERS)
    a, b = draw.pair()
    y = draw.array(dtype, b, -5, 5)
    y = np.where(np.abs(y.astype(F64)) < 0.1, dtype(3), y)
    return Case(op, opset, [draw.array(dtype, a, -20, 20), y], attrs={"fmod": fmod})


@family("Equal Greater Less GreaterOrEqual LessOrEqual")
def comparison(draw, op):
    opset = draw.opset(7, 9, 11, 13) if op in ("Equal", "Greater", "Less") else draw.opset(12, 16)
    if op == "Equal":
        choices = {7: (np.bool_, np.int32, np.int64), 9: (np.bool_, np.int32, np.int64)}.get(
            opset, (np.bool_, *FLOATS, np.int32, np.int64))  # fmt: skip
        if draw.chance(0.1):
            opset, choices = 19, (object,)
    else:
        choices = (F32, F64) if opset == 7 else (F32, F64, np.int32, np.int64, *INTEGERS)
    dtype = draw.pick(*choices)
    a, b = draw.pair()
    style = draw.pick("whole", "special")
    return Case(op, opset, [draw.array(dtype, a, style=style), draw.array(dtype, b, style=style)])


@family("And Or Xor")
def logic(draw, op):
    a, b = draw.pair()
    return Case(op, 7, [draw.array(np.bool_, a), draw.array(np.bool_, b)])


@family("BitwiseAnd BitwiseOr BitwiseXor BitShift")
def bits(draw, op):
    dtype = draw.pick(*(UNSIGNED if op == "BitShift" else INTEGERS))
    a, b = draw.pair()
    x = draw.array(dtype, a, style="extreme")
    if op == "BitShift":
        width = np.dtype(dtype).itemsize * 8
        return Case(op, 11, [x, draw.array(dtype, b, 0, width - 1)],
                    attrs={"direction": draw.pick("LEFT", "RIGHT")})
    return Case(op, 18, [x, draw.array(dtype, b, style="extreme")])


@family("Max Min Sum Mean")
def variadic(draw, op):
    opset = draw.opset(8, 12, 13)
    dtype = draw.pick(*FLOATS, *INTEGERS) if op in ("Max", "Min") and opset > 8 else F32
    shape = draw.shape()
    style = draw.style() if dtype in FLOATS else draw.pick("plain", "extreme")
    inputs = [draw.array(dtype, draw.broadcast(shape), style=style)
              for _ in range(draw.int(1, 4))]  # fmt: skip
    return Case(op, opset, inputs)


@family("Where")
def where(draw, op):
    shape = draw.shape()
    dtype = draw.pick(*FLOATS, *INTEGERS, np.bool_, object)
    return Case(op, draw.opset(9, 16), [draw.array(np.bool_, draw.broadcast(shape)),
                                        draw.array(dtype, draw.broadcast(shape)),
                                        draw.array(dtype, draw.broadcast(shape))])  # fmt: skip


@family("PRelu")
def prelu(draw, op):
    shape = draw.shape()
    dtype = draw.pick(F32, F64, F16)
    slope = draw.array(dtype, draw.broadcast(shape))
    return Case(op, draw.opset(7, 9, 16), [draw.array(dtype, shape), slope],
                constants=draw.pick((), (1,)))


# ---- Reductions

REDUCTIONS = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin " \
             "ReduceProd ReduceSum ReduceSumSquare"  # fmt: skip


@family(REDUCTIONS)
def reduction(draw, op):
    opset = draw.opset(7, 11, 13, 18, 20)
    dtype = draw.pick(F32, F64, np.int32, np.int64)
    if op in ("ReduceMax", "ReduceMin"):
        more = {7: (), 11: ()}.get(opset, (np.int8, np.uint8))
        dtype = draw.pick(F32, F64, np.int32, np.int64, *more, *((np.bool_,) if opset == 20 else ()))
    if op in ("ReduceLogSum", "ReduceLogSumExp", "ReduceL2", "ReduceMean") and dtype in INTEGERS:
        dtype = F32
    shape = draw.shape(0, 5)
    whole = dtype in INTEGERS and op == "ReduceProd"
    x = draw.array(dtype, shape, 0.1 if op == "ReduceLogSum" else -3, 3)

    axes = draw.axes(len(shape)) if shape and draw.chance(0.8) else None
    attrs = {"keepdims": draw.maybe(draw.int(0, 1))}
    unlike = "counts negative axes wrongly where nothing is reduced" if 0 in shape else None
    if whole:
        unlike = "does not wrap"
    as_input = opset >= 18 or (op == "ReduceSum" and opset >= 13)
    if opset < 11 and axes is not None:
        axes = [a % len(shape) for a in axes]
    if not as_input:
        return Case(op, opset, [x], attrs=attrs | {"axes": axes}, rtol=5, unlike=unlike)
    attrs["noop_with_empty_axes"] = draw.maybe(draw.int(0, 1))
    given = None if axes is None else vector(axes)
    if axes is None and draw.chance(0.3):
        given = vector([])
    return Case(op, opset, [x, given], attrs=attrs, constants=draw.pick((), (1,))
                if given is not None else (), rtol=5, unlike=unlike)  # fmt: skip


@family("ArgMax ArgMin")
def arg_reduction(draw, op):
    opset = draw.opset(7, 11, 12, 13)
    dtype = draw.pick(F32, F64, np.int32, np.int64, np.int8, np.uint8) if opset == 13 else F32
    shape = draw.shape(1, 4, empty=0)
    attrs = {"axis": draw.maybe(draw.axis(len(shape), opset >= 11), 0.8),
             "keepdims": draw.maybe(draw.int(0, 1))}  # fmt: skip
    if opset >= 12:
        attrs["select_last_index"] = draw.maybe(draw.int(0, 1))
    return Case(op, opset, [draw.array(dtype, shape, style="whole")], attrs=attrs)


@family("Softmax LogSoftmax Hardmax")
def softmax(draw, op):
    opset = draw.opset(7, 11, 12, 13)
    shape = draw.shape(2 if opset < 13 else 1, 4)
    dtype = draw.pick(F32, F64, F16) if op != "Hardmax" else F32
    style = draw.pick("plain", "whole")
    axis = draw.axis(len(shape), opset >= 11)
    return Case(op, opset, [draw.array(dtype, shape, -9, 9, style)],
                attrs={"axis": draw.maybe(axis, 0.8)})


@family("CumSum CumProd")
def cumulative(draw, op):
    dtype = draw.pick(F32, F64, np.int32, np.int64)
    shape = draw.shape(1, 4)
    axis = np.array(draw.axis(len(shape)), draw.pick(np.int32, np.int64))
    attrs = {"exclusive": draw.maybe(draw.int(0, 1)), "reverse": draw.maybe(draw.int(0, 1))}
    opset = 26 if op == "CumProd" else draw.opset(11, 14)
    return Case(op, opset, [draw.array(dtype, shape), axis], attrs=attrs,
                constants=draw.pick((), (1,)))


@family("TopK")
def top_k(draw, op):
    opset = draw.opset(7, 10, 11)
    shape = draw.shape(1, 4, empty=0.03)
    if draw.chance(0.2):
        shape = (draw.int(1, 3), draw.int(300, 1500))
    axis = draw.axis(len(shape), opset == 11)
    k = draw.int(0, draw.pick(min(shape[axis], 20), shape[axis]))
    dtype = draw.pick(F32, F64, np.int32, np.int64) if opset == 11 else F32
    x = draw.array(dtype, shape, style=draw.pick("plain", "whole"))
    attrs = {"axis": axis}
    if opset == 7:
        return Case(op, opset, [x], 2, attrs | {"k": max(k, 1)}) if k else Case(
            op, 11, [x, i64(k)], 2, attrs)  # fmt: skip
    if opset == 11:
        attrs |= {"largest": draw.maybe(draw.int(0, 1)), "sorted": 1}
    return Case(op, opset, [x, i64(k)], 2, attrs, constants=draw.pick((), (1,)))


@family("Unique")
def unique(draw, op):
    flat = draw.chance(0.4)
    shape = draw.shape(0 if flat else 1, 3)
    attrs = {"axis": None if flat else draw.axis(len(shape)),
             "sorted": draw.maybe(draw.int(0, 1))}  # fmt: skip
    dtype = draw.pick(F32, F64, np.int64, np.int8, object)
    x = draw.array(dtype, shape, -1, 1, "whole")
    return Case(op, 11, [x if dtype is object else x + dtype(0)], 4, attrs)


@family("NonZero")
def non_zero(draw, op):
    dtype = draw.pick(F32, np.int32, np.int64, np.uint8, np.bool_)
    x = draw.array(dtype, draw.shape(), -1, 1, "whole")
    # ONNX Runtime takes a scalar for a vector; the specification gives it no row.
    judge = (lambda x: np.zeros((0, int(x != 0)), np.int64)) if x.ndim == 0 else None
    return Case(op, draw.opset(9, 13), [x], judge=judge)
