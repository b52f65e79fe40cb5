"""NGramHashMapping and VarlenNGramHashMapping, beside ONNX Runtime."""

import numpy as np
import pytest
from beside_oracle import check, make_model, oracle

import sardonyx

I32, I64 = np.int32, np.int64
EOS, PAD = 3, 7


def operands(shape, dtype, orders, heads, rng):
    """Small ids, among which the end is now and then, and multipliers that overflow."""
    most = np.iinfo(dtype).max
    ids = rng.integers(0, 9, shape).astype(dtype)
    multipliers = rng.integers(-most, most, orders).astype(dtype)
    sizes = rng.integers(1, 1000, (orders - 1) * heads).astype(dtype)
    offsets = rng.integers(0, most, sizes.shape).astype(dtype)
    return ids, multipliers, sizes, offsets


def trimmed(inputs):
    while inputs[-1] is None:
        inputs.pop()
    return inputs


@pytest.mark.parametrize("dtype", [I32, I64])
@pytest.mark.parametrize("orders, heads", [(2, 1), (4, 3)])
@pytest.mark.parametrize("reset", [0, 1])
@pytest.mark.parametrize("parts", range(16))
def test_rows(dtype, orders, heads, reset, parts):
    rng = np.random.default_rng(parts)
    ids, multipliers, sizes, offsets = operands((3, 9), dtype, orders, heads, rng)
    past = rng.integers(0, 9, (3, orders - 1)).astype(dtype)
    segments = rng.integers(0, 2, (3, 9)).cumsum(1).astype(I32)
    chosen = [part if parts >> i & 1 else None for i, part in
              enumerate((past, offsets, np.array(EOS, dtype), segments))]
    check("NGramHashMapping", trimmed([ids, multipliers, sizes, *chosen]), [dtype, dtype],
          max_ngram_size=orders, n_head_per_ngram=heads, pad_id=PAD, reset_on_eos=reset)


@pytest.mark.parametrize("dtype", [I32, I64])
@pytest.mark.parametrize("reset", [0, 1])
@pytest.mark.parametrize("parts", range(16))
@pytest.mark.parametrize("capacity", [0, 4])
def test_packed(dtype, reset, parts, capacity):
    orders, heads, rng = 4, 2, np.random.default_rng(parts)
    ids, multipliers, sizes, offsets = operands(16, dtype, orders, heads, rng)
    bounds = np.array([0, 5, 6, 16], I32)
    past = rng.integers(0, 9, (3, orders - 1)).astype(dtype)
    segments = rng.integers(0, 2, 16).cumsum().astype(I32)
    before = rng.integers(0, 2, (3, orders - 1)).cumsum(1).astype(I32)
    has_segments = parts >> 3 & 1
    chosen = [part if parts >> i & 1 else None for i, part in
              enumerate((past, offsets, np.array(EOS, dtype), segments))]
    captures = np.array([2, 3, 9], I32) if capacity else None
    attrs = {"max_ngram_size": orders, "n_head_per_ngram": heads, "pad_id": PAD,
             "reset_on_eos": reset, "state_update_capacity": capacity}
    for history in (None, before) if has_segments else (None,):
        inputs = trimmed([ids, multipliers, sizes, bounds, *chosen, history, captures])
        outputs = [dtype, dtype, I32 if has_segments else None, dtype if capacity else None]
        check("VarlenNGramHashMapping", inputs, outputs, **attrs)


def test_one_after_the_other():
    """The ids and segments that a call gives are what the next one takes."""
    rng = np.random.default_rng(0)
    ids, multipliers, sizes, _ = operands(12, I64, 3, 2, rng)
    segments = rng.integers(0, 2, 12).cumsum().astype(I32)
    attrs = {"max_ngram_size": 3, "n_head_per_ngram": 2, "pad_id": PAD, "reset_on_eos": 1}

    def run(part, past, before):
        inputs = [ids[part], multipliers, sizes, np.array([0, len(ids[part])], I32), past, None,
                  np.array(EOS, I64), segments[part], before]
        model, feeds = make_model("VarlenNGramHashMapping", inputs, [I64, I64, I32], attrs)
        return sardonyx.InferenceSession(model).run(None, feeds)

    whole = run(slice(0, 12), None, None)
    first = run(slice(0, 7), None, None)
    second = run(slice(7, 12), first[1], first[2])
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), whole[0])
    for ours, theirs in zip(second[1:], whole[1:]):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "change, message",
    [
        ({2: np.zeros(2, I64)}, r"vocab_sizes\[0\] is 0"),
        ({1: np.ones(1, I64)}, "multipliers has 1 numbers, expected 2"),
        ({3: np.array([0, 3, 2, 6], I32)}, "must count up from 0 to 6"),
        ({3: np.array([0, 3, 5], I32)}, "must count up from 0 to 6"),
        ({4: np.zeros((1, 1), I64)}, "past_ids is 1x1, expected 2 numbers"),
    ],
)
def test_wrong_operands(change, message):
    inputs = [np.arange(6), np.ones(2, I64), np.full(2, 5, I64), np.array([0, 4, 6], I32), None]
    for index, array in change.items():
        inputs[index] = array
    attrs = {"max_ngram_size": 2, "n_head_per_ngram": 2, "pad_id": PAD}
    model, feeds = make_model("VarlenNGramHashMapping", trimmed(inputs), [I64], attrs)
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, feeds)
    with pytest.raises(Exception):
        oracle(model).run(None, feeds)
