"""Recipes of type_cases.py for shapes, movement of elements, generators, strings, sequences,
subgraphs and training. See type_recipes.py."""

import math

import numpy as np
import onnx
from onnx import helper

from type_cases import Node, Several, dtype_of, element_of, enum_of, exact, type_proto
from type_recipes import SHAPE, ints, recipe

# ---- shapes and movement of elements


def moved(name, function, *extra, shape=SHAPE, attrs=None):
    """One input of type T, others that do not depend on it."""

    def make(draw):
        others = []
        for each in extra:
            if isinstance(each, tuple):  # (parameter, numbers)
                each = np.array(each[1]).astype(dtype_of(draw[each[0]]))
            others.append(each)
        return Node(
            [draw.array(param_of(draw), shape), *others], attrs, expect=lambda x, *_: function(x)
        )

    def param_of(draw):
        return "T" if "T" in draw.types else "T1"

    recipe(name)(make)


moved("Transpose", lambda x: x.transpose(2, 0, 1), attrs={"perm": [2, 0, 1]})
moved("Flatten", lambda x: x.reshape(2, 21))
moved(
    "Trilu",
    lambda x: np.where(
        np.triu(np.ones(x.shape[1:], bool)), x, x.dtype.type() if x.dtype != object else ""
    ),
)
moved("Shape", lambda x: np.array(x.shape))
moved("Size", lambda x: np.array(x.size))
moved("Reshape", lambda x: x.reshape(7, 6), ints(7, -1))
moved("Squeeze", lambda x: x.reshape(2, 7), ints(1), shape=(2, 1, 7))
moved("Unsqueeze", lambda x: x[:, None], ints(1))
moved("Expand", lambda x: np.broadcast_to(x, (4, 3, 7)), ints(4, 1, 7), shape=(3, 1))
moved("Tile", lambda x: np.tile(x, (1, 2, 3)), ints(1, 2, 3))
moved(
    "Slice",
    lambda x: x[:, 2:0:-1, 1:6:2],
    ("Tind", [2, 1]),
    ("Tind", [0, 6]),
    ("Tind", [1, 2]),
    ("Tind", [-1, 2]),
)
moved("Gather", lambda x: x[:, [2, 0, 0]], ("Tind", [2, 0, -3]), attrs={"axis": 1})
moved(
    "GatherElements", lambda x: x[[1, 0, 1], [0, 1, 2]][None], ("Tind", [[1, 0, -1]]), shape=(2, 3)
)
moved("GatherND", lambda x: x[[1, 0], [2, 0]], ints([1, 2], [0, 0]))
moved("CenterCropPad", lambda x: x[:, 1:2, 2:5], ("Tind", [2, 1, 3]))
moved(
    "DepthToSpace",
    lambda x: x.reshape(1, 2, 2, 2, 3, 3).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 6, 6),
    shape=(1, 8, 3, 3),
    attrs={"blocksize": 2},
)
moved(
    "SpaceToDepth",
    lambda x: x.reshape(1, 2, 3, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(1, 8, 3, 3),
    shape=(1, 2, 6, 6),
    attrs={"blocksize": 2},
)
moved(
    "ReverseSequence",
    lambda x: np.stack(
        [
            np.concatenate([x[n - 1 :: -1, i] if n else x[:0, i], x[n:, i]])
            for i, n in enumerate((2, 3, 1))
        ],
        1,
    ),
    ints(2, 3, 1),
    shape=(4, 3, 2),
)
moved("Compress", lambda x: x[:, [0, 2]], np.array([True, False, True]), attrs={"axis": 1})


@recipe("NonZero")
def _(draw):
    x = draw.array("T", SHAPE, 0, 1)
    zero = (lambda x: x == "") if draw["T"] == "string" else (lambda x: x == 0)
    return Node([x], expect=lambda x: np.stack(np.nonzero(~zero(x))))


@recipe("Concat")
def _(draw):
    return Node(
        [draw.array("T", (2, 3)), draw.array("T", (2, 1)), draw.array("T", (2, 4))],
        {"axis": 1},
        expect=lambda *x: np.concatenate(x, 1),
    )


@recipe("Split")
def _(draw):
    return Node(
        [draw.array("T", (2, 7)), ints(3, 4)],
        {"axis": 1},
        outputs=2,
        expect=lambda x, _: (x[:, :3], x[:, 3:]),
    )


@recipe("Pad")
def _(draw):
    fill = draw.array("T", (), 1, 3)
    axes = np.array([2, 0]).astype(dtype_of(draw["Tind"]))
    return Node(
        [draw.array("T", SHAPE), ints(1, 0, 2, 1), fill, axes],
        expect=lambda x, pads, fill, axes: np.pad(
            x, ((0, 1), (0, 0), (1, 2)), constant_values=fill[()]
        ),
    )


@recipe("Identity")
def _(draw):
    return Node([draw.value(draw.types["V"])], expect=lambda x: Several([x]))


@recipe("ScatterElements")
def _(draw):
    rows = np.array([[1, 0, -1]]).astype(dtype_of(draw["Tind"]))

    def expect(x, rows, updates):
        y = x.copy()
        y[[1, 0, 1], [0, 1, 2]] = updates[0]
        return y

    return Node([draw.array("T", (2, 3)), rows, draw.array("T", (1, 3))], expect=expect)


@recipe("ScatterND")
def _(draw):
    def expect(x, places, updates):
        y = x.copy()
        y[[1, 0], [2, 0]] = updates
        return y

    return Node(
        [draw.array("T", SHAPE), ints([1, 2], [0, 0]), draw.array("T", (2, 7))], expect=expect
    )


@recipe("TensorScatter")
def _(draw):
    def expect(cache, update, places):
        y = cache.copy()
        for b, start in enumerate((1, 2)):
            y[b, :, start : start + 2] = update[b]
        return y

    return Node(
        [draw.array("T", (2, 2, 4, 3)), draw.array("T", (2, 2, 2, 3)), ints(1, 2)], expect=expect
    )


@recipe("OneHot")
def _(draw):
    indices = np.array([[0, 2], [1, 5]]).astype(dtype_of(draw["T1"]))
    depth = np.array(3).astype(dtype_of(draw["T2"]))
    values = draw.array("T3", (2,))

    def expect(indices, depth, values):
        y = np.full((2, 2, 3), values[0], values.dtype)
        y[0, 0, 0] = y[0, 1, 2] = y[1, 0, 1] = values[1]
        return y

    return Node([indices, depth, values], expect=expect)


@recipe("EyeLike")
def _(draw):
    return Node(
        [draw.array("T1", (3, 4))],
        {"k": 1, "dtype": enum_of(draw["T2"])},
        expect=lambda _: np.eye(3, 4, 1),
    )


@recipe("Unique")
def _(draw):
    x = draw.array("T", (12,), 0, 3)
    if x.dtype.kind == "c":  # complex numbers have an order by their parts
        x = np.round(x.real).astype(x.dtype) + 1j * np.round(x.imag).astype(x.dtype)

    def expect(x):
        return np.unique(x, return_index=True, return_inverse=True, return_counts=True)

    return Node([x.astype(dtype_of(draw["T"]))], {"sorted": 1}, outputs=4, expect=expect)


# ---- made from nothing


@recipe("Constant")
def _(draw):
    value = draw.array("T", (2, 3))
    return Node([], {"value": onnx.numpy_helper.from_array(value)}, expect=lambda: exact(value))


@recipe("ConstantOfShape")
def _(draw):
    value = draw.array("T2", (1,), 1, 3)
    return Node(
        [ints(2, 3)],
        {"value": onnx.numpy_helper.from_array(value)},
        expect=lambda _: np.full((2, 3), exact(value)[0]),
    )


@recipe("Range")
def _(draw):
    numbers = [np.array(n).astype(dtype_of(draw["T"])) for n in (1, 12, 3)]
    return Node(numbers, expect=lambda *_: np.arange(1, 12, 3))


def _distribution(mean, deviation, dtype, shape, low=-np.inf, high=np.inf):
    def check(_, outputs):
        (got,) = outputs
        assert got.dtype == dtype, f"{got.dtype}, expected {dtype}"
        assert got.shape == shape, f"{got.shape}, expected {shape}"
        draws = exact(got).astype(np.float64)
        bound = 5 * deviation / math.sqrt(draws.size) + 2**-7 * abs(mean)
        assert abs(draws.mean() - mean) <= bound, f"mean {draws.mean()}, expected {mean}"
        assert abs(draws.std() - deviation) <= 0.15 * deviation, f"deviation {draws.std()}"
        assert draws.min() >= low and draws.max() <= high

    return check


def random_recipe(name, attrs, mean, deviation, low=-np.inf, high=np.inf):
    shape = (40, 30)

    def make(draw):
        like = name.endswith("Like")
        target = draw["T2" if like else "T"]
        given = attrs | {"dtype": enum_of(target)} | ({} if like else {"shape": shape})
        inputs = [draw.array("T1", shape)] if like else []
        return Node(
            inputs, given, check=_distribution(mean, deviation, dtype_of(target), shape, low, high)
        )

    recipe(name)(make)


for suffix in ("", "Like"):
    random_recipe("RandomNormal" + suffix, {"mean": 1.0, "scale": 2.0}, 1, 2)
    random_recipe("RandomUniform" + suffix, {"low": 1.0, "high": 3.0}, 2, 1 / math.sqrt(3), 1, 3)


@recipe("Bernoulli")
def _(draw):
    x = np.full((40, 30), 0.25).astype(dtype_of(draw["T1"]))
    return Node(
        [x],
        {"dtype": enum_of(draw["T2"])},
        check=_distribution(0.25, math.sqrt(3) / 4, dtype_of(draw["T2"]), x.shape, 0, 1),
    )


@recipe("Multinomial")
def _(draw):
    x = np.array([[np.log(0.25), np.log(0.75)]]).astype(dtype_of(draw["T1"]))
    return Node(
        [x],
        {"sample_size": 1000, "dtype": enum_of(draw["T2"])},
        check=_distribution(0.75, math.sqrt(3) / 4, dtype_of(draw["T2"]), (1, 1000), 0, 1),
    )


@recipe("Dropout")
def _(draw):
    x = np.ones((40, 30)).astype(dtype_of(draw["T"]))
    ratio = np.array(0.5).astype(dtype_of(draw["T1"]))

    def check(_, outputs):
        y, mask = outputs
        _distribution(0.5, 0.5, np.dtype(np.bool_), x.shape, 0, 1)(_, [mask])
        assert y.dtype == x.dtype and y.shape == x.shape
        np.testing.assert_array_equal(exact(y), np.where(mask, 2.0, 0.0))

    return Node([x, ratio, np.array(True)], outputs=2, check=check)


# ---- strings


@recipe("StringConcat")
def _(draw):
    return Node(
        [draw.array("string", (2, 3)), draw.array("string", (3,))],
        expect=lambda a, b: a + np.broadcast_to(b, (2, 3)),
    )


@recipe("StringSplit")
def _(draw):
    return Node(
        [np.array(["a,b,c", "y", "x,,z"], object)],
        {"delimiter": ","},
        outputs=2,
        expect=lambda _: (
            np.array([["a", "b", "c"], ["y", "", ""], ["x", "", "z"]], object),
            np.array([3, 1, 3]),
        ),
    )


@recipe("StringNormalizer")
def _(draw):
    return Node(
        [np.array(["Monday", "tuesday"], object)],
        {"case_change_action": "UPPER"},
        expect=lambda _: np.array(["MONDAY", "TUESDAY"], object),
    )


@recipe("RegexFullMatch")
def _(draw):
    return Node(
        [np.array(["www.google.com", "google"], object)],
        {"pattern": r"www\.[\w.-]+\.\w+"},
        expect=lambda _: np.array([True, False]),
    )


@recipe("TfIdfVectorizer")
def _(draw):
    string = draw["T"] == "string"
    words = (
        np.array([["a", "b", "a"], ["c", "c", "a"]], object)
        if string
        else np.array([[1, 2, 1], [3, 3, 1]]).astype(dtype_of(draw["T"]))
    )
    pool = {"pool_strings": ["a", "c"]} if string else {"pool_int64s": [1, 3]}
    return Node(
        [words],
        {
            "mode": "TF",
            "min_gram_length": 1,
            "max_gram_length": 1,
            "max_skip_count": 0,
            "ngram_counts": [0],
            "ngram_indexes": [0, 1],
            **pool,
        },
        expect=lambda _: np.array([[2.0, 0.0], [1.0, 2.0]]),
    )


# ---- sequences and optionals


def same_element(*params):
    return lambda types: len({element_of(types[p]) for p in params}) == 1


@recipe("SequenceConstruct", same_element("T", "S"))
def _(draw):
    return Node(
        [draw.array("T", (2,)), draw.array("T", (3, 2))], expect=lambda *x: Several([list(x)])
    )


@recipe("SequenceEmpty")
def _(draw):
    return Node([], {"dtype": enum_of(draw["S"])}, expect=lambda: Several([[]]))


@recipe("SequenceLength")
def _(draw):
    return Node([draw.value(draw.types["S"])], expect=lambda _: np.array(2))


@recipe("SequenceAt", same_element("T", "S"))
def _(draw):
    return Node(
        [draw.value(draw.types["S"]), np.array(-1, dtype_of(draw["I"]))],
        expect=lambda items, _: Several([items[-1]]),
    )


@recipe("SequenceErase")
def _(draw):
    return Node(
        [draw.value(draw.types["S"]), np.array(0, dtype_of(draw["I"]))],
        expect=lambda items, _: Several([items[1:]]),
    )


@recipe("SequenceInsert", same_element("T", "S"))
def _(draw):
    return Node(
        [draw.value(draw.types["S"]), draw.array("T", (3,)), np.array(1, dtype_of(draw["I"]))],
        expect=lambda items, new, _: Several([[items[0], new, items[1]]]),
    )


@recipe("ConcatFromSequence", same_element("T", "S"))
def _(draw):
    return Node(
        [[draw.array("T", (2, 3)), draw.array("T", (2, 1))]],
        {"axis": 1},
        expect=lambda items: np.concatenate(items, 1),
    )


@recipe("SplitToSequence", same_element("T", "S"))
def _(draw):
    return Node(
        [draw.array("T", (5, 2)), np.array([2, 3], dtype_of(draw["I"]))],
        expect=lambda x, _: Several([[x[:2], x[2:]]]),
    )


@recipe("Optional", lambda types: types["O"] == f"optional({types['V']})")
def _(draw):
    return Node([draw.value(draw.types["V"])], expect=lambda x: Several([x]))


@recipe("OptionalHasElement")
def _(draw):
    return Node([draw.value(draw.types["O"])], expect=lambda _: np.array(True))


@recipe(
    "OptionalGetElement",
    lambda types: (
        types["V"] == (types["O"][9:-1] if types["O"].startswith("optional") else types["O"])
    ),
)
def _(draw):
    return Node([draw.value(draw.types["O"])], expect=lambda x: Several([x]))


# ---- subgraphs


def _body(inputs, outputs, nodes=None):
    """A graph of Identity nodes; inputs and outputs are (name, TypeProto)."""
    nodes = nodes or [helper.make_node("Identity", [i[0]], [o[0]]) for i, o in zip(inputs, outputs)]
    return helper.make_graph(
        nodes,
        "body",
        [helper.make_value_info(*i) for i in inputs],
        [helper.make_value_info(*o) for o in outputs],
    )


@recipe("If")
def _(draw):
    text = draw.types["V"]
    value = draw.value(text)
    branch = _body([], [("b", type_proto(text))], [helper.make_node("Identity", ["v"], ["b"])])

    def graph(graph):
        graph.input.append(helper.make_value_info("v", type_proto(text)))
        return graph

    return Node(
        [np.array(True)],
        {"then_branch": branch, "else_branch": branch},
        expect=lambda _, v: Several([v]),
        graph=graph,
        feeds={"v": value},
    )


@recipe("Loop")
def _(draw):
    text = draw.types["V"]
    body = _body(
        [
            ("i", type_proto("tensor(int64)")),
            ("c", type_proto("tensor(bool)")),
            ("v", type_proto(text)),
        ],
        [("c2", type_proto("tensor(bool)")), ("v2", type_proto(text))],
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["v"], ["v2"])],
    )
    return Node(
        [np.array(2), np.array(True), draw.value(text)],
        {"body": body},
        expect=lambda n, c, v: Several([v]),
    )


@recipe("Scan")
def _(draw):
    proto = type_proto(draw.types["V"])
    body = _body([("s", proto), ("x", proto)], [("s2", proto), ("y", proto)])
    return Node(
        [draw.array("V", (3,)), draw.array("V", (4, 2, 3))],
        {"body": body, "num_scan_inputs": 1},
        outputs=2,
        expect=lambda s, x: (s, x),
    )


@recipe("SequenceMap", lambda types: "float" in (element_of(types["S"]), element_of(types["V"])))
def _(draw):
    text, other = draw.types["S"], draw.types["V"]
    items = draw.value(text)
    more = draw.value(other)
    item = text[4:-1]
    inner = other[4:-1] if other.startswith("seq(") else other
    body = _body([("x", type_proto(item)), ("v", type_proto(inner))], [("y", type_proto(item))])
    return Node([items, more], {"body": body}, expect=lambda items, _: Several([items]))


# ---- training


@recipe("ai.onnx.preview.training.Adagrad")
def _(draw):
    def expect(r, t, x, g, h):
        g = g + 0.125 * x
        h2 = h + g * g
        return x - float(r) / (1 + float(t) * 0.5) * g / (np.sqrt(h2) + 0.25), h2

    return Node(
        [draw.array("T1", (), 0.1, 0.5), np.array(3)] + _states(draw, 2),
        {"norm_coefficient": 0.125, "epsilon": 0.25, "decay_factor": 0.5},
        outputs=2,
        expect=expect,
    )


def _states(draw, count):
    """A tensor, and as many others that are positive."""
    return [draw.array("T3", (2, 3), low, 2) for low in [-2] + [0.1] * count]


@recipe("ai.onnx.preview.training.Momentum")
def _(draw):
    def expect(r, t, x, g, v):
        g = g + 0.125 * x
        v2 = 0.5 * v + 0.25 * g
        return x - float(r) * v2, v2

    return Node(
        [draw.array("T1", (), 0.1, 0.5), np.array(3)] + _states(draw, 2),
        {"norm_coefficient": 0.125, "alpha": 0.5, "beta": 0.25, "mode": "standard"},
        outputs=2,
        expect=expect,
    )


@recipe("ai.onnx.preview.training.Adam")
def _(draw):
    def expect(r, t, x, g, v, h):
        g = g + 0.125 * x
        v2 = 0.5 * v + 0.5 * g
        h2 = 0.75 * h + 0.25 * g * g
        rate = float(r) * np.sqrt(1 - 0.75 ** int(t)) / (1 - 0.5 ** int(t))
        return (x - rate * v2 / (np.sqrt(h2) + 0.25)) * (1 - 0.125), v2, h2

    return Node(
        [draw.array("T1", (), 0.1, 0.5), np.array(3)] + _states(draw, 3),
        {
            "norm_coefficient": 0.125,
            "norm_coefficient_post": 0.125,
            "alpha": 0.5,
            "beta": 0.75,
            "epsilon": 0.25,
        },
        outputs=3,
        expect=expect,
    )


# Gradients are of real numbers; T1 is that of the inputs, T2 that of the gradients.
@recipe("ai.onnx.preview.training.Gradient", lambda types: types["T1"] == types["T2"])
def _(draw):
    """d(a b)/da = b and d(a b)/db = a."""

    def graph(graph):
        (gradient,) = graph.node
        for value in graph.input:
            for size in (2, 3):  # the derivative of a product that broadcasts asks for ranks
                value.type.tensor_type.shape.dim.add().dim_value = size
        product = helper.make_node("Mul", ["x0", "x1"], ["y"])
        return helper.make_graph([product, gradient], "case", graph.input, graph.output)

    return Node(
        [draw.array("T1", (2, 3)), draw.array("T1", (2, 3))],
        {"xs": ["x0", "x1"], "y": "y"},
        outputs=2,
        expect=lambda a, b: (b, a),
        graph=graph,
    )
