"""More cases of old_opsets.py: normalizations, poolings, convolutions, resizing, recurrent
networks, control flow. Entry point: CASES, which they are added to."""

import numpy as np
from onnx import TensorProto, helper

from old_opset_cases import CASES, case, f32, i64

assert CASES

# ---- BatchNormalization


def batch_norm(x, scale, bias, mean, var):
    shape = (-1,) + (1,) * (x.ndim - 2) if scale.ndim == 1 else scale.shape
    scale, bias, mean, var = (each.reshape(shape) for each in (scale, bias, mean, var))
    return ((x - mean) / np.sqrt(var + 1e-5) * scale + bias).astype(np.float32)


x = f32(2, 3, 4, 2)
channel = [f32(3), f32(3), f32(3), f32(3, low=0.5)]
element = [f32(3, 4, 2), f32(3, 4, 2), f32(3, 4, 2), f32(3, 4, 2, low=0.5)]
case(
    "BatchNormalization",
    1,
    [x, *channel],
    batch_norm(x, *channel),
    is_test=1,
    consumed_inputs=[0, 0, 0, 1, 1],
)
case("BatchNormalization", 6, [x, *channel], batch_norm(x, *channel), "is_test", is_test=1)
case("BatchNormalization", 6, [x, *channel], batch_norm(x, *channel), "one output")
case("BatchNormalization", 7, [x, *channel], batch_norm(x, *channel))
case("BatchNormalization", 7, [x, *element], batch_norm(x, *element), "for each element", spatial=0)
case("BatchNormalization", 9, [x, *channel], batch_norm(x, *channel))
batch_mean, batch_var = x.mean((0, 2, 3)), x.var((0, 2, 3))
trained = batch_norm(x, channel[0], channel[1], batch_mean, batch_var)
running = [
    np.float32(0.75) * old + np.float32(0.25) * new
    for old, new in zip(channel[2:], (batch_mean, batch_var))
]
for opset in (6, 7, 9):
    case(
        "BatchNormalization",
        opset,
        [x, *channel],
        [trained, *running, batch_mean, batch_var],
        "five outputs train",
        momentum=0.75,
    )
case(
    "BatchNormalization",
    14,
    [x, *channel],
    [trained, *running],
    "training_mode",
    momentum=0.75,
    training_mode=1,
)
case("BatchNormalization", 15, [x, *channel], batch_norm(x, *channel))
scale, bias = f32(3), f32(3)
centred = x - x.mean((2, 3), keepdims=True)
case(
    "InstanceNormalization",
    1,
    [x, scale, bias],
    centred / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5) * scale[:, None, None]
    + bias[:, None, None],
    consumed_inputs=[0, 0, 0],
)


def group_norm(x, groups):
    rows = x.reshape(x.shape[0], groups, -1)
    rows = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + 1e-5)
    return rows.reshape(x.shape).astype(np.float32)


y = f32(2, 6, 3)
scale, bias = f32(2), f32(2)
case(
    "GroupNormalization",
    18,
    [y, scale, bias],
    group_norm(y, 2) * scale.repeat(3)[:, None] + bias.repeat(3)[:, None],
    "scale and bias for each group",
    num_groups=2,
)
scale, bias = f32(6), f32(6)
case(
    "GroupNormalization",
    21,
    [y, scale, bias],
    group_norm(y, 2) * scale[:, None] + bias[:, None],
    "for each channel",
    num_groups=2,
)

# ---- Dropout: trained by default before 7, never from 7 to 11, when told from 12 on

ones = np.ones((50, 40), np.float32)


def dropped(share):
    def check(y):
        assert y.shape == ones.shape and y.dtype == ones.dtype
        kept = y != 0
        assert abs(kept.mean() - (1 - share)) < 0.06, f"{kept.mean()} kept"
        np.testing.assert_allclose(y[kept], 1 / (1 - share), rtol=1e-5)

    return check


small = f32(2, 3)
case("Dropout", 1, [small], small, "is_test", is_test=1, consumed_inputs=[0])
case("Dropout", 1, [ones], dropped(0.5), "trains by default")
case("Dropout", 6, [small], small, "is_test", is_test=1)
case("Dropout", 6, [ones], dropped(0.25), "trains by default", ratio=0.25)
case("Dropout", 7, [small], small, "the identity", ratio=0.9)
case("Dropout", 7, [small], [small, np.ones((2, 3), np.float32)], "its mask is of the input's type")
case("Dropout", 10, [small], [small, np.ones((2, 3), bool)], "its mask is boolean")
case("Dropout", 12, [small, np.float32(0.5)], small, "the identity")
case("Dropout", 12, [ones, np.float32(0.25), np.array(True)], dropped(0.25), "training_mode")
case(
    "Dropout",
    13,
    [ones.astype(np.float64), np.float32(0.5), np.array(False)],
    ones.astype(np.float64),
    "training_mode off",
)

# ---- poolings


def windows(x, size, stride, pads, ceil=False):
    """Lists of the numbers in each window, pads left out, and the shape of the result."""
    rows = x.shape[2] + pads[0] + pads[2]
    cols = x.shape[3] + pads[1] + pads[3]
    rounding = np.ceil if ceil else np.floor
    out = [int(rounding((extent - size) / stride)) + 1 for extent in (rows, cols)]
    # A window that would start in the padding behind is left out.
    for axis, (extent, before) in enumerate(((x.shape[2], pads[0]), (x.shape[3], pads[1]))):
        if (out[axis] - 1) * stride >= extent + before:
            out[axis] -= 1
    for r in range(out[0]):
        for c in range(out[1]):
            top, left = r * stride - pads[0], c * stride - pads[1]
            inside = x[:, :, max(top, 0) : top + size, max(left, 0) : left + size]
            padded = (min(top + size, x.shape[2] + pads[2]) - top) * (
                min(left + size, x.shape[3] + pads[3]) - left
            )
            yield (r, c), inside.reshape(*x.shape[:2], -1), padded, out


def pooled(x, function, size, stride, pads=(0, 0, 0, 0), ceil=False):
    y = None
    for (r, c), inside, padded, out in windows(x, size, stride, pads, ceil):
        if y is None:
            y = np.zeros((*x.shape[:2], *out), np.float32)
        y[:, :, r, c] = function(inside, padded)
    return y


def mean_inside(inside, _):
    return inside.mean(-1)


def mean_padded(inside, padded):
    return inside.sum(-1) / padded


x = f32(1, 2, 5, 5)
square = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
case(
    "AveragePool", 1, [x], pooled(x, mean_inside, 3, 2, (1, 1, 1, 1)), "pads do not count", **square
)
case("AveragePool", 7, [x], pooled(x, mean_inside, 3, 2, (1, 1, 1, 1)), **square)
case(
    "AveragePool",
    7,
    [x],
    pooled(x, mean_padded, 3, 2, (1, 1, 1, 1)),
    "count_include_pad",
    count_include_pad=1,
    **square,
)
even = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
for opset in (10, 11, 19):
    case("AveragePool", opset, [x], pooled(x, mean_inside, 2, 2, ceil=True), "ceil_mode", **even)
case(
    "AveragePool",
    19,
    [x],
    pooled(x, mean_padded, 3, 2, (1, 1, 1, 1)),
    "count_include_pad",
    count_include_pad=1,
    **square,
)
case("MaxPool", 1, [x], pooled(x, lambda w, _: w.max(-1), 3, 2, (1, 1, 1, 1)), **square)
case(
    "MaxPool",
    1,
    [x],
    pooled(x, lambda w, _: w.max(-1), 2, 2, (0, 0, 1, 1)),
    "SAME_UPPER",
    kernel_shape=[2, 2],
    strides=[2, 2],
    auto_pad="SAME_UPPER",
)
case(
    "MaxPool",
    1,
    [x],
    pooled(x, lambda w, _: w.max(-1), 2, 2, (1, 1, 0, 0)),
    "SAME_LOWER",
    kernel_shape=[2, 2],
    strides=[2, 2],
    auto_pad="SAME_LOWER",
)
line = np.array([[[1, 5, 2, 4]]], np.float32)
case(
    "MaxPool",
    8,
    [line],
    [np.array([[[5, 4]]], np.float32), np.array([[[1, 3]]])],
    "indices",
    kernel_shape=[2],
    strides=[2],
)
case("MaxPool", 10, [x], pooled(x, lambda w, _: w.max(-1), 2, 2, ceil=True), "ceil_mode", **even)
case(
    "MaxPool",
    12,
    [x.astype(np.int8)],
    pooled(x.astype(np.int8), lambda w, _: w.max(-1), 2, 2).astype(np.int8),
    "int8",
    kernel_shape=[2, 2],
    strides=[2, 2],
)


def norm(p):
    return lambda w, _: (np.abs(w) ** p).sum(-1) ** (1 / p)


for p in (2.0, 3.0, 2.5):
    case("LpPool", 1, [x], pooled(x, norm(p), 3, 2, (1, 1, 1, 1)), f"p = {p}", p=p, **square)
    case("GlobalLpPool", 1, [x], pooled(x, norm(p), 5, 1), f"p = {p}", p=p)
case("LpPool", 2, [x], pooled(x, norm(1), 3, 2, (1, 1, 1, 1)), "p = 1", p=1, **square)
case("LpPool", 11, [x], pooled(x, norm(2), 3, 2, (1, 1, 1, 1)), **square)
case("GlobalLpPool", 2, [x], pooled(x, norm(3), 5, 1), "p = 3", p=3)

# ---- convolutions


def conv(x, w, pad=0):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, cols = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, cols), np.float32)
    for i, j in np.ndindex(*w.shape[2:]):
        y += np.einsum("nchw,oc->nohw", x[:, :, i : i + rows, j : j + cols], w[:, :, i, j])
    return y


def conv_transpose(x, w, stride):
    size = [(extent - 1) * stride + kernel for extent, kernel in zip(x.shape[2:], w.shape[2:])]
    y = np.zeros((x.shape[0], w.shape[1], *size), np.float32)
    for r, c in np.ndindex(*x.shape[2:]):
        top, left = r * stride, c * stride
        y[:, :, top : top + w.shape[2], left : left + w.shape[3]] += np.einsum(
            "nc,cohw->nohw", x[:, :, r, c], w
        )
    return y


w = f32(3, 2, 3, 3)
for opset in (1, 11):
    case("Conv", opset, [x, w, f32(3) * 0], conv(x, w, 1), pads=[1, 1, 1, 1])
case("Conv", 1, [x, w], conv(x, w, 1), "SAME_UPPER", auto_pad="SAME_UPPER", kernel_shape=[3, 3])
wt = f32(2, 3, 3, 3)
for opset in (1, 11):
    case("ConvTranspose", opset, [x, wt], conv_transpose(x, wt, 2), strides=[2, 2])
    case(
        "ConvTranspose",
        opset,
        [x, wt],
        conv_transpose(x, wt, 2)[:, :, :10, :10],
        "output_shape, SAME_UPPER",
        strides=[2, 2],
        output_shape=[10, 10],
        auto_pad="SAME_UPPER",
    )

# ---- Upsample and Resize


def linear(x, scale, map_back):
    """Both spatial axes by `scale`, between neighbours; map_back gives places in the input."""
    for axis in (2, 3):
        size = x.shape[axis]
        places = np.clip(
            map_back(np.arange(int(size * scale)), size, int(size * scale)), 0, size - 1
        )
        low = np.floor(places).astype(int)
        share = (places - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - share) + x.take(np.minimum(low + 1, size - 1), axis) * share
    return x.astype(np.float32)


def asymmetric(scale):
    return lambda i, size, out: i / scale


def half_pixel(scale):
    return lambda i, size, out: (i + 0.5) / scale - 0.5


x = f32(1, 2, 3, 4)
twice = x.repeat(2, 2).repeat(3, 3)
scales = np.array([1, 1, 2, 3], np.float32)
case("Upsample", 1, [x], twice, height_scale=2.0, width_scale=3.0)
case(
    "Upsample",
    1,
    [x],
    linear(x, 2, asymmetric(2)),
    "bilinear",
    height_scale=2.0,
    width_scale=2.0,
    mode="bilinear",
)
case("Upsample", 7, [x], twice, scales=[1.0, 1.0, 2.0, 3.0])
case(
    "Upsample",
    7,
    [x],
    linear(x, 2, asymmetric(2)),
    "linear",
    scales=[1.0, 1.0, 2.0, 2.0],
    mode="linear",
)
even_scales = np.array([1, 1, 2, 2], np.float32)
for constants in ((), (1,)):
    kind = "constant scales" if constants else "scales from outside"
    case("Upsample", 9, [x, scales], twice, kind, constants)
    case(
        "Upsample",
        9,
        [x, even_scales],
        linear(x, 2, asymmetric(2)),
        "linear, " + kind,
        constants,
        mode="linear",
    )
    case("Resize", 10, [x, scales], twice, kind, constants)
    case(
        "Resize",
        10,
        [x, even_scales],
        linear(x, 2, asymmetric(2)),
        "linear, " + kind,
        constants,
        mode="linear",
    )
shrink = np.array([1, 1, 0.6, 0.5], np.float32)
case("Resize", 10, [x, shrink], x[:, :, :1, [0, 2]], "down")
# The backend test of onnx 1.5, test_resize_downsample_scales_nearest: ceil of x / scale.
counted = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
shrink = np.array([1, 1, 0.6, 0.6], np.float32)
for constants in ((), (1,)):
    kind = f"down, constants {constants}"
    case("Resize", 10, [counted, shrink], counted[:, :, :1, [0, 2]], kind, constants)
    both = np.array([1, 1, 2, 0.6], np.float32)
    grown = counted.repeat(2, 2)[..., [0, 2]]
    case("Resize", 10, [counted, both], grown, "up and " + kind, constants)
none = np.zeros(0, np.float32)
case("Resize", 11, [x, none, even_scales], linear(x, 2, half_pixel(2)), "half_pixel", mode="linear")
case(
    "Resize",
    11,
    [x, none, even_scales],
    linear(x, 2, asymmetric(2)),
    "asymmetric",
    mode="linear",
    coordinate_transformation_mode="asymmetric",
)
case(
    "Resize",
    11,
    [x, none, even_scales],
    linear(x, 2, lambda i, size, out: i * (size - 1) / (out - 1)),
    "align_corners",
    mode="linear",
    coordinate_transformation_mode="align_corners",
)
case(
    "Resize",
    11,
    [x, none, even_scales],
    linear(x, 2, lambda i, size, out: (i + 0.5) / 2),
    "tf_half_pixel_for_nn",
    mode="linear",
    coordinate_transformation_mode="tf_half_pixel_for_nn",
)
for constants in ((), (1, 2, 3)):
    kind = "sizes" + (", all constant" if constants else "")
    case(
        "Resize",
        11,
        [x, none, none, i64(1, 2, 6, 8)],
        linear(x, 2, half_pixel(2)),
        kind,
        constants,
        mode="linear",
    )
case("Resize", 11, [x, none, even_scales], x.repeat(2, 2).repeat(2, 3), "nearest")
case("Resize", 13, [x, None, even_scales], linear(x, 2, half_pixel(2)), "no roi", mode="linear")
case(
    "Resize",
    13,
    [x, None, None, i64(1, 2, 6, 8)],
    linear(x, 2, half_pixel(2)),
    "sizes alone",
    mode="linear",
)
case(
    "Resize",
    18,
    [x, None, even_scales[2:]],
    linear(x, 2, half_pixel(2)),
    "axes",
    mode="linear",
    axes=[2, 3],
)
case(
    "Resize",
    18,
    [x, None, None, i64(6, 9)],
    x.repeat(2, 2).repeat(2, 3),
    "not_larger",
    axes=[2, 3],
    keep_aspect_ratio_policy="not_larger",
)
case(
    "Resize",
    19,
    [x, None, even_scales],
    linear(x, 2, half_pixel(2)),
    "half_pixel_symmetric",
    mode="linear",
    coordinate_transformation_mode="half_pixel_symmetric",
)
grid = np.array([[[[-1, -1], [0.5, 0.25]]]], np.float32)
picture = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)

case(
    "GridSample",
    16,
    [picture, grid],
    np.array([[[[0, 4 * 1.875 + 2.25]]]], np.float32),
    "bilinear",
    mode="bilinear",
    align_corners=1,
)
case(
    "GridSample",
    20,
    [picture, grid],
    np.array([[[[0, 4 * 1.875 + 2.25]]]], np.float32),
    "linear",
    mode="linear",
    align_corners=1,
)
roi = np.array([[0, 0, 3, 3]], np.float32)
# Without half a pixel's shift the bins are 1.5 wide; four samples each, 0.375 and 1.125 in.
at = np.array([0.375, 1.125, 1.875, 2.625])
grid_values = (4 * at[:, None] + at[None]).reshape(2, 2, 2, 2).mean((1, 3))
case(
    "RoiAlign",
    10,
    [picture, roi, i64(0)],
    grid_values[None, None].astype(np.float32),
    "pixels are where their numbers say",
    output_height=2,
    output_width=2,
    sampling_ratio=2,
)
shifted = np.array([-0.125, 0.625, 1.375, 2.125]).clip(0)
case(
    "RoiAlign",
    16,
    [picture, roi, i64(0)],
    (4 * shifted[:, None] + shifted[None])
    .reshape(2, 2, 2, 2)
    .mean((1, 3))[None, None]
    .astype(np.float32),
    "half_pixel",
    output_height=2,
    output_width=2,
    sampling_ratio=2,
)
signal = f32(1, 6, 1)
spectrum = np.fft.fft(signal[..., 0], axis=1)
spectrum = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
case("DFT", 17, [signal], spectrum, "axis an attribute")
case("DFT", 20, [signal, None, np.array(1)], spectrum, "axis an input")

# ---- recurrent networks


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn(x, w, r, b):
    h = np.zeros((x.shape[1], r.shape[2]))
    steps = []
    for step in x:
        h = np.tanh(step @ w[0].T + h @ r[0].T + b[0].reshape(2, -1).sum(0))
        steps.append(h)
    return np.stack(steps)[:, None], h[None]


def gru(x, w, r, b, before=False):
    size = r.shape[2]
    h = np.zeros((x.shape[1], size))
    (wz, wr, wh), (rz, rr, rh) = np.split(w[0], 3), np.split(r[0], 3)
    bz, br, bh, cz, cr, ch = np.split(b[0], 6)
    steps = []
    for step in x:
        z = sigmoid(step @ wz.T + h @ rz.T + bz + cz)
        reset = sigmoid(step @ wr.T + h @ rr.T + br + cr)
        inner = reset * (h @ rh.T + ch) if before else (reset * h) @ rh.T + ch
        h = (1 - z) * np.tanh(step @ wh.T + inner + bh) + z * h
        steps.append(h)
    return np.stack(steps)[:, None], h[None]


def lstm(x, w, r, b):
    size = r.shape[2]
    h = c = np.zeros((x.shape[1], size))
    steps = []
    for step in x:
        i, o, f, g = np.split(step @ w[0].T + h @ r[0].T + b[0].reshape(2, -1).sum(0), 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps)[:, None], h[None], c[None]


x = f32(4, 2, 3)
for name, gates, function in (("RNN", 1, rnn), ("GRU", 3, gru), ("LSTM", 4, lstm)):
    weights = [f32(1, gates * 5, 3), f32(1, gates * 5, 5), f32(1, gates * 10)]
    wanted = [each.astype(np.float32) for each in function(x, *weights)]
    for opset in (1, 3, 7):
        old = {"output_sequence": 1} if opset < 7 else {}
        case(name, opset, [x, *weights], wanted, hidden_size=5, **old)
    case(
        name,
        1,
        [x, *weights],
        [None, wanted[1]],
        "only the last state",
        hidden_size=5,
        output_sequence=0,
    )
    if name == "GRU":
        case(
            name,
            1,
            [x, *weights],
            wanted,
            "direction as GRU-1 spells it",
            hidden_size=5,
            direction="foward",
            output_sequence=1,
        )
        reset = [each.astype(np.float32) for each in gru(x, *weights, before=True)]
        for opset in (3, 7):
            case(
                name,
                opset,
                [x, *weights],
                reset,
                "linear_before_reset",
                hidden_size=5,
                linear_before_reset=1,
            )
    first = [wanted[0].transpose(2, 0, 1, 3), *(each.transpose(1, 0, 2) for each in wanted[1:])]
    case(name, 14, [x.transpose(1, 0, 2), *weights], first, "batch first", hidden_size=5, layout=1)

# ---- If, Loop, Scan


def value(name, dtype, shape=None):
    return helper.make_tensor_value_info(name, dtype, shape)


FLOAT = TensorProto.FLOAT


def constant_branch(number):
    tensor = helper.make_tensor("t", FLOAT, [2], [number, number])
    return helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=tensor)],
        "branch",
        [],
        [value("b", FLOAT, [2])],
    )


for opset in (1, 11, 13, 16):
    for choice in (True, False):
        case(
            "If",
            opset,
            [np.array(choice)],
            np.full(2, 1 if choice else 2, np.float32),
            str(choice),
            then_branch=constant_branch(1),
            else_branch=constant_branch(2),
        )

loop_body = helper.make_graph(
    [
        helper.make_node("Add", ["v", "v"], ["v2"]),
        helper.make_node("Identity", ["v2"], ["s"]),
        helper.make_node("Identity", ["c"], ["c2"]),
    ],
    "body",
    [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("v", FLOAT, [2])],
    [value("c2", TensorProto.BOOL, []), value("v2", FLOAT, [2]), value("s", FLOAT, [2])],
)
start = np.array([1, 3], np.float32)
doubled = np.stack([start * 2, start * 4, start * 8])
for opset in (7, 11, 13, 16):
    case("Loop", opset, [np.array(3), np.array(True), start], [start * 8, doubled], body=loop_body)
    case(
        "Loop",
        opset,
        [np.array(3), np.array(False), start],
        [start, np.zeros((0, 2), np.float32)],
        "not once",
        body=loop_body,
    )
    case(
        "Loop",
        opset,
        [np.array(3), None, start],
        [start * 8, doubled],
        "no condition",
        body=loop_body,
    )

sum_body = helper.make_graph(
    [helper.make_node("Add", ["s", "x"], ["s2"]), helper.make_node("Identity", ["s2"], ["y"])],
    "body",
    [value("s", FLOAT, [2]), value("x", FLOAT, [2])],
    [value("s2", FLOAT, [2]), value("y", FLOAT, [2])],
)
start, steps = f32(3, 2), f32(3, 4, 2)
sums = start[:, None] + steps.cumsum(1)
case(
    "Scan",
    8,
    [None, start, steps],
    [sums[:, -1], sums],
    "over a batch",
    num_scan_inputs=1,
    body=sum_body,
)
backwards = start[:, None] + steps[:, ::-1].cumsum(1)
case(
    "Scan",
    8,
    [None, start, steps],
    [backwards[:, -1], backwards],
    "backwards",
    num_scan_inputs=1,
    body=sum_body,
    directions=[1],
)
lengths = i64(2, 4, 1)


def meaningful(y):
    assert y.shape == sums.shape and y.dtype == np.float32
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(y[row, :length], sums[row, :length], rtol=1e-5, atol=1e-6)


case(
    "Scan",
    8,
    [lengths, start, steps],
    [np.stack([sums[b, n - 1] for b, n in enumerate(lengths)]), meaningful],
    "sequence_lens",
    num_scan_inputs=1,
    body=sum_body,
)
for opset in (9, 11, 16):
    case(
        "Scan",
        opset,
        [start[0], steps[0]],
        [sums[0, -1], sums[0]],
        num_scan_inputs=1,
        body=sum_body,
    )
    case(
        "Scan",
        opset,
        [start[0], steps[0].T.copy()],
        [backwards[0, -1], backwards[0].T],
        "axis 1, backwards",
        num_scan_inputs=1,
        body=sum_body,
        scan_input_axes=[1],
        scan_input_directions=[1],
        scan_output_axes=[1],
    )
