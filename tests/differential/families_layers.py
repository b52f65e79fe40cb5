"""Matrix products, normalisations, losses, recurrent layers, attention, transforms."""

import numpy as np
from draw import F16, F32, F64, Case, family, i64, vector


@family("MatMul")
def matmul(draw, op):
    m, k, n = draw.int(1, 9), draw.int(0 if draw.chance(0.05) else 1, 9), draw.int(1, 17)
    lead = draw.shape(0, 3, most=3)
    a, b = (*draw.broadcast(lead), m, k), (*draw.broadcast(lead), k, n)
    if draw.chance(0.1):
        a = (k,)
    if draw.chance(0.1):
        b = (k,)
    dtype = draw.pick(F32, F32, F64, F16, np.int32, np.int64, np.uint32, np.uint64)
    style = "extreme" if dtype in (np.int32, np.uint32) and draw.chance(0.3) else "plain"
    return Case(op, draw.opset(9, 13), [draw.array(dtype, a, style=style),
                                        draw.array(dtype, b, style=style)],
                constants=draw.pick((), (1,), (0,)))  # fmt: skip


@family("Gemm")
def gemm(draw, op):
    opset = draw.opset(7, 9, 11, 13)
    m, k, n = draw.ints(3, 1, 17)
    ta, tb = draw.int(0, 1), draw.int(0, 1)
    a = draw.array(F32, (k, m) if ta else (m, k))
    b = draw.array(F32, (n, k) if tb else (k, n))
    c = draw.array(F32, draw.pick((m, n), (n,), (1, n), (m, 1), (1, 1), (1,), ()))
    if opset >= 11 and draw.chance(0.2):
        c = None
    attrs = {"transA": ta or None, "transB": tb or None, "alpha": draw.maybe(0.5),
             "beta": draw.maybe(draw.pick(0.0, 2.5))}  # fmt: skip
    held = draw.pick((), (1,), (1, 2) if c is not None else (1,))
    return Case(op, opset, [a, b, c], attrs=attrs, constants=held)


EQUATIONS = ("ij,jk->ik", "ij,jk", "bij,bjk->bik", "...ij,...jk->...ik", "ii->i", "ii", "ij->ji",
             "ij->", "i,j->ij", "bhid,bhjd->bhij", "ij,ij->ij", "ijk->kj", "...i->...",
             "bij,bkj->bik", "i,i->", "ij,kj,kl->il", "...,...->...", "abc,c->ab", "iji->j",
             " i j , j k -> i k ", "...ii->...i", "ba,b->a", "ij,jk,kl,lm->im")  # fmt: skip


def random_equation(draw):
    """Terms of distinct labels, which share some; the output takes any of them in any order."""
    letters = "abcdef"[: draw.int(1, 6)]
    terms = []
    for _ in range(draw.pick(1, 2, 2, 2, 3)):
        picked = draw.rng.permutation(list(letters))[: draw.int(0, min(5, len(letters)))]
        terms.append("".join(picked))
    used = sorted(set("".join(terms)))
    output = draw.rng.permutation(used)[: draw.int(0, len(used))] if used else []
    return ",".join(terms) + "->" + "".join(output)


@family("Einsum")
def einsum(draw, op):
    equation = draw.pick(*EQUATIONS) if draw.chance(0.4) else random_equation(draw)
    sizes = {letter: draw.int(1, 4) for letter in "abcdefghijklm"}
    lead = draw.shape(0, 2, most=3, empty=0)
    inputs = []
    dtype = draw.pick(F32, F32, F64, np.int32, np.int64)
    for term in equation.replace(" ", "").split("->")[0].split(","):
        letters = term.replace("...", ".")
        shape = []
        for letter in letters:
            shape += list(lead) if letter == "." else [sizes[letter]]
        inputs.append(draw.array(dtype, shape))
    return Case(op, 12, inputs, attrs={"equation": equation}, atol=4)


@family("Det")
def det(draw, op):
    n = draw.int(1, 5)
    return Case(op, 11, [draw.array(F32, (*draw.shape(0, 2, most=3), n, n))], atol=4)


@family("BatchNormalization")
def batch_normalization(draw, op):
    opset = draw.opset(7, 9, 14, 15)
    channels = draw.int(1, 5)
    x = draw.array(F32, (draw.int(1, 3), channels, *draw.shape(0, 3)))
    parts = [draw.array(F32, (channels,)) for _ in range(3)]
    variance = draw.array(F32, (channels,), 0.1, 2)
    attrs = {"epsilon": draw.maybe(0.01), "momentum": draw.maybe(0.7)}
    outputs = 1
    if opset >= 14 and draw.chance(0.3) and x.size > channels:
        attrs["training_mode"] = 1
        outputs = draw.pick(1, 3)
    return Case(op, opset, [x, *parts, variance], outputs, attrs,
                constants=draw.pick((), (1, 2, 3, 4)), atol=4)


@family("InstanceNormalization")
def instance_normalization(draw, op):
    channels = draw.int(1, 4)
    x = draw.array(F32, (draw.int(1, 3), channels, *draw.shape(1, 3, empty=0)))
    return Case(op, 7, [x, draw.array(F32, (channels,)), draw.array(F32, (channels,))],
                attrs={"epsilon": draw.maybe(0.01)}, atol=10, rtol=5)


@family("LayerNormalization RMSNormalization")
def layer_normalization(draw, op):
    shape = draw.shape(1, 4, empty=0)
    axis = draw.axis(len(shape))
    attrs = {"axis": axis, "epsilon": draw.maybe(0.01)}
    full = shape[axis % len(shape):]
    dtype = draw.pick(F32, F32, F64, F16)
    inputs = [draw.array(dtype, shape), draw.array(dtype, full)]
    outputs = 1
    if op == "LayerNormalization":
        inputs.append(draw.maybe(draw.array(dtype, full)))
        outputs = draw.pick(1, 1, 3)
        if dtype is not F32 and outputs == 3:
            inputs = [each if each is None else each.astype(F32) for each in inputs]
    return Case(op, 17 if op == "LayerNormalization" else 23, inputs, outputs, attrs,
                constants=draw.pick((), (1,)), atol=20, rtol=5)


@family("GroupNormalization")
def group_normalization(draw, op):
    opset = draw.opset(18, 21)
    groups, each = draw.int(1, 3), draw.int(1, 3)
    count = groups if opset == 18 else groups * each
    x = draw.array(F32, (draw.int(1, 2), groups * each, *draw.ints(2, 2, 4)))
    return Case(op, opset, [x, draw.array(F32, (count,)), draw.array(F32, (count,))],
                attrs={"num_groups": groups, "epsilon": draw.maybe(0.01)}, atol=10, rtol=5)


@family("LpNormalization")
def lp_normalization(draw, op):
    shape = draw.shape(1, 4, empty=0)
    return Case(op, 7, [draw.array(F32, shape)],
                attrs={"axis": draw.maybe(draw.axis(len(shape))), "p": draw.pick(None, 1, 2)})


@family("MeanVarianceNormalization")
def mean_variance_normalization(draw, op):
    shape = (2, 3, 4, 3)
    return Case(op, draw.opset(9, 13), [draw.array(F32, shape)],
                attrs={"axes": draw.maybe(draw.axes(4, False))}, atol=10)


@family("NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss")
def losses(draw, op):
    classes = draw.int(1, 5)
    lead = (draw.int(1, 3), *draw.shape(0, 2, empty=0))
    scores = draw.array(draw.pick(F32, F64), (lead[0], classes, *lead[1:]))
    labels = draw.rng.integers(0, classes, lead).astype(draw.pick(np.int32, np.int64))
    attrs = {"reduction": draw.pick(None, "none", "sum", "mean")}
    if draw.chance(0.4):
        attrs["ignore_index"] = draw.pick(0, -1)
        labels = np.where(draw.rng.random(lead) < 0.2, attrs["ignore_index"], labels)
        labels.flat[0] = classes - 1
        labels = labels.astype(np.int64)
    weights = draw.maybe(draw.array(scores.dtype, (classes,), 0.1, 2))
    outputs = draw.pick(1, 2) if op == "SoftmaxCrossEntropyLoss" else 1
    if attrs.get("ignore_index") == classes - 1:
        attrs["ignore_index"] = None
        labels = np.abs(labels)
    return Case(op, draw.opset(12, 13), [scores, labels, weights], outputs, attrs)


# ---- Recurrent layers

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ACTIVATIONS = ("Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
               "HardSigmoid", "Elu", "Softsign", "Softplus")  # fmt: skip


@family("RNN GRU LSTM")
def recurrent(draw, op):
    opset = draw.opset(7, 14, 22)
    gates = GATES[op]
    length, batch, width, hidden = draw.int(1, 5), draw.int(1, 3), draw.int(1, 5), draw.int(1, 6)
    direction = draw.pick(None, "forward", "reverse", "bidirectional")
    ways = 2 if direction == "bidirectional" else 1
    layout = None  # ONNX Runtime has no other
    x = draw.array(F32, (length, batch, width), -1, 1)
    w = draw.array(F32, (ways, gates * hidden, width), -1, 1)
    r = draw.array(F32, (ways, gates * hidden, hidden), -1, 1)
    b = draw.maybe(draw.array(F32, (ways, 2 * gates * hidden), -1, 1), 0.7)
    lengths = draw.maybe(draw.rng.integers(1, length + 1, batch).astype(np.int32))
    h = draw.maybe(draw.array(F32, (ways, batch, hidden), -1, 1))
    inputs = [x, w, r, b, lengths, h]
    attrs = {"hidden_size": hidden, "direction": direction, "layout": layout,
             "clip": draw.maybe(draw.pick(0.3, 2.0), 0.3)}  # fmt: skip
    if op == "LSTM":
        inputs += [draw.maybe(draw.array(F32, (ways, batch, hidden), -1, 1)),
                   draw.maybe(draw.array(F32, (ways, 3 * hidden), -1, 1))]  # fmt: skip
        attrs["input_forget"] = draw.maybe(draw.int(0, 1), 0.3)
    if op == "GRU":
        attrs["linear_before_reset"] = draw.maybe(draw.int(0, 1))
    if draw.chance(0.3):
        names = [draw.pick(*ACTIVATIONS) for _ in range({"RNN": 1, "GRU": 2, "LSTM": 3}[op] * ways)]
        attrs["activations"] = names
        if any(name in ("Affine", "ScaledTanh", "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Elu")
               for name in names):  # fmt: skip
            attrs["activations"] = [draw.pick("Relu", "Tanh", "Sigmoid", "Softsign", "Softplus")
                                    for _ in names]  # fmt: skip
            if draw.chance():
                attrs |= {"activations": ["HardSigmoid"] * len(names),
                          "activation_alpha": [0.3] * len(names),
                          "activation_beta": [0.4] * len(names)}  # fmt: skip
    outputs = [draw.chance(0.8) for _ in range(3 if op == "LSTM" else 2)]
    if not any(outputs):
        outputs[-1] = True
    return Case(op, opset, inputs, outputs, attrs, constants=draw.pick((), (1, 2)), atol=3)


# ---- Attention


@family("Attention")
def attention(draw, op):
    opset = draw.opset(23, 24)
    batch, width = draw.int(1, 2), draw.pick(4, 8)
    kv_heads = draw.int(1, 2)
    heads = kv_heads * draw.int(1, 2)
    queries, keys = draw.int(1, 5), draw.int(1, 6)
    value_width = draw.pick(width, 5)
    past = draw.int(1, 4) if draw.chance(0.3) else 0
    dtype = F32
    flat = draw.chance(0.3)

    def tensor(count, length, size):
        if flat:
            return draw.array(dtype, (batch, length, count * size), -1, 1)
        return draw.array(dtype, (batch, count, length, size), -1, 1)

    inputs = [tensor(heads, queries, width), tensor(kv_heads, keys, width),
              tensor(kv_heads, keys, value_width)]  # fmt: skip
    total = past + keys
    mask = None
    if draw.chance():
        shape = draw.pick((queries, total), (1, 1, queries, total), (batch, heads, queries, total),
                          (batch, 1, queries, total))  # fmt: skip
        mask = draw.array(draw.pick(np.bool_, dtype), shape)
        if mask.dtype == np.bool_:
            mask[..., 0] = True
    inputs.append(mask)
    if past:
        inputs += [draw.array(dtype, (batch, kv_heads, past, width), -1, 1),
                   draw.array(dtype, (batch, kv_heads, past, value_width), -1, 1)]  # fmt: skip
    attrs = {"is_causal": draw.maybe(draw.int(0, 1)), "scale": draw.maybe(0.4),
             "softcap": draw.maybe(2.0, 0.3),
             "qk_matmul_output_mode": draw.maybe(draw.int(0, 3), 0.4)}  # fmt: skip
    if flat:
        attrs |= {"q_num_heads": heads, "kv_num_heads": kv_heads}
    scores = attrs["qk_matmul_output_mode"] is not None
    outputs = [True, bool(past), bool(past), scores] if past or scores else [True]
    unlike = None
    if attrs["is_causal"] and queries == 1:
        unlike = "lets a query that stands alone see keys behind it"
        if mask is not None and mask.dtype == np.bool_:  # of which the ReferenceEvaluator makes NaN
            inputs[3] = np.where(mask, 0, -np.inf).astype(dtype)
    return Case(op, opset, inputs, outputs, attrs, atol=4, lowest=-np.inf, unlike=unlike)


@family("RotaryEmbedding")
def rotary_embedding(draw, op):
    batch, length, heads = draw.int(1, 2), draw.int(1, 5), draw.int(1, 3)
    width = draw.pick(4, 8)
    rotary = draw.pick(0, 0, 4)
    half = (rotary or width) // 2
    flat = draw.chance()
    x = draw.array(F32, (batch, length, heads * width) if flat else (batch, heads, length, width))
    attrs = {"interleaved": draw.maybe(draw.int(0, 1)), "rotary_embedding_dim": rotary or None}
    if flat or rotary:
        attrs["num_heads"] = heads
    if draw.chance():
        places = draw.rng.integers(0, 7, (batch, length)).astype(np.int64)
        tables = (7, half)
    else:
        places, tables = None, (batch, length, half)
    return Case(op, 23, [x, draw.array(F32, tables), draw.array(F32, tables), places], attrs=attrs)


# ---- Transforms


@family("DFT")
def dft(draw, op):
    opset = draw.opset(17, 20)
    signal = [draw.int(1, 3), *draw.ints(draw.int(1, 2), 1, 9)]
    parts = draw.pick(1, 2)
    inverse = draw.maybe(draw.int(0, 1)) if parts == 2 else None
    attrs = {"inverse": inverse}
    if not inverse:
        attrs["onesided"] = draw.maybe(1) if parts == 1 else None
    axis = draw.int(1, len(signal) - 1)
    axis = axis - len(signal) - 1 if draw.chance(0.3) else axis
    length = draw.maybe(np.array(draw.int(1, 12), np.int64), 0.4)
    x = draw.array(draw.pick(F32, F64), (*signal, parts))
    unlike = "computes some lengths in f32" if x.dtype == F64 else None
    if opset == 17:
        attrs["axis"] = axis
        return Case(op, opset, [x, length], attrs=attrs, atol=20, unlike=unlike)
    return Case(op, opset, [x, length, np.array(axis, np.int64)], attrs=attrs, atol=20,
                unlike=unlike)


@family("STFT")
def stft(draw, op):
    length, frame, step = draw.int(8, 30), draw.pick(4, 8, 5), draw.int(1, 4)
    signal = draw.array(F32, (draw.int(1, 2), length, 1))
    window = draw.maybe(draw.array(F32, (frame,), 0, 1))
    return Case(op, 17, [signal, np.array(step, np.int64), window,
                         np.array(frame, np.int64) if window is None or draw.chance() else None],
                attrs={"onesided": draw.maybe(draw.int(0, 1))}, atol=20)  # fmt: skip


assert i64 and vector
