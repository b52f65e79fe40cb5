"""Operators that move elements by indices: gathering, scattering, slicing, selecting."""

import numpy as np
from draw import F16, F32, F64, FLOATS, INTEGERS, Case, family, i64, vector

ANY = (*FLOATS, *INTEGERS, np.bool_, object)
INDEX = (np.int32, np.int64)


def indices(draw, dtype, shape, bound):
    return draw.rng.integers(-bound, bound, shape).astype(dtype)


@family("Gather")
def gather(draw, op):
    shape = draw.shape(1, 4, empty=0)
    dtype = draw.pick(*ANY)
    # Of blocks of strings ONNX Runtime gathers the first one only.
    axis = -1 if dtype is object else draw.axis(len(shape))
    which = indices(draw, draw.pick(*INDEX), draw.shape(0, 3), shape[axis])
    return Case(op, draw.opset(11, 13), [draw.array(dtype, shape), which],
                attrs={"axis": axis}, constants=draw.pick((), (0,), (1,)))


@family("GatherElements")
def gather_elements(draw, op):
    shape = draw.shape(1, 4, empty=0)
    axis = draw.axis(len(shape))
    taken = [draw.int(1, dim) for dim in shape]
    taken[axis] = draw.int(0, 6)
    which = indices(draw, draw.pick(*INDEX), taken, shape[axis])
    return Case(op, draw.opset(11, 13), [draw.array(draw.pick(*ANY), shape), which],
                attrs={"axis": axis})


@family("GatherND")
def gather_nd(draw, op):
    shape = draw.shape(1, 4, empty=0)
    batch = draw.int(0, len(shape) - 1) if draw.chance(0.4) else 0
    depth = draw.int(1, len(shape) - batch)
    lead = [*shape[:batch], *draw.shape(0, 2)]
    if not lead:
        lead = [2]
    which = np.stack([indices(draw, np.int64, lead, shape[batch + i]) for i in range(depth)], -1)
    return Case(op, 12, [draw.array(draw.pick(*ANY), shape), which],
                attrs={"batch_dims": batch or None})


@family("ScatterElements")
def scatter_elements(draw, op):
    opset = draw.opset(11, 13, 16, 18)
    shape = draw.shape(1, 4, empty=0)
    axis = draw.axis(len(shape))
    taken = [draw.int(1, dim) for dim in shape]
    reduction = None
    if opset >= 16:
        reduction = draw.pick(None, "add", "mul", *(("max", "min") if opset >= 18 else ()))
    if reduction in (None, "none"):  # no element is written twice
        which = np.argsort(draw.rng.random(shape), axis)
        which = which[tuple(slice(0, t) for t in taken)].astype(draw.pick(*INDEX))
    else:
        taken[axis] = draw.int(0, 6)
        which = indices(draw, draw.pick(*INDEX), taken, shape[axis])
    dtype = draw.pick(F32, F64, F16, np.int32, np.int64, np.int8, np.uint8)
    return Case(op, opset, [draw.array(dtype, shape), which, draw.array(dtype, which.shape)],
                attrs={"axis": axis, "reduction": reduction}, constants=draw.pick((), (1,)), atol=4)


@family("ScatterND")
def scatter_nd(draw, op):
    opset = draw.opset(11, 13, 16, 18)
    shape = draw.shape(1, 4, empty=0)
    depth = draw.int(1, len(shape))
    reduction = None
    if opset >= 16:
        reduction = draw.pick(None, "add", "mul", *(("max", "min") if opset >= 18 else ()))
    places = int(np.prod(shape[:depth]))
    count = draw.int(0, places)
    if reduction is None:
        flat = draw.rng.permutation(places)[:count]
    else:
        flat = draw.rng.integers(0, places, count)
    which = np.stack(np.unravel_index(flat, shape[:depth]), -1).astype(np.int64)
    if draw.chance():
        which = np.where(draw.rng.random(which.shape) < 0.5, which - np.array(shape[:depth]), which)
    dtype = draw.pick(F32, F64, np.int32, np.int64)
    updates = draw.array(dtype, (count, *shape[depth:]))
    return Case(op, opset, [draw.array(dtype, shape), which, updates],
                attrs={"reduction": reduction}, atol=4)


@family("Slice")
def slice_(draw, op):
    opset = draw.opset(7, 10, 11, 13)
    shape = draw.shape(1, 4)
    axes = draw.axes(len(shape), opset >= 10)
    limit = draw.pick(8, 8, 2**31 - 1, 2**62)
    starts = [draw.int(-8, 8) for _ in axes]
    ends = [draw.pick(draw.int(-8, 8), limit, -limit) for _ in axes]
    dtype = draw.pick(*ANY)
    x = draw.array(dtype, shape)
    if opset == 7:
        plain = [a % len(shape) for a in axes]
        return Case(op, opset, [x], attrs={"starts": starts, "ends": ends, "axes": plain})
    if draw.chance(0.2):
        axes = list(range(len(axes)))
        given = None
    else:
        given = axes
    steps = [draw.pick(1, 2, 3, -1, -2, 7, -7) for _ in axes] if draw.chance(0.6) else None
    kind = np.int32 if limit < 2**31 and draw.chance() else np.int64
    inputs = [x, *(None if each is None else np.array(each, kind)
                   for each in (starts, ends, given, steps))]  # fmt: skip
    held = tuple(i for i in range(1, 5) if inputs[i] is not None)
    return Case(op, opset, inputs, constants=draw.pick((), held))


@family("Compress")
def compress(draw, op):
    shape = draw.shape(1, 3, empty=0)
    axis = draw.maybe(draw.axis(len(shape)))
    length = int(np.prod(shape)) if axis is None else shape[axis]
    condition = draw.array(np.bool_, (draw.int(1, length),))
    return Case(op, draw.opset(9, 11) if axis is None or axis >= 0 else 11,
                [draw.array(draw.pick(F32, np.int64, object), shape), condition],
                attrs={"axis": axis})


@family("OneHot")
def one_hot(draw, op):
    shape = draw.shape(0, 3)
    depth = draw.int(1, 5)
    kind, dtype, count = draw.pick((np.int64, np.int64, np.int64), (np.int64, F32, np.int64),
                                   (np.int32, F32, np.int32), (F32, np.int64, np.int64),
                                   (F32, F32, F32))  # fmt: skip
    which = draw.rng.integers(-depth - 2, depth + 2, shape).astype(kind)
    axis = draw.int(-len(shape) - 1, len(shape)) if shape else -1
    judge = None
    if not shape:  # which ONNX Runtime does not take

        def judge(index, length, values):
            place = int(index) + (depth if index < 0 else 0)
            return np.array([values[int(i == place)] for i in range(depth)], dtype)

    return Case(op, 11, [which, np.array(depth if draw.chance() else [depth], count),
                         draw.array(dtype, (2,), -5, 5)], attrs={"axis": axis},
                constants=draw.pick((), (1,)), judge=judge)  # fmt: skip


@family("ReverseSequence")
def reverse_sequence(draw, op):
    shape = draw.shape(2, 4, empty=0)
    batch = draw.int(0, 1)
    time = 1 - batch
    lengths = draw.rng.integers(1, shape[time] + 1, shape[batch]).astype(np.int64)
    return Case(op, 10, [draw.array(draw.pick(*ANY), shape), lengths],
                attrs={"batch_axis": batch, "time_axis": time})


@family("Trilu")
def trilu(draw, op):
    shape = draw.shape(2, 4)
    k = draw.maybe(np.array(draw.int(-8, 8), np.int64))
    dtype = draw.pick(F32, F64, np.int64, np.bool_)
    return Case(op, 14, [draw.array(dtype, shape), k], attrs={"upper": draw.maybe(draw.int(0, 1))})


@family("Pad")
def pad(draw, op):
    opset = draw.opset(7, 11, 13, 18, 19, 21)
    shape = draw.shape(1, 4, empty=0)
    rank = len(shape)
    modes = ("constant", "reflect", "edge") + (("wrap",) if opset >= 19 else ())
    mode = draw.pick(*modes)
    axes = draw.axes(rank) if opset >= 18 and draw.chance() else None
    padded = [a % rank for a in axes] if axes is not None else list(range(rank))

    def amount(axis):
        if mode == "reflect":
            return draw.int(0, shape[axis] - 1)
        if draw.chance(0.2) and mode == "constant":
            return -draw.int(0, (shape[axis] - 1) // 2)
        return draw.int(0, 3)

    pads = [amount(axis) for axis in padded] + [amount(axis) for axis in padded]
    value = draw.maybe(1)
    if opset == 7:
        return Case(op, opset, [draw.array(F32, shape)],
                    attrs={"mode": mode, "pads": pads, "value": value and 2.5})
    dtype = draw.pick(F32, F64) if opset < 13 else draw.pick(F32, F64, np.int32, np.int64, np.int8,
                                                              np.uint8, np.bool_)  # fmt: skip
    value = value and draw.array(dtype, ())
    inputs = [draw.array(dtype, shape), vector(pads), value]
    if opset >= 18:
        inputs.append(None if axes is None else np.array(axes, draw.pick(*INDEX)))
    return Case(op, opset, inputs, attrs={"mode": mode},
                constants=draw.pick((), (1,)))


@family("NonMaxSuppression")
def non_max_suppression(draw, op):
    batches, classes, boxes = draw.int(1, 2), draw.int(1, 3), draw.int(1, 12)
    if draw.chance(0.3):
        boxes = draw.int(65, 200)
    reach = draw.pick(4, 40)
    corners = draw.rng.uniform(0, reach, (batches, boxes, 4)).astype(F32)
    if draw.chance():
        corners[..., 2:] = corners[..., :2] + draw.rng.uniform(0, 4, (batches, boxes, 2))
    centred = draw.maybe(draw.int(0, 1))
    if draw.chance():
        corners = np.round(corners)
    scores = draw.array(F32, (batches, classes, boxes), 0, 1)
    if draw.chance(0.3):
        scores = (np.round(scores * 4) / 4).astype(F32)  # ties
    optional = [draw.maybe(i64(draw.pick(draw.int(0, 5), 150)), 0.8),
                draw.maybe(np.array([draw.rng.uniform(0, 1)], F32), 0.8),
                draw.maybe(np.array([draw.rng.uniform(0, 1)], F32))]  # fmt: skip
    while optional and optional[-1] is None:
        optional.pop()
    return Case(op, draw.opset(10, 11), [corners, scores, *optional],
                attrs={"center_point_box": centred})


@family("TensorScatter")
def tensor_scatter(draw, op):
    batch, heads, length, width = draw.int(1, 3), draw.int(1, 3), draw.int(2, 6), draw.int(1, 4)
    mode = draw.pick(None, "linear", "circular")
    fresh = draw.int(1, length)
    most = length - 1 if mode == "circular" else length - fresh
    places = draw.maybe(draw.rng.integers(0, most + 1, batch).astype(np.int64), 0.8)
    dtype = draw.pick(F32, np.int64, F16)
    return Case(op, 24, [draw.array(dtype, (batch, heads, length, width)),
                         draw.array(dtype, (batch, heads, fresh, width)), places],
                attrs={"mode": mode})  # fmt: skip
