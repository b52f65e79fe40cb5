"""Convolutions, pools, resizing and sampling of images."""

import numpy as np
from draw import F16, F32, F64, Case, family, vector


def window(draw, axes, dilated=True):
    """Kernel, strides, dilations and the sizes of an image that they fit into."""
    kernel = draw.ints(axes, 1, 4)
    strides = draw.maybe(draw.ints(axes, 1, 3), 0.7)
    dilations = draw.maybe(draw.ints(axes, 1, 3), 0.4) if dilated else None
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations or [1] * axes)]
    sizes = [draw.int(r, r + 6) for r in reach]
    return kernel, strides, dilations, reach, sizes


def padding(draw, axes, most):
    """auto_pad and pads; at most one of them says something."""
    auto = draw.pick(None, None, None, "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    if auto in (None, "NOTSET") and draw.chance(0.8):
        return auto, [draw.int(0, most[i % axes]) for i in range(2 * axes)]
    return auto, None


@family("Conv")
def conv(draw, op):
    axes = draw.pick(1, 2, 2, 2, 3)
    kernel, strides, dilations, _, sizes = window(draw, axes)
    groups = draw.pick(1, 1, 2, 3)
    depth, filters = draw.int(1, 4), draw.int(1, 5)
    if draw.chance(0.25):  # depthwise
        groups, depth, filters = draw.pick(4, 8, 16), 1, 1
    auto, pads = padding(draw, axes, [2] * axes)
    dtype = draw.pick(F32, F32, F32, F16)
    x = draw.array(dtype, (draw.int(1, 2), depth * groups, *sizes), -1, 1)
    w = draw.array(dtype, (filters * groups, depth, *kernel), -1, 1)
    bias = draw.maybe(draw.array(dtype, (filters * groups,)))
    attrs = {"kernel_shape": draw.maybe(kernel), "strides": strides, "dilations": dilations,
             "group": groups, "auto_pad": auto, "pads": pads}  # fmt: skip
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        attrs["dilations"] = None
    held = draw.pick((), (1,), (1, 2) if bias is not None else (1,))
    return Case(op, draw.opset(7, 11, 22), [x, w, bias], attrs=attrs, constants=held)


@family("ConvTranspose")
def conv_transpose(draw, op):
    axes = draw.pick(1, 2, 2, 3)
    kernel, strides, dilations, _, _ = window(draw, axes)
    sizes = draw.ints(axes, 1, 5)
    groups = draw.pick(1, 1, 2, 3)
    depth, filters = draw.int(1, 3), draw.int(1, 3)
    auto, pads = padding(draw, axes, [k // 2 for k in kernel])
    x = draw.array(F32, (draw.int(1, 2), depth * groups, *sizes), -1, 1)
    w = draw.array(F32, (depth * groups, filters, *kernel), -1, 1)
    bias = draw.maybe(draw.array(F32, (filters * groups,)))
    extra = draw.maybe([draw.int(0, max(0, s - 1)) for s in strides or [1] * axes], 0.4)
    attrs = {"kernel_shape": draw.maybe(kernel), "strides": strides, "dilations": dilations,
             "group": groups, "auto_pad": auto, "pads": pads, "output_padding": extra}  # fmt: skip
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        attrs |= {"dilations": None, "output_padding": None}
        if any(k < s for k, s in zip(kernel, strides or [1] * axes)):
            attrs["auto_pad"] = None
    elif draw.chance(0.3) and auto is None:
        whole = [(n - 1) * s + (k - 1) * d + 1 + e for n, s, k, d, e in zip(
            sizes, strides or [1] * axes, kernel, dilations or [1] * axes, extra or [0] * axes)]
        attrs |= {"output_shape": [max(1, n - draw.int(0, 1)) for n in whole], "pads": None}
    return Case(op, draw.opset(7, 11, 22), [x, w, bias], attrs=attrs,
                constants=draw.pick((), (1,)))


@family("MaxPool AveragePool LpPool")
def pool(draw, op):
    axes = draw.pick(1, 2, 2, 2, 3)
    opset = draw.opset(*{"MaxPool": (7, 8, 10, 11, 12, 22), "AveragePool": (7, 10, 11, 19, 22),
                         "LpPool": (7, 11, 18, 22)}[op])  # fmt: skip
    dilated = opset >= {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[op]
    kernel, strides, dilations, _, sizes = window(draw, axes, dilated)
    auto, pads = padding(draw, axes, [k // 2 if k > 1 else 0 for k in kernel])
    attrs = {"kernel_shape": kernel, "strides": strides, "dilations": dilations,
             "auto_pad": auto, "pads": pads}  # fmt: skip
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        attrs["dilations"] = None
        attrs["strides"] = [min(s, k) for s, k in zip(strides or [1] * axes, kernel)]
    ceil = opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[op]
    if ceil and auto in (None, "NOTSET"):
        attrs["ceil_mode"] = draw.maybe(draw.int(0, 1))
    outputs = 1
    if op == "AveragePool":
        attrs["count_include_pad"] = draw.maybe(draw.int(0, 1))
    if op == "LpPool":
        attrs["p"] = draw.maybe(draw.int(1, 4))
    dtype = F32
    if op == "MaxPool":
        outputs = draw.pick(1, 1, 2) if opset >= 8 else 1
        dtype = draw.pick(F32, *((F64,) if opset >= 8 else ()),
                          *((np.int8, np.uint8) if opset >= 12 else ()))  # fmt: skip
        if opset >= 8:
            attrs["storage_order"] = draw.maybe(draw.int(0, 1))
    x = draw.array(dtype, (draw.int(1, 2), draw.pick(1, 3, 8, 17), *sizes), style=draw.pick(
        "plain", "whole"))  # fmt: skip
    return Case(op, opset, [x], outputs, attrs)


@family("GlobalAveragePool GlobalMaxPool GlobalLpPool")
def global_pool(draw, op):
    attrs = {"p": draw.maybe(draw.int(1, 4))} if op == "GlobalLpPool" else {}
    x = draw.array(F32, (draw.int(1, 2), draw.int(1, 9), *draw.shape(1, 3, empty=0)))
    return Case(op, 7, [x], attrs=attrs)


@family("MaxUnpool")
def max_unpool(draw, op):
    n, c, h, w = draw.ints(4, 1, 3)
    x = draw.array(F32, (n, c, h, w))
    out = (n, c, 2 * h, 2 * w)
    places = np.stack([draw.rng.permutation(n * c * 4 * h * w)[: n * c * h * w]])
    assert out
    shape = None  # ONNX Runtime lets indices count in the shape given, the specification without it
    return Case(op, draw.opset(9, 11), [x, places.reshape(x.shape).astype(np.int64), shape],
                attrs={"kernel_shape": [2, 2], "strides": [2, 2]})


@family("MaxRoiPool")
def max_roi_pool(draw, op):
    n, c, h, w = draw.int(1, 2), draw.int(1, 3), draw.int(4, 9), draw.int(4, 9)
    count = draw.int(0, 4)
    starts = draw.rng.integers(0, 4, (count, 2))
    rois = np.concatenate([draw.rng.integers(0, n, (count, 1)), starts,
                           starts + draw.rng.integers(0, 6, (count, 2))], 1)  # fmt: skip
    attrs = {"pooled_shape": draw.ints(2, 1, 4), "spatial_scale": draw.pick(None, 0.5, 1.0)}
    return Case(op, 7, [draw.array(F32, (n, c, h, w)), rois.astype(F32)], attrs=attrs)


@family("RoiAlign")
def roi_align(draw, op):
    opset = draw.opset(10, 16)
    n, c, h, w = draw.int(1, 2), draw.int(1, 3), draw.int(3, 9), draw.int(3, 9)
    if draw.chance(0.4):
        c = draw.int(16, 40)
    count = draw.int(0, 12)
    starts = draw.rng.uniform(-1, 5, (count, 2))
    rois = np.concatenate([starts, starts + draw.rng.uniform(0, 6, (count, 2))], 1).astype(F32)
    attrs = {"mode": draw.pick(None, "avg"), "output_height": draw.maybe(draw.int(1, 4)),
             "output_width": draw.maybe(draw.int(1, 4)),
             "sampling_ratio": draw.maybe(draw.int(0, 3)),
             "spatial_scale": draw.pick(None, 0.5, 1.0)}  # fmt: skip
    if opset == 16:
        attrs["coordinate_transformation_mode"] = draw.pick(None, "half_pixel", "output_half_pixel")
    which = draw.rng.integers(0, n, count).astype(np.int64)
    return Case(op, opset, [draw.array(F32, (n, c, h, w)), rois, which], attrs=attrs)


@family("GridSample")
def grid_sample(draw, op):
    opset = draw.opset(16, 20, 22)
    axes = 2 if opset == 16 else draw.pick(2, 2, 3)
    sizes, grid = draw.ints(axes, 1, 6), draw.ints(axes, 1, 5)
    n = draw.int(1, 2)
    modes = ("bilinear", "nearest", "bicubic") if opset == 16 else ("linear", "nearest", "cubic")
    if axes == 3:
        modes = modes[:2]
    attrs = {"mode": draw.pick(None, *modes), "align_corners": draw.maybe(draw.int(0, 1)),
             "padding_mode": draw.pick(None, "zeros", "border", "reflection")}  # fmt: skip
    return Case(op, opset, [draw.array(F32, (n, draw.int(1, 3), *sizes)),
                            draw.array(F32, (n, *grid, axes), -1.4, 1.4)], attrs=attrs, atol=10)


@family("AffineGrid")
def affine_grid(draw, op):
    axes = draw.pick(2, 3)
    n = draw.int(1, 2)
    theta = draw.array(draw.pick(F32, F64), (n, axes, axes + 1))
    size = vector([n, draw.int(1, 3), *draw.ints(axes, 2, 5)])
    return Case(op, 20, [theta, size], attrs={"align_corners": draw.maybe(draw.int(0, 1))},
                constants=draw.pick((), (1,)))


MODES = {10: ("asymmetric",),
         11: ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
              "tf_half_pixel_for_nn", "tf_crop_and_resize"),
         13: ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
              "tf_crop_and_resize"),
         18: ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
              "tf_crop_and_resize"),
         19: ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
              "tf_crop_and_resize", "half_pixel_symmetric")}  # fmt: skip


@family("Resize")
def resize(draw, op):
    opset = draw.opset(10, 11, 13, 18, 19)
    mode = draw.pick("nearest", "linear", "cubic") if opset > 10 else draw.pick("nearest", "linear")
    rank = 4 if mode == "cubic" else draw.pick(3, 4, 4)
    scaled = 2 if rank == 4 else 1
    if mode != "cubic" and draw.chance(0.15):
        rank, scaled = 5, 3
    shape = [draw.int(1, 2), draw.int(1, 3), *draw.ints(rank - 2, 1, 7)]
    kind = draw.pick(*MODES[opset])
    attrs = {"mode": mode}
    dtype = F32 if mode == "cubic" else draw.pick(F32, F32, np.uint8, np.int32)
    if dtype != F32 and mode == "linear":
        dtype = F32
    x = draw.array(dtype, shape, 0, 9)
    scales = [1.0, 1.0, *(draw.pick(0.5, 0.6, 1.0, 1.5, 2.0, 2.7, 3.0) for _ in range(rank - 2))]
    scales = [max(s, 1.01 / n) if s < 1 else s for s, n in zip(scales, shape)]
    if opset == 10:
        return Case(op, opset, [x, np.array(scales, F32)], attrs=attrs,
                    constants=draw.pick((), (1,)))
    attrs["coordinate_transformation_mode"] = kind
    if mode == "nearest":
        attrs["nearest_mode"] = draw.pick(None, "round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil")  # fmt: skip
    if mode == "cubic":
        attrs["cubic_coeff_a"] = draw.pick(None, -0.5, -0.75)
    if mode in ("cubic", "linear") and draw.chance(0.4):
        attrs["exclude_outside"] = 1 if mode == "cubic" else None
    roi = None
    if kind == "tf_crop_and_resize":
        starts = draw.rng.uniform(0, 0.4, rank)
        ends = draw.rng.uniform(0.6, 1.2, rank)
        starts[: rank - scaled], ends[: rank - scaled] = 0, 1
        roi = np.concatenate([starts, ends]).astype(F32)
        attrs["extrapolation_value"] = draw.maybe(7.0)
        attrs["exclude_outside"] = None
    axes = None
    keep = list(range(rank))
    if opset >= 18 and draw.chance(0.4):
        keep = list(range(2, rank))
        axes = [a - rank if draw.chance(0.3) else a for a in keep]
        attrs["axes"] = axes
        if roi is not None:
            roi = np.concatenate([roi[keep], roi[[rank + a for a in keep]]])
    if opset >= 18 and mode != "nearest" and kind != "tf_crop_and_resize" and draw.chance(0.3):
        attrs |= {"antialias": 1, "exclude_outside": None}
    unlike = None
    if (mode, kind) == ("cubic", "align_corners") or kind == "tf_crop_and_resize":
        unlike = "differs from the specification's text and the ReferenceEvaluator, now and then"
    if draw.chance(0.4) or kind == "tf_crop_and_resize":
        # (With scales, only the specification's text multiplies by the length of the roi.)
        sizes = [max(1, int(n * s)) for n, s in zip(shape, scales)]
        if opset >= 18 and axes is not None and draw.chance(0.4):
            attrs["keep_aspect_ratio_policy"] = draw.pick("stretch", "not_larger", "not_smaller")
        return Case(op, opset, [x, roi, None, vector([sizes[a] for a in keep])], attrs=attrs,
                    constants=draw.pick((), (3,)), atol=10, unlike=unlike)
    given = np.array([scales[a] for a in keep], F32)
    return Case(op, opset, [x, roi, given], attrs=attrs, constants=draw.pick((), (2,)), atol=10,
                unlike=unlike)


@family("Upsample")
def upsample(draw, op):
    opset = draw.opset(7, 9)
    shape = (draw.int(1, 2), draw.int(1, 3), draw.int(1, 5), draw.int(1, 5))
    scales = [1.0, 1.0, draw.pick(1.0, 1.5, 2.0, 2.6, 3.0), draw.pick(1.0, 2.0, 2.5)]
    x = draw.array(F32, shape)
    attrs = {"mode": draw.pick("nearest", "linear")}
    if opset == 7:
        return Case(op, opset, [x], attrs=attrs | {"scales": scales})
    return Case(op, opset, [x, np.array(scales, F32)], attrs=attrs, constants=draw.pick((), (1,)))


@family("Col2Im")
def col2im(draw, op):
    axes = draw.pick(1, 2, 2, 3)
    image = draw.ints(axes, 2, 6)
    block = [draw.int(1, n) for n in image]
    strides, pads = draw.maybe(draw.ints(axes, 1, 2)), draw.maybe(draw.ints(2 * axes, 0, 1))
    dilations = None
    p = pads or [0] * (2 * axes)
    blocks = 1
    for i in range(axes):
        blocks *= (image[i] + p[i] + p[i + axes] - block[i]) // (strides or [1] * axes)[i] + 1
    x = draw.array(F32, (draw.int(1, 2), draw.int(1, 3) * int(np.prod(block)), blocks))
    return Case(op, 18, [x, vector(image), vector(block)],
                attrs={"strides": strides, "pads": pads, "dilations": dilations},
                constants=draw.pick((), (1, 2)))


@family("DeformConv")
def deform_conv(draw, op):
    kernel = draw.ints(2, 1, 3)
    strides, pads = draw.ints(2, 1, 2), draw.ints(4, 0, 1)
    dilations = draw.ints(2, 1, 2)
    sizes = [draw.int((k - 1) * d + 1, 8) for k, d in zip(kernel, dilations)]
    groups, offset_groups = draw.pick(1, 2), draw.pick(1, 2)
    channels, filters, n = 4, 2 * groups, draw.int(1, 2)
    out = [(sizes[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
           for i in range(2)]  # fmt: skip
    taps = offset_groups * kernel[0] * kernel[1]
    inputs = [draw.array(F32, (n, channels, *sizes)),
              draw.array(F32, (filters, channels // groups, *kernel)),
              draw.array(F32, (n, 2 * taps, *out), -1.7, 1.7),
              draw.maybe(draw.array(F32, (filters,))),
              draw.maybe(draw.array(F32, (n, taps, *out), 0, 1))]  # fmt: skip
    attrs = {"group": groups, "offset_group": offset_groups, "pads": pads, "strides": strides,
             "dilations": dilations, "kernel_shape": draw.maybe(kernel)}  # fmt: skip
    return Case(op, draw.opset(19, 22), inputs, attrs=attrs, atol=5)


@family("LRN")
def lrn(draw, op):
    attrs = {"size": draw.pick(1, 3, 5, 2, 4), "alpha": draw.maybe(0.01), "beta": draw.maybe(0.6),
             "bias": draw.maybe(1.5)}  # fmt: skip
    if attrs["size"] % 2 == 0:
        attrs["size"] += 1  # ONNX Runtime takes odd sizes alone
    shape = (draw.int(1, 2), draw.int(1, 9), *draw.ints(2, 1, 4))
    return Case(op, draw.opset(7, 13), [draw.array(F32, shape)], attrs=attrs)
