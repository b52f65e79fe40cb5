"""Recipes of type_cases.py for matrices, convolutions, poolings, normalizations, recurrent
networks, attention, losses and signals. See type_recipes.py."""

import math

import numpy as np

from type_cases import Node, dtype_of, enum_of, is_float
from type_recipes import IMAGE, SHAPE, ints, recipe, softmax

# ---- matrices, convolutions, poolings


@recipe("MatMul")
def _(draw):
    return Node([draw.array("T", (2, 5, 7), 0, 3), draw.array("T", (7, 6), 0, 3)], expect=np.matmul)


@recipe("Gemm")
def _(draw):
    def expect(a, b, c):
        return (a.T @ b.T) * np.array(2).astype(a.dtype) + c

    return Node(
        [draw.array("T", (7, 5), 0, 3), draw.array("T", (6, 7), 0, 3), draw.array("T", (6,), 0, 3)],
        {"transA": 1, "transB": 1, "alpha": 2.0},
        expect=expect,
    )


@recipe("Einsum")
def _(draw):
    return Node(
        [draw.array("T", (3, 4), 0, 3), draw.array("T", (4, 5), 0, 3)],
        {"equation": "ij,jk->ki"},
        expect=lambda a, b: (a @ b).T,
    )


@recipe("Conv")
def _(draw):
    return Node(
        [draw.array("T", IMAGE), draw.array("T", (4, 3, 3, 3)), draw.array("T", (4,))],
        {"pads": [1, 1, 1, 1], "strides": [1, 2]},
    )


@recipe("ConvTranspose")
def _(draw):
    return Node(
        [draw.array("T", IMAGE), draw.array("T", (3, 4, 3, 3)), draw.array("T", (4,))],
        {"strides": [2, 1], "pads": [1, 0, 1, 0]},
    )


@recipe("DeformConv")
def _(draw):
    def expect(x, w, offset, bias):
        y = np.zeros((1, 3, 4, 4)) + bias.reshape(3, 1, 1)
        for o, r, c, i, j in np.ndindex(3, 4, 4, 2, 2):
            tap = 2 * (2 * i + j)
            at = (r + i + offset[0, tap, r, c], c + j + offset[0, tap + 1, r, c])
            y[0, o, r, c] += sum(w[o, k, i, j] * _pixel(x[0, k], *at) for k in range(2))
        return y

    return Node(
        [
            draw.array("T", (1, 2, 5, 5)),
            draw.array("T", (3, 2, 2, 2)),
            draw.array("T", (1, 8, 4, 4), -1, 1),
            draw.array("T", (3,)),
        ],
        {"kernel_shape": [2, 2]},
        expect=expect,
    )


def _pixel(plane, row, col):
    """The picture between its pixels, 0 outside."""
    top, left = math.floor(row), math.floor(col)
    total = 0.0
    for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= r < plane.shape[0] and 0 <= c < plane.shape[1]:
            total += plane[r, c] * (1 - abs(row - r)) * (1 - abs(col - c))
    return total


@recipe("CausalConvWithState")
def _(draw):
    return Node(
        [
            draw.array("T", (2, 3, 5)),
            draw.array("T", (3, 1, 4)),
            draw.array("T", (3,)),
            draw.array("T", (2, 3, 3)),
        ],
        {"activation": "silu"},
        outputs=2,
    )


@recipe("MaxPool")
def _(draw):
    windows = lambda x: np.max(
        [x[..., i : i + 4, j : j + 3] for i in range(3) for j in range(3)], 0
    )  # noqa: E731
    return Node([draw.array("T", IMAGE)], {"kernel_shape": [3, 3]}, expect=windows)


@recipe("AveragePool")
def _(draw):
    windows = lambda x: np.mean(
        [x[..., i : i + 4, j : j + 3] for i in range(3) for j in range(3)], 0
    )  # noqa: E731
    return Node([draw.array("T", IMAGE)], {"kernel_shape": [3, 3]}, expect=windows)


@recipe("LpPool")
def _(draw):
    windows = (
        lambda x: np.sqrt(
            np.sum(  # noqa: E731
                [x[..., i : i + 4, j : j + 3] ** 2 for i in range(3) for j in range(3)], 0
            )
        )
    )
    return Node([draw.array("T", IMAGE)], {"kernel_shape": [3, 3]}, expect=windows)


@recipe("GlobalAveragePool")
def _(draw):
    return Node([draw.array("T", IMAGE)], expect=lambda x: x.mean((2, 3), keepdims=True))


@recipe("GlobalMaxPool")
def _(draw):
    return Node([draw.array("T", IMAGE)], expect=lambda x: x.max((2, 3), keepdims=True))


@recipe("GlobalLpPool")
def _(draw):
    return Node(
        [draw.array("T", IMAGE)], expect=lambda x: np.sqrt((x * x).sum((2, 3), keepdims=True))
    )


@recipe("MaxUnpool")
def _(draw):
    x = draw.array("T1", (1, 1, 2, 2))
    places = np.array([[[[1, 3], [4, 14]]]], np.int64)

    def expect(x, places):
        y = np.zeros((1, 1, 4, 4), x.dtype)
        y.reshape(-1)[places.ravel()] = x.ravel()
        return y

    return Node([x, places], {"kernel_shape": [2, 2], "strides": [2, 2]}, expect=expect)


@recipe("MaxRoiPool")
def _(draw):
    x = draw.array("T", (1, 2, 4, 4))
    rois = np.array([[0, 0, 0, 3, 3]]).astype(x.dtype)

    def expect(x, _):
        return np.stack(
            [[x[0, :, r : r + 2, c : c + 2].max((1, 2)) for c in (0, 2)] for r in (0, 2)]
        ).transpose(2, 0, 1)[None]

    return Node([x, rois], {"pooled_shape": [2, 2]}, expect=expect)


@recipe("RoiAlign")
def _(draw):
    rois = np.array([[0, 0, 3, 3], [1, 0.5, 4, 3]]).astype(dtype_of(draw["T1"]))
    return Node(
        [draw.array("T1", (1, 2, 5, 5)), rois, np.zeros(2, np.int64)],
        {"output_height": 2, "output_width": 2, "sampling_ratio": 2},
    )


@recipe("Col2Im")
def _(draw):
    name = draw["T"]
    x = draw.array("T", (1, 8, 9))
    node = Node([x, np.array([4, 4], np.int64), np.array([2, 2], np.int64)])
    if name in ("bool", "string"):  # no sums: blocks that do not overlap
        node = Node(
            [draw.array("T", (1, 8, 4)), np.array([4, 4], np.int64), np.array([2, 2], np.int64)],
            {"strides": [2, 2]},
            expect=lambda x, size, block: (
                x.reshape(1, 2, 2, 2, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 4)
            ),
        )
        return node

    def expect(x, size, block):
        y = np.zeros((1, 2, 4, 4), x.dtype)
        for i in range(2):
            for j in range(2):
                y[:, :, i : i + 3, j : j + 3] += x.reshape(1, 2, 2, 2, 3, 3)[:, :, i, j]
        return y

    node.expect = expect
    return node


# ---- normalizations


@recipe("BatchNormalization")
def _(draw):
    return Node(
        [
            draw.array("T", IMAGE),
            draw.array("T1", (3,)),
            draw.array("T1", (3,)),
            draw.array("T2", (3,)),
            draw.array("T2", (3,), 0.5, 3),
        ]
    )


@recipe("InstanceNormalization")
def _(draw):
    return Node([draw.array("T", IMAGE), draw.array("T", (3,)), draw.array("T", (3,))])


@recipe("GroupNormalization")
def _(draw):
    def expect(x, scale, bias):
        groups = x.reshape(2, 2, -1)
        y = (groups - groups.mean(2, keepdims=True)) / np.sqrt(
            groups.var(2, keepdims=True) + np.float32(1e-5)
        )
        return y.reshape(x.shape) * scale.reshape(4, 1, 1) + bias.reshape(4, 1, 1)

    return Node(
        [draw.array("T", (2, 4, 3, 3)), draw.array("T", (4,)), draw.array("T", (4,))],
        {"num_groups": 2, "stash_type": 11 if draw["T"] == "double" else 1},
        expect=expect,
    )


@recipe("LayerNormalization", lambda types: True)
def _(draw):
    stash = enum_of(draw["U"])

    def expect(x, scale, bias):
        mean = x.mean(-1, keepdims=True)
        deviation = 1 / np.sqrt(x.var(-1, keepdims=True) + np.float32(1e-5))
        return (x - mean) * deviation * scale + bias, mean, deviation

    node = Node(
        [draw.array("T", SHAPE), draw.array("T", (7,)), draw.array("T", (7,))],
        {"stash_type": stash},
        outputs=3,
        expect=expect,
    )
    if draw["T"] == "double" and draw["U"] != "double":
        node.noise = 1e6  # its statistics are kept in fewer bits
    return node


@recipe("RMSNormalization")
def _(draw):
    def expect(x, scale):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-5)) * scale

    return Node(
        [draw.array("T", SHAPE), draw.array("V", (7,))],
        {"stash_type": 11 if draw["T"] == "double" else 1},
        expect=expect,
    )


@recipe("MeanVarianceNormalization")
def _(draw):
    def expect(x):
        mean = x.mean((0, 2, 3), keepdims=True)
        return (x - mean) / (np.sqrt((x * x).mean((0, 2, 3), keepdims=True) - mean**2) + 1e-9)

    return Node([draw.array("T", IMAGE)], expect=expect)


@recipe("LpNormalization")
def _(draw):
    return Node(
        [draw.array("T", SHAPE)], expect=lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))
    )


@recipe("LRN")
def _(draw):
    def expect(x):
        squares = np.stack([(x[:, max(0, c - 1) : c + 2] ** 2).sum(1) for c in range(5)], 1)
        return x / (2 + 0.5 / 3 * squares) ** 0.75

    return Node(
        [draw.array("T", (1, 5, 3, 3))],
        {"size": 3, "alpha": 0.5, "beta": 0.75, "bias": 2.0},
        expect=expect,
    )


# ---- recurrent networks and attention


def recurrent(name, gates, extra=0):
    def make(draw):
        size, width = 4, 3
        inputs = [
            draw.array("T", (5, 2, width), -1, 1),
            draw.array("T", (1, gates * size, width), -1, 1),
            draw.array("T", (1, gates * size, size), -1, 1),
            draw.array("T", (1, 2 * gates * size), -1, 1),
        ]
        return Node(
            inputs,
            {"hidden_size": size},
            outputs=2 + extra,
            noise=4.0,
            **({"expect": lstm} if name == "LSTM" else {}),
        )

    recipe(name)(make)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, r, b):
    size = r.shape[2]
    h = np.zeros((x.shape[1], size))
    c = np.zeros_like(h)
    steps = []
    for step in x:
        z = step @ w[0].T + h @ r[0].T + b[0, : 4 * size] + b[0, 4 * size :]
        i, o, f, g = np.split(z, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps)[:, None], h[None], c[None]


recurrent("RNN", 1)
recurrent("GRU", 3)
recurrent("LSTM", 4, 1)


@recipe("Attention")
def _(draw):
    mask = draw.array("U", (3, 4), 0, 1)

    def expect(q, k, v, mask):
        score = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
        if mask.dtype == np.bool_:
            mask = mask | ~mask.any(-1, keepdims=True) * False
            mask = np.where(mask, 0.0, -np.inf)
        weights = softmax(score + mask.astype(np.float64))
        return weights @ v

    if draw["U"] == "bool":
        mask[:, 0] = True
    return Node(
        [
            draw.array("T1", (1, 2, 3, 5), -1, 1),
            draw.array("T1", (1, 2, 4, 5), -1, 1),
            draw.array("T2", (1, 2, 4, 5), -1, 1),
            mask,
        ],
        expect=expect,
    )


@recipe("ai.onnx.preview.FlexAttention")
def _(draw):
    def expect(q, k, v):
        return softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])) @ v

    return Node(
        [
            draw.array("T1", (1, 2, 3, 5), -1, 1),
            draw.array("T1", (1, 2, 4, 5), -1, 1),
            draw.array("T1", (1, 2, 4, 5), -1, 1),
        ],
        expect=expect,
    )


@recipe("LinearAttention")
def _(draw):
    def expect(q, k, v, state):
        state = state.astype(np.float64)
        rows = []
        for t in range(q.shape[1]):
            kt, qt, vt = (a[:, t].reshape(1, 2, 4) for a in (k, q, v))
            state = state + kt[..., None] * vt[..., None, :]
            rows.append(np.einsum("bhk,bhkv->bhv", qt, state) / np.sqrt(4))
        return np.stack(rows, 1).reshape(1, q.shape[1], 8), state

    return Node(
        [
            draw.array("T", (1, 3, 8), -1, 1),
            draw.array("T", (1, 3, 8), -1, 1),
            draw.array("T", (1, 3, 8), -1, 1),
            draw.array("S", (1, 2, 4, 4), -1, 1),
        ],
        {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"},
        outputs=2,
        expect=expect,
    )


@recipe("RotaryEmbedding")
def _(draw):
    def expect(x, cos, sin, ids):
        c, s = cos[ids][:, None], sin[ids][:, None]
        a, b = np.split(x, 2, axis=-1)
        return np.concatenate([c * a - s * b, s * a + c * b], -1)

    return Node(
        [
            draw.array("T", (2, 3, 4, 8)),
            draw.array("T", (6, 4), -1, 1),
            draw.array("T", (6, 4), -1, 1),
            np.array([[0, 1, 2, 3], [2, 3, 4, 5]], np.int64),
        ],
        expect=expect,
    )


# ---- losses, signals, linear algebra


def loss(name, function):
    def make(draw):
        labels = np.array([0, 3, 2]).astype(dtype_of(draw["Tind"]))
        return Node(
            [draw.array("T", (3, 4), -2, 0), labels],
            expect=lambda x, labels: np.asarray(-function(x)[np.arange(3), labels].mean()),
        )

    recipe(name)(make)


loss("NegativeLogLikelihoodLoss", lambda x: x)
loss("SoftmaxCrossEntropyLoss", lambda x: np.log(softmax(x)))


@recipe("Det")
def _(draw):
    return Node([draw.array("T", (2, 3, 3))], expect=np.linalg.det)


@recipe("DFT")
def _(draw):
    def expect(x, *_):
        y = np.fft.fft(x[..., 0], axis=1)
        return np.stack([y.real, y.imag], -1)

    return Node(
        [draw.array("T1", (2, 6, 1)), np.array(6, dtype_of(draw["T2"])), np.array(1)], expect=expect
    )


@recipe("STFT")
def _(draw):
    def expect(signal, step, window, length):
        frames = np.stack([signal[:, s : s + 8, 0] * window for s in range(0, 9, 4)], 1)
        y = np.fft.rfft(frames, axis=2)
        return np.stack([y.real, y.imag], -1)

    return Node(
        [
            draw.array("T1", (1, 16, 1)),
            np.array(4, dtype_of(draw["T2"])),
            draw.array("T1", (8,), 0, 1),
            np.array(8, dtype_of(draw["T2"])),
        ],
        expect=expect,
    )


def window(name, function):
    def make(draw):
        def expect(size):
            y = function(np.arange(10) * 2 * np.pi / 10)
            return y if is_float(draw["T2"]) else np.trunc(y)

        return Node(
            [np.array(10, dtype_of(draw["T1"]))],
            {"output_datatype": enum_of(draw["T2"]), "periodic": 1},
            expect=expect,
            noise=4.0,
        )

    recipe(name)(make)


window("HannWindow", lambda t: 0.5 - 0.5 * np.cos(t))
window("HammingWindow", lambda t: 25 / 46 - (1 - 25 / 46) * np.cos(t))
window("BlackmanWindow", lambda t: 0.42 - 0.5 * np.cos(t) + 0.08 * np.cos(2 * t))


@recipe("MelWeightMatrix")
def _(draw):
    inputs = [np.array(n).astype(dtype_of(draw["T1"])) for n in (4, 16, 8192)]
    inputs += [np.array(n).astype(dtype_of(draw["T2"])) for n in (0, 4096)]

    def expect(bins, length, rate, low, high):
        # The triangles in the specification's own words, in f64.
        first, last = (2595 * np.log10(1 + float(hz) / 700) for hz in (low, high))
        mel = np.arange(bins + 2) * ((last - first) / (bins + 2)) + first
        hertz = 700 * (10 ** (mel / 2595) - 1)
        points = ((int(length) + 1) * hertz // int(rate)).astype(np.int64)
        y = np.zeros((int(length) // 2 + 1, int(bins)))
        for i in range(int(bins)):
            left, center, right = points[i : i + 3]
            if center == left:
                y[center, i] = 1
            for j in range(left, center + 1) if center != left else ():
                y[j, i] = (j - left) / (center - left)
            for j in range(center, right) if right != center else ():
                y[j, i] = (right - j) / (right - center)
        return y if is_float(draw["T3"]) else np.trunc(y)

    return Node(inputs, {"output_datatype": enum_of(draw["T3"])}, expect=expect)


@recipe("AffineGrid")
def _(draw):
    def expect(theta, _):
        y, x = np.meshgrid(
            (2 * np.arange(3) + 1) / 3 - 1, (2 * np.arange(4) + 1) / 4 - 1, indexing="ij"
        )
        return (np.stack([x, y, np.ones_like(x)], -1) @ theta[0].T)[None]

    return Node([draw.array("T1", (1, 2, 3), -1, 1), ints(1, 1, 3, 4)], expect=expect)


@recipe("GridSample")
def _(draw):
    mode = "nearest" if draw["T1"] in ("string", "bool") else "linear"
    x = draw.array("T1", (1, 2, 4, 4))
    # Grid points on pixels' centres or halfway, exact in every type.
    places = draw.rng.integers(0, 4, (1, 3, 3, 2))
    grid = ((places * 2 + 1) / 4 - 1).astype(dtype_of(draw["T2"]))
    expect = lambda x, g: np.stack(
        [  # noqa: E731
            x[0, c][places[0, ..., 1], places[0, ..., 0]] for c in range(2)
        ]
    )[None]
    return Node([x, grid], {"mode": mode}, expect=expect)


@recipe("Resize")
def _(draw):
    if draw["T1"] in ("string", "bool"):
        mode = "nearest"
    else:
        mode = "linear"
    x = draw.array("T1", (1, 1, 3, 4), 0, 9)
    # Every second number again: on corners the new grid holds the old one.
    scales = np.array([1, 1, 2, 2], np.float32)

    def expect(x, roi, scales):
        if mode == "nearest":
            return x.repeat(2, 2).repeat(2, 3)
        rows = (np.arange(6) + 0.5) / 2 - 0.5
        cols = (np.arange(8) + 0.5) / 2 - 0.5
        y = _lerp(
            _lerp(x.astype(np.complex128 if x.dtype.kind == "c" else np.float64), rows, 2), cols, 3
        )
        return y if x.dtype.kind in "fc" else np.trunc(y)

    roi = np.zeros(8).astype(dtype_of(draw["T2"]))
    return Node([x, roi, scales], {"mode": mode}, expect=expect)


def _lerp(x, places, axis):
    places = np.clip(places, 0, x.shape[axis] - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    shape = [1] * x.ndim
    shape[axis] = -1
    share = (places - low).reshape(shape)
    return x.take(low, axis) * (1 - share) + x.take(high, axis) * share


@recipe("NonMaxSuppression")
def _(draw):
    boxes = draw.rng.uniform(0, 1, (1, 6, 4)).astype(np.float32)
    boxes[..., 2:] += boxes[..., :2]
    scores = draw.rng.uniform(0, 1, (1, 2, 6)).astype(np.float32)
    return Node([boxes, scores, np.array([3]), np.array([0.3], np.float32)])


@recipe("ImageDecoder")
def _(draw):
    pixels = draw.array("T2", (2, 3, 3), 0, 255)
    data = np.frombuffer(b"P6\n3 2\n255\n" + pixels.tobytes(), np.uint8)
    return Node([data], {"pixel_format": "RGB"}, expect=lambda _: pixels)
