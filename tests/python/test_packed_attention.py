"""PackedAttention and PackedMultiHeadAttention, for which ONNX Runtime has no kernel on processors:
beside its operators for padded sequences, where padding is cut off behind them."""

import numpy as np
import pytest
from beside_oracle import check_defined, make_model, oracle, random

F32, I32 = np.float32, np.int32
LENGTHS, LONGEST, HEADS, SIZE = [3, 5, 1], 5, 2, 8
TOKENS, WIDTH = sum(LENGTHS), HEADS * SIZE
BOUNDS = np.array([0, *np.cumsum(LENGTHS)], I32)
SHOWN = np.arange(LONGEST) < np.array(LENGTHS)[:, None]
OFFSETS = np.concatenate([np.flatnonzero(SHOWN), np.flatnonzero(~SHOWN)]).astype(I32)
OFFSETS = OFFSETS.reshape(SHOWN.shape)


def padded(packed):
    rows = np.zeros((*SHOWN.shape, *packed.shape[1:]), packed.dtype)
    rows[SHOWN] = packed
    return rows


def by_oracle(op, inputs, **attrs):
    """Of what is no padding."""
    model, feeds = make_model(op, inputs, [F32], attrs)
    return oracle(model).run(None, feeds)[0][SHOWN]


@pytest.mark.parametrize("biased", [None, 1, 3])
@pytest.mark.parametrize("attrs", [{}, {"scale": 0.3}, {"qkv_hidden_sizes": [16, 16, 12]}])
def test_packed(biased, attrs):
    columns = sum(attrs.get("qkv_hidden_sizes", [WIDTH] * 3))
    x, weights, bias = random(TOKENS, 24), random(24, columns, scale=0.3), random(columns)
    scores = None if biased is None else random(biased, HEADS, LONGEST, LONGEST)
    attrs = {"num_heads": HEADS} | attrs
    lengths = np.array(LENGTHS, I32)
    theirs = None if scores is None else np.broadcast_to(scores, (3, *scores.shape[1:]))
    wanted = by_oracle("Attention", [padded(x), weights, bias, lengths, None, theirs], **attrs)
    inputs = [x, weights, bias, OFFSETS, BOUNDS, scores]
    check_defined("PackedAttention", inputs, [wanted], constants=(1, 2), **attrs)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("added", [None, 1, 3])
def test_packed_heads(biased, side_by_side, added):
    value_width = WIDTH if side_by_side else 12
    q, k, v = random(TOKENS, WIDTH), random(TOKENS, WIDTH, seed=1), random(TOKENS, value_width, seed=2)
    bias = random(2 * WIDTH + value_width) if biased else None
    scores = None if added is None else random(added, HEADS, LONGEST, LONGEST)
    lengths, attrs = np.array(LENGTHS, I32), {"num_heads": HEADS, "scale": 0.4}
    theirs = [padded(q), padded(k), padded(v), bias, lengths, scores]
    wanted = by_oracle("MultiHeadAttention", theirs, **attrs)
    operands = [q, k, v]
    if side_by_side:
        heads = [each.reshape(TOKENS, HEADS, 1, SIZE) for each in operands]
        operands = [np.concatenate(heads, 2), None, None]
    check_defined("PackedMultiHeadAttention", [*operands, bias, OFFSETS, BOUNDS, scores], [wanted],
                  **attrs)
