"""LongformerAttention, for which ONNX Runtime has no kernel on processors, beside its definition."""

import numpy as np
import pytest
from beside_oracle import check_defined, make_model, random

import sardonyx

F32, I32 = np.float32, np.int32
BATCH, LENGTH, HEADS, SIZE = 2, 12, 2, 4
WIDTH = HEADS * SIZE


def heads_of(x, weight, bias):
    parts = np.split(x @ weight + bias, 3, -1)
    return [each.reshape(BATCH, LENGTH, HEADS, SIZE) for each in parts]


def longformer(x, weight, bias, mask, global_weight, global_bias, is_global, window):
    local, everywhere = heads_of(x, weight, bias), heads_of(x, global_weight, global_bias)
    y = np.zeros((BATCH, LENGTH, HEADS, SIZE))
    for item, row, head in np.ndindex(BATCH, LENGTH, HEADS):
        q, k, v = everywhere if is_global[item, row] else local
        columns = [j for j in range(LENGTH) if mask[item, j] == 0 and
                   (is_global[item, row] or is_global[item, j] or abs(row - j) <= window)]
        scores = k[item, columns, head] @ q[item, row, head] / np.sqrt(SIZE)
        weights = np.exp(scores - scores.max())
        y[item, row, head] = weights @ v[item, columns, head] / weights.sum()
    return y.reshape(BATCH, LENGTH, WIDTH)


def operands(padded):
    x = random(BATCH, LENGTH, WIDTH)
    weight, global_weight = (random(WIDTH, 3 * WIDTH, seed=i, scale=0.5) for i in (1, 2))
    bias, global_bias = (random(3 * WIDTH, seed=i) for i in (3, 4))
    mask, is_global = np.zeros((BATCH, LENGTH), F32), np.zeros((BATCH, LENGTH), I32)
    is_global[0, [0, 5]] = is_global[1, 1] = 1
    if padded:
        mask[1, 9:] = -10000
    return x, weight, bias, mask, global_weight, global_bias, is_global


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("padded", [False, True])
def test_longformer(window, padded):
    inputs = operands(padded)
    wanted = longformer(*inputs, window).astype(F32)
    check_defined("LongformerAttention", list(inputs), [wanted], constants=(1, 2, 4, 5),
                  num_heads=HEADS, window=window)


def test_padding_without_neighbours():
    """Rows that see padding alone have numbers, whatever they are."""
    inputs = list(operands(False))
    inputs[3][1, 3:] = -10000
    model, feeds = make_model("LongformerAttention", inputs, [F32], {"num_heads": HEADS, "window": 1})
    got = sardonyx.InferenceSession(model).run(None, feeds)[0]
    assert np.isfinite(got).all()


def test_no_window():
    inputs = list(operands(False))
    model, feeds = make_model("LongformerAttention", inputs, [F32], {"num_heads": HEADS, "window": 0})
    with pytest.raises(Exception, match="window 0"):
        sardonyx.InferenceSession(model).run(None, feeds)
