"""Random cases: what their numbers, shapes and types are drawn from, and the table of the families that
draw them. Entry points: Draw, Case, family, FAMILIES."""

import ml_dtypes
import numpy as np

F16, F32, F64, BF16 = np.float16, np.float32, np.float64, ml_dtypes.bfloat16
FLOATS = (F32, F32, F32, F64, F16)  # f32 more often than others
SIGNED = (np.int8, np.int16, np.int32, np.int64)
UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
INTEGERS = SIGNED + UNSIGNED
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-40, 3e38, 0.5, 1.5, 2.5, -0.5)

FAMILIES = {}  # name -> function(Draw) -> Case


class Case:
    """One node. `inputs` are arrays, lists of them (sequences) or None; `outputs` tells which outputs
    are asked for; `constants` are the inputs that the model holds itself. `rtol` and `atol` are
    multiples of what the dtype gives; `ulps` is what integers may be off by. `judge(*inputs)` gives
    the outputs where ONNX Runtime is not asked, whose fault `unlike` then names. `lowest` stands
    for the least float there."""

    def __init__(self, op, opset, inputs, outputs=1, attrs=None, domain="", constants=(), rtol=1.0,
                 atol=1.0, ulps=0, judge=None, unlike=None, random=False, lowest=None):  # fmt: skip
        self.op, self.opset, self.domain = op, opset, domain
        self.inputs = [x if x is None or isinstance(x, list) else np.asarray(x) for x in inputs]
        self.constants = tuple(constants)
        self.outputs = (True,) * outputs if isinstance(outputs, int) else tuple(outputs)
        self.attrs = {key: value for key, value in (attrs or {}).items() if value is not None}
        self.rtol, self.atol, self.ulps = rtol, atol, ulps
        self.judge, self.unlike, self.random, self.lowest = judge, unlike, random, lowest

    def __str__(self):
        def show(value):
            if value is None:
                return "_"
            if isinstance(value, list):
                return "seq(" + " ".join(map(show, value)) + ")"
            text = f"{value.dtype}{list(value.shape)}"
            return text + (str(value.ravel().tolist()) if value.size <= 6 else "")

        inputs = " ".join(map(show, self.inputs))
        held = f" held={list(self.constants)}" if self.constants else ""
        asked = "" if all(self.outputs) else f" asked={self.outputs}"
        return f"{self.domain}{self.op}@{self.opset} {inputs} {self.attrs}{held}{asked}"


class Draw:
    """The source of one case."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def chance(self, share=0.5):
        return self.rng.random() < share

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def int(self, low, high):
        """An integer in [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def ints(self, count, low, high):
        return [self.int(low, high) for _ in range(count)]

    def maybe(self, value, share=0.5):
        return value if self.chance(share) else None

    def opset(self, *versions):
        """One of the opsets where something changed, or one in between."""
        return self.pick(*versions)

    def shape(self, low=0, high=4, empty=0.06, most=6):
        rank = self.int(low, high)
        dims = [self.int(1, most) for _ in range(rank)]
        if rank and self.chance(empty):
            dims[self.int(0, rank - 1)] = 0
        return tuple(dims)

    def axis(self, rank, negative=True):
        axis = self.int(0, rank - 1)
        return axis - rank if negative and self.chance(0.4) else axis

    def axes(self, rank, negative=True):
        """Some different axes, in any order."""
        count = self.int(1, rank)
        axes = [int(a) for a in self.rng.permutation(rank)[:count]]
        return [a - rank if negative and self.chance(0.4) else a for a in axes]

    def broadcast(self, shape):
        """A shape that broadcasts to `shape`."""
        start = self.int(0, len(shape)) if self.chance(0.5) else 0
        return tuple(1 if self.chance(0.3) else dim for dim in shape[start:])

    def pair(self, **options):
        """Two shapes that broadcast together, perhaps both ways."""
        shape = self.shape(**options)
        return self.broadcast(shape), self.broadcast(shape)

    def array(self, dtype, shape, low=-3.0, high=3.0, style=None):
        """Numbers of a style: plain in [low, high], whole, special ones among them, or extreme."""
        dtype = np.dtype(dtype)
        if dtype == np.bool_:
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        if dtype == object:
            words = np.array(["", "a", "b", "ab", "Ab", "ÄÖ", "x y", "onnx", "10"], object)
            return np.array(words[self.rng.integers(0, len(words), shape)], object).reshape(shape)
        if dtype.kind in "iu":
            least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
            if style == "extreme":
                return self.rng.integers(least, most, shape, dtype, endpoint=True)
            first, last = max(int(np.ceil(low)), least), min(int(np.floor(high)), most)
            return self.rng.integers(first, last, shape, dtype, endpoint=True)
        values = self.rng.uniform(low, high, shape)
        if style == "whole":
            values = np.round(values)
        elif style == "special":
            holes = self.rng.random(shape) < 0.4
            values = np.where(holes, self.rng.choice(SPECIAL, shape), values)
        with np.errstate(all="ignore"):
            return np.asarray(values).astype(dtype)

    def style(self):
        return self.pick("plain", "plain", "whole", "special")


def family(names):
    """Registers function(draw, op) for each of the operators named."""

    def add(function):
        for name in names.split():
            assert name not in FAMILIES, name
            op = name.split(":")[0]
            FAMILIES[name] = lambda draw, op=op: function(draw, op)
        return function

    return add


def i64(*numbers):
    return np.array(numbers, np.int64)


def vector(numbers):
    return np.array(list(numbers), np.int64)
