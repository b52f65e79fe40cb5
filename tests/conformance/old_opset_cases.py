"""The cases of old_opsets.py. Entry point: CASES."""

import ml_dtypes
import numpy as np
from onnx import TensorProto

CASES = []
RNG = np.random.default_rng(11)


class Case:
    """`outputs` holds arrays, functions that check one, or None for an output nobody asks for;
    `constants` are the inputs that the model holds itself."""

    def __init__(self, op, opset, inputs, attrs, outputs, note, constants):
        self.op, self.opset, self.attrs, self.constants = op, opset, attrs, constants
        self.inputs = [None if x is None else np.asarray(x) for x in inputs]
        self.outputs = outputs
        self.name = f"{op}-{opset}" + (f" {note}" if note else "")


def case(op, opset, inputs, outputs, note="", constants=(), **attrs):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    made = Case(op, opset, inputs, attrs, outputs, note, constants)
    namesakes = sum(each.name.split(" #")[0] == made.name for each in CASES)
    if namesakes > 0:
        made.name += f" #{namesakes + 1}"
    CASES.append(made)


def f32(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


def i64(*numbers):
    return np.array(numbers, np.int64)


# ---- Softmax and its kin: before 13 over all dims from `axis` on, which was 1 by default


def flattened(function, x, axis):
    rows = x.reshape(int(np.prod(x.shape[:axis], dtype=int)), -1)
    return function(rows).reshape(x.shape).astype(x.dtype)


def softmax(rows):
    e = np.exp(rows - rows.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(rows):
    return np.log(softmax(rows.astype(np.float64)))


def hardmax(rows):
    return np.eye(rows.shape[-1])[rows.argmax(-1)]


for name, function in (("Softmax", softmax), ("LogSoftmax", log_softmax), ("Hardmax", hardmax)):
    x = f32(2, 3, 4)
    case(name, 1, [x], flattened(function, x, 1), "default axis")
    case(name, 1, [x], flattened(function, x, 2), "axis 2", axis=2)
    case(name, 1, [x], flattened(function, x, 0), "axis 0", axis=0)
    case(name, 11, [x], flattened(function, x, 1), "default axis")
    case(name, 11, [x], flattened(function, x, 1), "axis -2", axis=-2)
    case(name, 11, [x], flattened(function, x, 2), "axis -1", axis=-1)
    case(name, 12, [x], flattened(function, x, 1), "default axis")
    case(name, 13, [x], flattened(function, x, 2), "default axis")
    turned = x.transpose(0, 2, 1)
    case(name, 13, [x], flattened(function, turned, 2).transpose(0, 2, 1), "axis 1", axis=1)

# ---- Arithmetic and logic: before 7, broadcast=1 laid B over A from `axis` on, or at the end

ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide,
              "Pow": np.power, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
              "Equal": np.equal, "Greater": np.greater, "Less": np.less}  # fmt: skip
for name, function in ARITHMETIC.items():

    def draw(*shape, name=name):
        if name in ("And", "Or", "Xor"):
            return RNG.integers(0, 2, shape).astype(bool)
        if name == "Equal":
            return RNG.integers(0, 2, shape).astype(np.int32)
        return f32(*shape, low=0.5)

    a = draw(2, 3, 4, 5)
    hint = {"consumed_inputs": [0, 0]} if name in ("Add", "Sub", "Mul", "Div") else {}
    b = draw(2, 3, 4, 5)
    case(name, 1, [a, b], function(a, b), "same shape", **hint)
    for shape, axis in (
        ((), None),
        ((1, 1), None),
        ((5,), None),
        ((4, 5), None),
        ((3, 4), 1),
        ((2,), 0),
        ((3,), 1),
    ):
        b = draw(*shape)
        at = {} if axis is None else {"axis": axis}
        laid = b if axis is None else b.reshape(b.shape + (1,) * (4 - axis - b.ndim))
        case(
            name, 1, [a, b], function(a, laid), f"B {shape} axis {axis}", broadcast=1, **at, **hint
        )
        case(name, 6, [a, b], function(a, laid), f"B {shape} axis {axis}", broadcast=1, **at)
    b = draw(3, 1, 1)
    case(name, 7, [a, b], function(a, b), "NumPy's broadcasting")
    case(name, 7, [b, a], function(b, a), "in the other direction")

base, exponent = f32(2, 3, low=0.5), np.array([2, 3, 1], np.int64)
case("Pow", 12, [base, exponent], (base**exponent).astype(np.float32), "an integer exponent")
case(
    "Pow",
    12,
    [i64(2, 3, 4), np.array([1.0, 2.0, 0.5], np.float32)],
    i64(2, 9, 2),
    "the type is that of the base",
)
for name, function in (("Max", np.maximum), ("Min", np.minimum), ("Sum", np.add)):
    a, b = f32(2, 3), f32(2, 3)
    case(name, 1, [a, b], function(a, b), consumed_inputs=[0, 0])
    case(name, 6, [a, b], function(a, b))
    case(name, 8, [a, b[:1]], function(a, b[:1]), "broadcasting")
a, b = f32(2, 3), f32(2, 3)
case("Mean", 1, [a, b], (a + b) / 2, consumed_inputs=[0, 0])
case("Mean", 8, [a, b[:, :1]], (a + b[:, :1]) / 2, "broadcasting")

# ---- Gemm: before 7, broadcast told whether C was smaller

a, b, c = f32(2, 3), f32(3, 4), f32(2, 4)
case("Gemm", 1, [a, b, c], 0.5 * a @ b + 2 * c, alpha=0.5, beta=2.0)
case("Gemm", 1, [a, b, c[0]], a @ b + c[0], "C broadcast", broadcast=1)
case("Gemm", 6, [a.T, b.T, c[0]], a @ b + c[0], "transposed", broadcast=1, transA=1, transB=1)
case("Gemm", 7, [a, b, c[:, :1]], a @ b + c[:, :1], "C a column")
case(
    "Gemm",
    9,
    [a.astype(np.int32), b.astype(np.int32), c.astype(np.int32)],
    a.astype(np.int32) @ b.astype(np.int32) + c.astype(np.int32),
    "integers",
)
case("Gemm", 11, [a, b], a @ b, "without C")

# ---- activations whose attributes or defaults changed

x = f32(3, 5)
slope = f32(3)
picture = f32(2, 3, 4, 4)
per_channel = slope.reshape(3, 1, 1)
case(
    "PRelu",
    1,
    [picture, slope],
    np.where(picture < 0, picture * per_channel, picture),
    "a slope for each channel",
    consumed_inputs=[0, 0],
)
case(
    "PRelu",
    6,
    [picture, slope],
    np.where(picture < 0, picture * per_channel, picture),
    "a slope for each channel",
)
case(
    "PRelu",
    6,
    [picture, slope[:1]],
    np.where(picture < 0, picture * slope[0], picture),
    "one slope",
)
case("PRelu", 7, [picture, per_channel], np.where(picture < 0, picture * per_channel, picture))


def selu(x, alpha, gamma):
    return (gamma * np.where(x > 0, x, alpha * (np.exp(x) - 1))).astype(np.float32)


case("Selu", 1, [x], selu(x, 1.6732, 1.0507), "default constants", consumed_inputs=[0])
case("Selu", 6, [x], selu(x, 1.67326319217681884765625, 1.05070102214813232421875))
case("Elu", 1, [x], np.where(x < 0, 0.5 * (np.exp(x) - 1), x), alpha=0.5, consumed_inputs=[0])
case("LeakyRelu", 1, [x], np.where(x < 0, np.float32(0.01) * x, x), consumed_inputs=[0])
case(
    "HardSigmoid",
    1,
    [x],
    np.clip(np.float32(0.2) * x + 0.5, 0, 1).astype(np.float32),
    consumed_inputs=[0],
)
for name, function in (
    ("Abs", np.abs),
    ("Ceil", np.ceil),
    ("Exp", np.exp),
    ("Floor", np.floor),
    ("Neg", np.negative),
    ("Relu", lambda x: np.maximum(x, 0)),
    ("Tanh", np.tanh),
    ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
):
    case(name, 1, [x], function(x), consumed_inputs=[0])
positive = f32(3, 5, low=0.1)
for name, function in (("Log", np.log), ("Sqrt", np.sqrt), ("Reciprocal", lambda x: 1 / x)):
    case(name, 1, [positive], function(positive).astype(np.float32), consumed_inputs=[0])

# ---- Clip: attributes until 11; from 6 on a bound left out was the largest float

wide = np.array([-np.inf, -5, -1, 0, 2, 7, np.inf], np.float32)
largest = np.finfo(np.float32).max
case("Clip", 1, [wide], np.clip(wide, -2, 3), min=-2.0, max=3.0, consumed_inputs=[0])
case("Clip", 1, [wide], np.maximum(wide, 0), "no upper bound", min=0.0)
case("Clip", 1, [wide], wide, "no bounds")
case("Clip", 6, [wide], np.clip(wide, 0, largest), "default upper bound", min=0.0)
case("Clip", 6, [wide], np.clip(wide, -largest, largest), "default bounds")
case(
    "Clip",
    6,
    [wide.astype(np.float64)],
    np.clip(wide, -2, 3).astype(np.float64),
    "double",
    min=-2.0,
    max=3.0,
)
case("Clip", 11, [wide, np.float32(-2), np.float32(3)], np.clip(wide, -2, 3))
case("Clip", 11, [wide, None, np.float32(3)], np.minimum(wide, 3), "min left out")
case(
    "Clip",
    12,
    [np.arange(-4, 5).astype(np.int8), np.int8(-2), np.int8(3)],
    np.clip(np.arange(-4, 5), -2, 3).astype(np.int8),
    "integers",
)

# ---- Cast

case("Cast", 1, [x], np.trunc(x).astype(np.int32), "a name", to="INT32")
case("Cast", 1, [i64(0, 2, -1)], np.array([0, 2, -1], np.float32), "a name", to="FLOAT")
case("Cast", 1, [x], x != 0, "to bool", to="BOOL")
case("Cast", 6, [x], x.astype(np.float64), to=TensorProto.DOUBLE)
case(
    "Cast",
    9,
    [np.array(["1.5", "-2", "1e3", "INF"], object)],
    np.array([1.5, -2, 1000, np.inf], np.float32),
    "from strings",
    to=TensorProto.FLOAT,
)
case("Cast", 13, [x], x.astype(np.float16), to=TensorProto.FLOAT16)

# ---- Concat, Split, Slice, Gather, Tile, Pad, Reshape, Squeeze, Unsqueeze, Flatten

a, b = f32(2, 3), f32(2, 2)
case("Concat", 1, [a, b], np.concatenate([a, b], 1), "default axis")
case("Concat", 1, [a, a], np.concatenate([a, a], 0), axis=0)
case("Concat", 4, [a, b], np.concatenate([a, b], 1), axis=1)
case("Concat", 11, [a, b], np.concatenate([a, b], 1), axis=-1)
long = f32(6, 4)
case("Split", 1, [long], [long[:2], long[2:]], "attribute", split=[2, 4])
case("Split", 1, [long, i64(2, 4)], [long[:2], long[2:]], "input")
case("Split", 1, [long], [long[:, :2], long[:, 2:]], "equal parts", axis=1)
case("Split", 2, [long], [long[:3], long[3:]], "equal parts")
case("Split", 2, [long], [long[:, :1], long[:, 1:]], split=[1, 3], axis=1)
case("Split", 11, [long], [long[:, :1], long[:, 1:]], split=[1, 3], axis=-1)
case("Split", 13, [long, i64(1, 3)], [long[:, :1], long[:, 1:]], axis=1)
case("Split", 13, [long], [long[:2], long[2:4], long[4:]], "equal parts")
case("Split", 18, [f := f32(7)], [f[:3], f[3:6], f[6:]], "the last part is smaller", num_outputs=3)
data = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
case("Slice", 1, [data], data[1:2, 0:3], axes=[0, 1], starts=[1, 0], ends=[2, 3])
case("Slice", 1, [data], data[0:-1, 1:1000], "no axes", starts=[0, 1], ends=[-1, 1000])
case("Slice", 1, [data], data[:, -2:], "negative start", axes=[1], starts=[-2], ends=[2**31 - 1])
case("Slice", 10, [data, i64(1, 0), i64(2, 3), i64(0, 1), i64(1, 2)], data[1:2, 0:3:2])
case("Slice", 10, [data, i64(0, 1), i64(-1, 1000)], data[0:-1, 1:1000], "no axes")
case("Slice", 10, [data, i64(3), i64(0), i64(1), i64(-1)], data[:, 3:0:-1], "backwards")
case("Slice", 11, [data, i64(0), i64(2), i64(-1)], data[:, :2], "negative axis")
case("Gather", 1, [data, i64(3, 0)], data[:, [3, 0]], axis=1)
case("Gather", 11, [data, i64(-1, 0)], data[:, [-1, 0]], "negative index", axis=-1)
case("Tile", 1, [data, np.float32(3), np.float32(1)], np.tile(data, (1, 3)))
case("Tile", 1, [data, i64(2).reshape(()), i64(0).reshape(())], np.tile(data, (2, 1)), "integers")
case("Tile", 6, [data, i64(2, 3)], np.tile(data, (2, 3)))
pads = ((1, 0), (2, 1))
flat = [1, 2, 0, 1]
case("Pad", 1, [data], np.pad(data, pads), "zeros", paddings=flat)
case("Pad", 1, [data], np.pad(data, pads, constant_values=1.5), "a value", paddings=flat, value=1.5)
case("Pad", 1, [data], np.pad(data, pads, mode="edge"), "edge", paddings=flat, mode="edge")
case("Pad", 2, [data], np.pad(data, pads, constant_values=1.5), pads=flat, value=1.5)
case("Pad", 2, [data], np.pad(data, pads, mode="reflect"), "reflect", pads=flat, mode="reflect")
case("Pad", 2, [data], data[1:, :-1], "negative", pads=[-1, 0, 0, -1])
case("Pad", 11, [data, i64(*flat), np.float32(2)], np.pad(data, pads, constant_values=2))
case("Pad", 13, [data.astype(np.int8), i64(*flat)], np.pad(data.astype(np.int8), pads), "no value")
case(
    "Pad",
    18,
    [data, i64(2, 1), np.float32(2), i64(1)],
    np.pad(data, ((0, 0), (2, 1)), constant_values=2),
    "axes",
)
case("Pad", 19, [data, i64(*flat)], np.pad(data, pads, mode="wrap"), "wrap", mode="wrap")
case("Reshape", 1, [long], long.reshape(3, 8), shape=[3, -1], consumed_inputs=[0])
case("Reshape", 1, [long], long.reshape(6, 2, 2), "0 copies a dim", shape=[0, 2, 2])
case("Reshape", 5, [long, i64(0, -1, 2)], long.reshape(6, 2, 2))
case(
    "Reshape",
    14,
    [np.zeros((0, 4), np.float32), i64(0, 7)],
    np.zeros((0, 7), np.float32),
    "allowzero",
    allowzero=1,
)
row = f32(1, 3, 1, 2)
case("Squeeze", 1, [row], row[0], axes=[0])
case("Squeeze", 1, [row], row.reshape(3, 2), "all of 1")
case("Squeeze", 11, [row], row[:, :, 0], "negative axis", axes=[-2])
case("Squeeze", 13, [row, i64(0, 2)], row.reshape(3, 2))
case("Unsqueeze", 1, [data], data[None, :, :, None], axes=[0, 3])
case("Unsqueeze", 11, [data], data[..., None], "negative axis", axes=[-1])
case("Unsqueeze", 13, [data, i64(0, -1)], data[None, :, :, None])
case("Flatten", 1, [row], row.reshape(3, 2), axis=2)
case("Flatten", 9, [row.astype(np.int32)], row.astype(np.int32).reshape(1, 6), "integers")
case("Flatten", 11, [row], row.reshape(3, 2), "negative axis", axis=-2)
cube = f32(1, 8, 2, 3)
moved = cube.reshape(1, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6)
case("DepthToSpace", 1, [cube], moved, blocksize=2)
case("DepthToSpace", 11, [cube], moved, "DCR", blocksize=2)
case(
    "DepthToSpace",
    11,
    [cube],
    cube.reshape(1, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 6),
    "CRD",
    blocksize=2,
    mode="CRD",
)
case("Compress", 9, [data, np.array([False, True, True])], data[:, 1:3], axis=1)
case("Compress", 11, [data, np.array([False, True])], data.reshape(-1)[1:2], "flattened")
case("Expand", 8, [data[:1], i64(3, 1)], np.broadcast_to(data[:1], (3, 4)))
case("ConstantOfShape", 9, [i64(2, 3)], np.zeros((2, 3), np.float32), "default value")
case("EyeLike", 9, [data], np.eye(2, 4, 1, np.int32), k=1, dtype=TensorProto.INT32)
case(
    "Where",
    9,
    [np.array([True, False]), data[:, :2], data[:, 2:]],
    np.where([True, False], data[:, :2], data[:, 2:]),
)
case("NonZero", 9, [np.array([[1, 0], [0, 2]], np.int64)], np.array([[0, 1], [0, 1]]))

# ---- Scatter, OneHot, TopK, ArgMax, Unique, CumSum, BitShift

zeros = np.zeros((3, 3), np.float32)
places = np.array([[1, 0, 2], [0, 2, 1]])
updates = np.array([[1.0, 1.1, 1.2], [2.0, 2.1, 2.2]], np.float32)
scattered = np.array([[2.0, 1.1, 0.0], [1.0, 0.0, 2.2], [0.0, 2.1, 1.2]], np.float32)
case("Scatter", 9, [zeros, places, updates], scattered)
case(
    "Scatter",
    11,
    [
        np.array([[1, 2, 3, 4, 5]], np.float32),
        np.array([[1, -2]]),
        np.array([[1.1, 2.1]], np.float32),
    ],
    np.array([[1, 1.1, 3, 2.1, 5]], np.float32),
    "negative index",
    axis=1,
)
case("ScatterElements", 11, [zeros, places, updates], scattered)
case(
    "ScatterND",
    11,
    [
        np.arange(8).astype(np.float32),
        i64(4, 3, 1, 7).reshape(4, 1),
        np.array([9, 10, 11, 12], np.float32),
    ],
    np.array([0, 11, 2, 10, 9, 5, 6, 12], np.float32),
)
case(
    "OneHot",
    9,
    [i64(0, 2, -1, 5), i64(3), np.array([0.5, 2], np.float32)],
    np.array([[2, 0.5, 0.5], [0.5, 0.5, 2], [0.5] * 3, [0.5] * 3], np.float32),
    "a negative index is outside",
)
case(
    "OneHot",
    9,
    [np.array([0.0, 1.7, -1], np.float32), np.float32(3), i64(0, 1)],
    np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "floats",
    axis=1,
)
case(
    "OneHot",
    11,
    [i64(0, 2, -1, 5), i64(3), np.array([0.5, 2], np.float32)],
    np.array([[2, 0.5, 0.5], [0.5, 0.5, 2], [0.5, 0.5, 2], [0.5] * 3], np.float32),
    "a negative index counts from the end",
)
ranks = np.array([[3, 1, 4, 1], [5, 9, 2, 9]], np.float32)
first = [np.array([[4, 3], [9, 9]], np.float32), np.array([[2, 0], [1, 3]])]
case("TopK", 1, [ranks], first, "k is an attribute", k=2)
case("TopK", 1, [ranks], [ranks.max(0)[None], ranks.argmax(0)[None]], "axis 0", k=1, axis=0)
case("TopK", 10, [ranks, i64(2)], first)
case(
    "TopK",
    11,
    [ranks, i64(2)],
    [np.array([[1, 1], [2, 5]], np.float32), np.array([[1, 3], [2, 0]])],
    "smallest",
    largest=0,
)
for name in ("ArgMax", "ArgMin"):
    sign = 1 if name == "ArgMax" else -1
    case(name, 1, [ranks], (sign * ranks).argmax(0)[None], "default axis")
    case(name, 1, [ranks], (sign * ranks).argmax(1), "the first of equals", axis=1, keepdims=0)
    case(name, 11, [ranks], (sign * ranks).argmax(1)[:, None], "negative axis", axis=-1)
    last = 3 - (sign * ranks)[:, ::-1].argmax(1)
    case(name, 12, [ranks], last[:, None], "the last of equals", axis=1, select_last_index=1)
case(
    "CumSum",
    11,
    [ranks, np.int32(1)],
    np.array([[9, 6, 5, 1], [25, 20, 11, 9]], np.float32),
    "reverse",
    reverse=1,
)
case(
    "CumSum",
    11,
    [ranks, np.int32(1)],
    np.array([[0, 3, 4, 8], [0, 5, 14, 16]], np.float32),
    "exclusive",
    exclusive=1,
)
case(
    "BitShift",
    11,
    [np.array([16, 4, 1], np.uint8), np.array([1, 2, 3], np.uint8)],
    np.array([8, 1, 0], np.uint8),
    direction="RIGHT",
)
case(
    "Unique",
    11,
    [np.array([2, 1, 1, 3, 4, 3], np.float32)],
    [np.array([2, 1, 3, 4], np.float32), i64(0, 1, 3, 4), i64(0, 1, 1, 2, 3, 2), i64(1, 2, 2, 1)],
    "in order of appearance",
    sorted=0,
)

# ---- reductions: axes were an attribute until 13 (ReduceSum) and 18

REDUCTIONS = {
    "ReduceSum": lambda x, a: x.sum(a, keepdims=True),
    "ReduceMean": lambda x, a: x.mean(a, keepdims=True),
    "ReduceMax": lambda x, a: x.max(a, keepdims=True),
    "ReduceMin": lambda x, a: x.min(a, keepdims=True),
    "ReduceProd": lambda x, a: x.prod(a, keepdims=True),
    "ReduceL1": lambda x, a: np.abs(x).sum(a, keepdims=True),
    "ReduceL2": lambda x, a: np.sqrt((x * x).sum(a, keepdims=True)),
    "ReduceSumSquare": lambda x, a: (x * x).sum(a, keepdims=True),
    "ReduceLogSum": lambda x, a: np.log(x.sum(a, keepdims=True)),
    "ReduceLogSumExp": lambda x, a: np.log(np.exp(x).sum(a, keepdims=True)),
}
for name, function in REDUCTIONS.items():
    x = f32(2, 3, 4, low=0.5)
    case(name, 1, [x], function(x, (0, 2)), axes=[0, 2])
    case(name, 1, [x], function(x, None).reshape(()), "all axes", keepdims=0)
    case(name, 11, [x], function(x, (1,))[:, 0], "negative axis", axes=[-2], keepdims=0)
    case(name, 13 if name == "ReduceSum" else 18, [x, i64(-2)], function(x, (1,)), "axes an input")
    if name in ("ReduceSum", "ReduceMean"):
        case(
            name,
            18,
            [x, np.zeros(0, np.int64)],
            x,
            "no axes, nothing to do",
            noop_with_empty_axes=1,
        )

# ---- NonMaxSuppression

boxes = np.array(
    [
        [
            [0, 0, 1, 1],
            [0, 0.1, 1, 1.1],
            [0, -0.1, 1, 0.9],
            [0, 10, 1, 11],
            [0, 10.1, 1, 11.1],
            [0, 100, 1, 101],
        ]
    ],
    np.float32,
)
scores = np.array([[[0.9, 0.75, 0.6, 0.95, 0.5, 0.3]]], np.float32)
for opset in (10, 11):
    case(
        "NonMaxSuppression",
        opset,
        [boxes, scores, i64(3), np.array([0.5], np.float32), np.array([0], np.float32)],
        np.array([[0, 0, 3], [0, 0, 0], [0, 0, 5]]),
    )
    case(
        "NonMaxSuppression",
        opset,
        [boxes, scores],
        np.zeros((0, 3), np.int64),
        "no boxes by default",
    )

for name, function in REDUCTIONS.items():
    if name != "ReduceSum":
        case(name, 13, [x], function(x, (0, 2)), "axes an attribute", axes=[0, 2])
for name in ("ReduceMax", "ReduceMin"):
    whole = np.arange(24).reshape(2, 3, 4).astype(np.int8)
    case(name, 12, [whole], REDUCTIONS[name](whole, 1), "int8", axes=[1])

# ---- quantization: one scale, from 13 on one for each index of an axis, from 21 on for blocks

whole = np.array([[-128, -3, 0, 4], [5, 90, 127, -1]], np.int8)
scale, zero = np.float32(0.5), np.int8(3)
one = ((whole.astype(np.float32) - 3) * 0.5).astype(np.float32)
each, zeros_of = np.array([0.5, 2], np.float32), np.array([3, -1], np.int8)
rows = ((whole.astype(np.float32) - zeros_of[:, None]) * each[:, None]).astype(np.float32)
blocks = np.array([[0.5, 2], [1, 4]], np.float32)
blocked = (whole * blocks.repeat(2, 1)).astype(np.float32)
for opset in (10, 13, 19, 21):
    case("DequantizeLinear", opset, [whole, scale, zero], one, "one scale")
    case("DequantizeLinear", opset, [whole, scale], (whole * scale).astype(np.float32), "no zero")
    case("QuantizeLinear", opset, [one, scale, zero], whole, "one scale")
    case(
        "QuantizeLinear",
        opset,
        [np.array([0.25, 0.75, -3, 999], np.float32), scale],
        np.array([0, 2, 0, 255], np.uint8),
        "no zero: uint8, halves to even, saturated",
    )
    if opset > 10:
        case("DequantizeLinear", opset, [whole, each, zeros_of], rows, "axis 0", axis=0)
        case("QuantizeLinear", opset, [rows, each, zeros_of], whole, "axis 0", axis=0)
case("DequantizeLinear", 21, [whole, blocks], blocked, "blocks", axis=1, block_size=2)
case(
    "QuantizeLinear",
    21,
    [blocked, blocks, np.zeros((2, 2), np.int8)],
    whole,
    "blocks",
    axis=1,
    block_size=2,
)
a, b = np.array([[1, 2], [3, 4]], np.uint8), np.array([[5, 6], [7, 9]], np.uint8)
product = (a.astype(np.int64) - 1) @ (b.astype(np.int64) - 2) * 0.25 / 0.5
case(
    "QLinearMatMul",
    10,
    [
        a,
        np.float32(0.5),
        np.uint8(1),
        b,
        np.float32(0.5),
        np.uint8(2),
        np.float32(0.5),
        np.uint8(3),
    ],
    (np.rint(product) + 3).astype(np.uint8),
)
for opset in (1, 13):
    case("Identity", opset, [data], data)

# ---- float8 (Cast-19): out of range is the largest number, or with saturate=0 NaN or infinity

F8 = {"FLOAT8E4M3FN": (448, np.nan), "FLOAT8E5M2": (57344, np.inf)}
for name, (largest_of, beyond) in F8.items():
    dtype = ml_dtypes.float8_e4m3fn if name.endswith("FN") else ml_dtypes.float8_e5m2
    numbers = np.array([1.5, -1e6, 1e6, np.nan], np.float32)

    def reads_as(wanted, dtype=dtype):
        def check(y):
            assert y.dtype == dtype, f"{y.dtype}, expected {dtype}"
            np.testing.assert_array_equal(y.astype(np.float32), np.array(wanted, np.float32))

        return check

    to = getattr(TensorProto, name)
    case("Cast", 19, [numbers], reads_as([1.5, -largest_of, largest_of, np.nan]), name, to=to)
    case(
        "Cast",
        19,
        [numbers],
        reads_as([1.5, -beyond, beyond, np.nan]),
        f"{name} saturate=0",
        to=to,
        saturate=0,
    )
