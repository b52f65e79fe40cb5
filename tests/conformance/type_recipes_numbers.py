"""Recipes of type_cases.py for elementwise operators, conversions, quantization and reductions. See
type_recipes.py."""

import math

import numpy as np

from type_cases import Node, dtype_of, element_of, enum_of, exact, int_bounds, is_float
from type_recipes import SHAPE, param, recipe

# ---- elementwise


def unary(names, low=-4.0, high=4.0, expect=None, **attrs):
    def make(draw):
        return Node([draw.array(param(draw), SHAPE, low, high)], attrs, expect=expect)

    recipe(names)(make)


unary(
    "Abs Ceil Cos Cosh Elu Exp Floor LeakyRelu Mish Neg Not Relu Round Selu "
    "Sigmoid Sign Sin Sinh Softplus Softsign Tanh BitwiseNot Asinh Atan Swish HardSigmoid"
)
unary("Erf", expect=lambda x: np.vectorize(math.erf)(x))
unary("HardSwish", expect=lambda x: x * np.clip(x / 6 + 0.5, 0, 1))
unary("Acos Asin", -0.95, 0.95)
unary("Atanh", -0.8, 0.8)
unary("Tan", -1.2, 1.2)
unary("Acosh", 1.1, 5)
unary("Log Sqrt", 0.2, 6)
unary("Reciprocal", 0.3, 5)
unary("Celu", alpha=2.0, expect=lambda x: np.maximum(x, 0) + np.minimum(0, 2 * (np.exp(x / 2) - 1)))
unary(
    "Gelu",
    approximate="tanh",
    expect=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
)
unary("ThresholdedRelu", alpha=1.5)


@recipe("Shrink")
def _(draw):
    x = draw.array("T", SHAPE, -6, 6)
    lambd, bias = 2.0, 1.0
    return Node(
        [x],
        {"lambd": lambd, "bias": bias},
        expect=lambda x: np.where(
            x < -lambd,
            x + np.array(bias, x.dtype),
            np.where(x > lambd, x - np.array(bias, x.dtype), np.zeros_like(x)),
        ),
    )


@recipe("IsInf IsNaN")
def _(draw):
    x = draw.array("T1", SHAPE)
    flat = x.reshape(-1)
    if "fn" in draw["T1"]:  # no infinities
        flat[3] = np.nan
    else:
        flat[3], flat[5], flat[6] = np.inf, np.nan, -np.inf
    return Node([x])


def binary(names, low=-4.0, high=4.0, low_b=None, high_b=None, **attrs):
    def make(draw):
        a = draw.array(param(draw), SHAPE, low, high)
        b = draw.array(
            param(draw), (3, 1), low if low_b is None else low_b, high if high_b is None else high_b
        )
        return Node([a, b], attrs)

    recipe(names)(make)


binary(
    "Add Mul And Or Xor Greater Less GreaterOrEqual LessOrEqual Equal BitwiseAnd BitwiseOr "
    "BitwiseXor PRelu"
)


@recipe("Sub")
def _(draw):
    return Node([draw.array("T", SHAPE, 4, 9), draw.array("T", (3, 1), 0, 4)])


@recipe("Div")
def _(draw):
    a, b = draw.array("T", SHAPE, -50, 50), draw.array("T", (3, 1), 1, 4)
    if is_float(draw["T"]):
        return Node([a, b])
    return Node([a, b], expect=lambda a, b: np.trunc(a / b))


@recipe("Mod")
def _(draw):
    a, b = draw.array("T", SHAPE, -50, 50), draw.array("T", (3, 1), 2, 7)
    return Node([a, b], {"fmod": int(is_float(draw["T"]))})


@recipe("Pow")
def _(draw):
    low = 0.5 if is_float(draw["T"]) else 0
    base = draw.array("T", SHAPE, low, 4)
    exponent = draw.array("T1", (3, 1), 0, 3)
    # A fraction in the exponent of an integer base is a matter of rounding; these are exact.
    if not is_float(draw["T"]) and is_float(draw["T1"]):
        exponent = np.round(exponent.astype(np.float64)).astype(exponent.dtype)
    return Node(
        [base, exponent], expect=lambda a, b: np.power(a.astype(np.float64), b.astype(np.float64))
    )


@recipe("BitShift")
def _(draw):
    x = draw.array("T", SHAPE, 0, 200)
    return Node([x, draw.array("T", (3, 1), 0, 7)], {"direction": "RIGHT"})


@recipe("Max Min Mean Sum")
def _(draw):
    return Node([draw.array("T", SHAPE), draw.array("T", (3, 1)), draw.array("T", (7,))])


@recipe("Clip")
def _(draw):
    return Node(
        [draw.array("T", SHAPE, -9, 9), draw.array("T", (), 1, 2), draw.array("T", (), 3, 5)],
        expect=np.clip,
    )


@recipe("Where")
def _(draw):
    return Node(
        [draw.array("bool", SHAPE), draw.array("T", SHAPE), draw.array("T", (3, 1))],
        expect=np.where,
    )


# ---- conversions


def _numbers_for(draw, source, target):
    """Numbers that both types hold, or that the conversion rounds."""
    low, high = -3.0, 3.0
    for name in (source, target):
        if name in ("bool", "string") or is_float(name):
            continue
        least, most = int_bounds(name)
        low, high = max(low, least), min(high, most)
    if source == "float8e8m0" or target == "float8e8m0":
        numbers = 2.0 ** draw.rng.integers(
            -1 if is_float(source) and is_float(target) else 0, 1, SHAPE
        )
    elif is_float(source) or source == "string":
        numbers = np.round(draw.rng.uniform(low, high, SHAPE) * 4) / 4
    else:
        numbers = draw.rng.integers(int(np.ceil(low)), int(np.floor(high)) + 1, SHAPE)
    return np.asarray(numbers)


def _cast(draw, source, target):
    numbers = _numbers_for(draw, source, target)
    if source == "string":
        if not is_float(target):
            numbers = numbers.astype(np.int64)
        x = np.array([str(n) for n in numbers.ravel().tolist()], object).reshape(numbers.shape)
        values = numbers
    else:
        x = numbers.astype(dtype_of(source))
        values = exact(x)
    if target == "string":

        def check(_, outputs):
            (got,) = outputs
            texts = ["1" if v is True else "0" if v is False else v for v in got.ravel()]
            read = [float({"True": 1, "False": 0, "true": 1, "false": 0}.get(t, t)) for t in texts]
            assert got.shape == values.shape
            np.testing.assert_array_equal(read, values.ravel().astype(np.float64))

        return x, None, check
    if target == "bool":
        return x, values != 0, None
    if is_float(target):
        return x, values.astype(np.float64), None
    return x, np.trunc(values.astype(np.float64)), None


@recipe("Cast")
def _(draw):
    x, wanted, check = _cast(draw, draw["T1"], draw["T2"])
    return Node([x], {"to": enum_of(draw["T2"])}, expect=lambda x: wanted, check=check)


@recipe("CastLike")
def _(draw):
    x, wanted, check = _cast(draw, draw["T1"], draw["T2"])
    return Node([x, draw.array("T2", (2,))], expect=lambda x, _: wanted, check=check)


def _bits(name):
    return {
        "bool": 8,
        "complex64": 64,
        "complex128": 128,
        "float": 32,
        "double": 64,
        "bfloat16": 16,
        "float16": 16,
        "float4e2m1": 4,
    }.get(name) or (
        8 if name.startswith("float8") else int("".join(c for c in name if c.isdigit()))
    )


@recipe("BitCast", lambda types: _bits(element_of(types["T1"])) == _bits(element_of(types["T2"])))
def _(draw):
    source, target = draw["T1"], draw["T2"]
    low = 0 if target == "bool" or source == "bool" else -4
    x = draw.array("T1", SHAPE, low, 1 if target == "bool" else 4)
    if target == "bool" and is_float(source):
        x = np.zeros(SHAPE).astype(dtype_of(source))  # other bits are no boolean
    if source == "float8e8m0" and target == "bool":
        x = np.full(SHAPE, 2.0**-127).astype(dtype_of(source))
    # A byte (or more) of its own for each element in NumPy, the low bits of it in use.
    raw = x.view(np.uint8) if _bits(source) < 8 else x
    if _bits(source) < 8:
        raw = raw & (2 ** _bits(source) - 1)
        if target.startswith("int"):
            sign = 1 << (_bits(source) - 1)
            raw = ((raw ^ sign).astype(np.int8) - np.int8(sign)).astype(np.int8)
        wanted = raw.astype(dtype_of(target)) if "int" in target else raw.view(dtype_of(target))
    else:
        wanted = x.view(dtype_of(target))

    def check(_, outputs):
        (got,) = outputs
        assert got.dtype == wanted.dtype and got.shape == wanted.shape
        assert got.tobytes() == wanted.tobytes(), (
            f"{got.ravel()[:8]}, expected {wanted.ravel()[:8]}"
        )

    return Node([x], {"to": enum_of(target)}, check=check)


# ---- quantization


def _quantized_range(name):
    if is_float(name):
        return {
            "float8e4m3fn": 448,
            "float8e4m3fnuz": 240,
            "float8e5m2": 57344,
            "float8e5m2fnuz": 57344,
            "float4e2m1": 6,
        }[name]
    return int_bounds(name)


@recipe("QuantizeLinear")
def _(draw):
    scale = (
        draw.array("T2", (3,), 0.5, 2) if draw["T2"] != "int32" else draw.array("T2", (3,), 1, 3)
    )
    x = draw.array("T1", (2, 3, 7), -30, 30)
    target = draw["T3"]
    zero = (
        np.zeros(3).astype(dtype_of(target)) if is_float(target) else draw.array("T3", (3,), 0, 1)
    )

    def expect(x, scale, zero):
        column = scale.astype(np.float64).reshape(3, 1)
        # The type of the scale is that of the division.
        precision = np.float32 if draw["T2"] in ("int32", "float8e8m0") else dtype_of(draw["T2"])
        x = x.astype(precision).astype(np.float64)
        y = (x / column).astype(precision).astype(np.float64)
        if is_float(target):
            most = _quantized_range(target)
            return np.clip(y, -most, most)
        return np.clip(
            np.rint(y) + zero.astype(np.float64).reshape(3, 1), *_quantized_range(target)
        )

    return Node([x, scale, zero], {"axis": 1}, expect=expect)


@recipe("DequantizeLinear")
def _(draw):
    x = draw.array("T1", SHAPE, -50, 50)
    scale = draw.array("T2", (3,), 0.5, 2)
    zero = (
        draw.array("T1", (3,), 0, 1) if not is_float(draw["T1"]) and draw["T1"] != "int32" else None
    )
    expect = lambda x, scale, zero: (  # noqa: E731
        (x.astype(np.float64) - (0 if zero is None else zero.astype(np.float64).reshape(3, 1)))
        * scale.reshape(3, 1)
    )
    return Node(
        [x, scale, zero][: 2 if zero is None else 3],
        {"axis": 1, "output_dtype": enum_of(draw["T3"])},
        expect=lambda x, scale, zero=None: expect(x, scale, zero),
    )


@recipe("DynamicQuantizeLinear")
def _(draw):
    return Node([draw.array("T1", SHAPE)], outputs=3)


@recipe("MatMulInteger")
def _(draw):
    return Node(
        [
            draw.array("T1", (4, 5), -99, 99),
            draw.array("T2", (5, 3), -99, 99),
            draw.array("T1", (), 0, 9),
            draw.array("T2", (), 0, 9),
        ],
        expect=lambda a, b, az, bz: (a.astype(np.int64) - az) @ (b.astype(np.int64) - bz),
    )


@recipe("ConvInteger")
def _(draw):
    return Node(
        [
            draw.array("T1", (1, 2, 5, 5), -99, 99),
            draw.array("T2", (3, 2, 2, 2), -99, 99),
            draw.array("T1", (), 0, 9),
            draw.array("T2", (), 0, 9),
        ],
        expect=lambda x, w, xz, wz: _conv(x.astype(np.int64) - xz, w.astype(np.int64) - wz),
    )


def _conv(x, w):
    """Convolution of 2 axes without padding."""
    rows, cols = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, cols), np.result_type(x, w))
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            y += np.einsum("nchw,oc->nohw", x[:, :, i : i + rows, j : j + cols], w[:, :, i, j])
    return y


def _requantized(y, zero, target):
    if is_float(target):
        most = _quantized_range(target)
        return np.clip(y + float(zero), -most, most)
    return np.clip(np.rint(y) + int(zero), *int_bounds(target))


@recipe("QLinearConv")
def _(draw):
    target = draw["T3"]
    scales = [np.array(s, np.float32) for s in (0.1, 0.2, 0.3)]
    zero = draw.array("T3", (), 1, 3)
    inputs = [
        draw.array("T1", (1, 2, 5, 5), -9, 9),
        scales[0],
        draw.array("T1", (), 1, 3),
        draw.array("T2", (3, 2, 2, 2), -9, 9),
        scales[1],
        draw.array("T2", (), 1, 3),
        scales[2],
        zero,
    ]

    def expect(x, xs, xz, w, ws, wz, ys, yz):
        product = _conv(x.astype(np.int64) - int(xz), w.astype(np.int64) - int(wz))
        return _requantized(product * (xs * ws / ys), yz, target)

    return Node(inputs, expect=expect)


@recipe("QLinearMatMul")
def _(draw):
    target = draw["T3"]
    scales = [np.array(s).astype(dtype_of(draw["TS"])) for s in (0.5, 0.25, 0.75)]

    def zero(param):
        if is_float(draw[param]):
            return np.zeros(()).astype(dtype_of(draw[param]))
        return draw.array(param, (), 1, 3)

    inputs = [
        draw.array("T1", (4, 5), -9, 9),
        scales[0],
        zero("T1"),
        draw.array("T2", (5, 3), -9, 9),
        scales[1],
        zero("T2"),
        scales[2],
        zero("T3"),
    ]

    def expect(a, sa, za, b, sb, zb, sy, zy):
        product = (a.astype(np.float64) - float(za)) @ (b.astype(np.float64) - float(zb))
        return _requantized(product * (sa * sb / sy), zy, target)

    return Node(inputs, expect=expect)


# ---- reductions


def reduction(name, function):
    """A reduction whose result on integers is truncated."""

    def make(draw):
        x = draw.array("T", (3, 4, 5), 1, 4)

        def expect(x, _):
            y = function(x.astype(np.float64))
            return y if is_float(draw["T"]) or draw["T"] == "bool" else np.trunc(y)

        return Node([x, np.array([1], np.int64)], {"keepdims": 0}, expect=expect)

    recipe(name)(make)


reduction("ReduceSum", lambda x: x.sum(1))
reduction("ReduceMean", lambda x: x.mean(1))
reduction("ReduceL2", lambda x: np.sqrt((x * x).sum(1)))
reduction("ReduceLogSum", lambda x: np.log(x.sum(1)))
reduction("ReduceLogSumExp", lambda x: np.log(np.exp(x).sum(1)))
reduction("ReduceSumSquare", lambda x: (x * x).sum(1))
reduction("ReduceL1", lambda x: np.abs(x).sum(1))
reduction("ReduceProd", lambda x: x.prod(1))
reduction("ReduceMax", lambda x: x.max(1))
reduction("ReduceMin", lambda x: x.min(1))


@recipe("ArgMax ArgMin")
def _(draw):
    return Node([draw.array("T", (3, 9))], {"axis": 1, "keepdims": 0})


@recipe("CumSum CumProd")
def _(draw):
    name = "x" if "x" in draw.types else "T"
    return Node([draw.array(name, (3, 5), 1, 2), np.array(1, dtype_of(draw["T2"]))])


@recipe("TopK")
def _(draw):
    """Distinct numbers, so that the indices are known."""
    x = draw.rng.permutation(21).reshape(3, 7).astype(dtype_of(draw["T"]))
    order = np.argsort(-exact(x).astype(np.float64), axis=1)[:, :4]
    return Node(
        [x, np.array([4], np.int64)],
        outputs=2,
        expect=lambda x, k: (np.take_along_axis(x, order, 1), order),
    )


@recipe("Softmax LogSoftmax Hardmax")
def _(draw):
    return Node([draw.array("T", SHAPE)], {"axis": 1})
