"""Attention and rotation in ONNX Runtime's own domain, beside ONNX Runtime."""

import numpy as np
import pytest
from beside_oracle import check, check_same, make_model, oracle, random

import sardonyx

F32, I32, I64 = np.float32, np.int32, np.int64


def test_rotary():
    angles = random(10, 4)
    cosines, sines = np.cos(angles), np.sin(angles)
    positions = np.array([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]], I64)
    start = np.array([3], I64)
    op = "RotaryEmbedding"
    for interleaved in (0, 1):
        for where in (start, positions):
            inputs = [random(2, 5, 24), where, cosines, sines]
            check(op, inputs, interleaved=interleaved, constants=(2, 3))
        check(op, [random(2, 3, 5, 8), positions, cosines, sines], interleaved=interleaved)
    check(
        op, [random(2, 5, 36), start, cosines, sines], num_heads=3, rotary_embedding_dim=8
    )


def test_attention():
    x, w, bias = random(2, 5, 24), random(24, 48, scale=0.3), random(48)
    op = "Attention"
    check(op, [x, w, bias], num_heads=4, constants=(1, 2))
    check(op, [x, w, bias], num_heads=2, scale=0.5, constants=(1,))
    check(op, [x, w, bias], num_heads=4, unidirectional=1, constants=(1,))
    lengths = np.array([3, 5], I32)
    spans = np.array([3, 5, 1, 0], I32)
    raw = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], I32)
    full = np.random.default_rng(0).integers(0, 2, (2, 5, 5)).astype(I32)
    for mask in (lengths, spans, raw, full):
        check(op, [x, w, bias, mask], num_heads=4, constants=(1,))
    check(op, [x, w, bias, raw], num_heads=4, unidirectional=1, constants=(1,))
    check(op, [x, w, bias, raw], num_heads=4, mask_filter_value=-3.0, constants=(1,))
    bias4 = random(2, 4, 5, 5)
    check(op, [x, w, bias, None, None, bias4], num_heads=4, constants=(1,))
    check(op, [x, w, bias, raw, None, bias4[:1, :1]], num_heads=4, constants=(1,))


def test_attention_sizes():
    x, w, bias = random(2, 5, 24), random(24, 16 + 16 + 12, scale=0.3), random(44)
    check("Attention", [x, w, bias], num_heads=4, qkv_hidden_sizes=[16, 16, 12], constants=(1,))


@pytest.mark.parametrize("past", [0, 3])
def test_attention_past(past):
    x, w, bias = random(2, 5, 24), random(24, 48, scale=0.3), random(48)
    cache = random(2, 2, 4, past, 4)
    raw = np.ones((2, past + 5), I32)
    raw[0, :2] = 0
    op, both = "Attention", [F32, F32]
    check(op, [x, w, bias, None, cache], both, num_heads=4, unidirectional=1, constants=(1,))
    check(op, [x, w, bias, raw, cache], both, num_heads=4, unidirectional=1, constants=(1,))
    check(op, [x, w, bias], both, num_heads=4, unidirectional=1, constants=(1,))


def test_multi_head_attention():
    q, k, v = random(2, 5, 16), random(2, 7, 16, seed=1), random(2, 7, 24, seed=2)
    bias = random(16 + 16 + 24)
    op = "MultiHeadAttention"
    check(op, [q, k, v], num_heads=4)
    check(op, [q, k, v, bias], num_heads=4, scale=0.2)
    keep = np.array([[1, 1, 1, 1, 0, 0, 0], [1] * 7], I32)
    check(op, [q, k, v, bias, keep], num_heads=4)
    check(op, [q, k, v, None, np.array([4, 7], I32)], num_heads=4)
    each = np.random.default_rng(0).integers(0, 2, (2, 5, 7)).astype(I32)
    check(op, [q, k, v, None, each], num_heads=4)
    check(op, [q, k, v, None, None, random(2, 4, 5, 7)], num_heads=4)
    check(op, [q, k, v, None, keep, random(1, 4, 5, 7)], num_heads=4)
    check(op, [q, k, v, bias], [F32, F32, F32], num_heads=4)
    check(op, [q, k[:, :5], v[:, :5]], num_heads=4, unidirectional=1)


def test_multi_head_packed():
    """The oracle takes no packed operands: it gets them unpacked."""

    def check_packed(packed, q, k, v):
        attrs = {"num_heads": 4}
        plain, feeds = make_model("MultiHeadAttention", [q, k, v], [F32], attrs)
        wanted = oracle(plain).run(None, feeds)
        for dims in ("numbers", "symbols", "none"):
            model, feeds = make_model("MultiHeadAttention", packed, [F32], attrs, dims=dims)
            check_same(sardonyx.InferenceSession(model).run(None, feeds), wanted)

    qkv, query, kv = random(2, 5, 4, 3, 8), random(2, 5, 32), random(2, 7, 4, 2, 8)
    check_packed([qkv], *(qkv[:, :, :, i].reshape(2, 5, 32) for i in range(3)))
    check_packed([query, kv], query, *(kv[:, :, :, i].reshape(2, 7, 32) for i in range(2)))


def test_multi_head_cross():
    q, k, v = random(2, 5, 16), random(2, 4, 7, 4, seed=1), random(2, 4, 7, 4, seed=2)
    check("MultiHeadAttention", [q, k, v], num_heads=4)


def test_multi_head_past():
    q, k, v = random(2, 1, 16), random(2, 1, 16, seed=1), random(2, 1, 16, seed=2)
    past_key, past_value = random(2, 4, 6, 4, seed=3), random(2, 4, 6, 4, seed=4)
    keep = np.array([[1, 1, 1, 1, 0, 0, 1], [1] * 7], I32)
    op, all_three = "MultiHeadAttention", [F32, F32, F32]
    bias = random(48)
    check(op, [q, k, v, None, None, None, past_key, past_value], all_three, num_heads=4)
    check(op, [q, k, v, bias, keep, None, past_key, past_value], all_three, num_heads=4)
    check(
        op, [q, k, v, None, None, random(1, 4, 1, 7), past_key, past_value], all_three, num_heads=4
    )


def test_multi_head_scores():
    q, k, v = random(2, 5, 16), random(2, 7, 16, seed=1), random(2, 7, 24, seed=2)
    keep = np.array([[1, 1, 1, 1, 0, 0, 0], [1] * 7], I32)
    check("MultiHeadAttention", [q, k, v, None, keep], [F32, None, None, F32], num_heads=4)


def angles(length, half):
    turn = np.outer(np.arange(length), 1 / 10 ** np.arange(half)).astype(F32)
    return np.cos(turn), np.sin(turn)


def group_query(past, new, lengths, packed=False, rotary=False, bias=None, sinks=None, buffer=None):
    """Inputs with 4 heads over 2 of keys and values, vectors of 16."""
    batch = len(lengths)
    q, k, v = random(batch, new, 64), random(batch, new, 32, seed=1), random(batch, new, 32, seed=2)
    if packed:
        q, k, v = np.concatenate([q, k, v], axis=2), None, None
    length = past if buffer is None else buffer
    cache = [random(batch, 2, length, 16, seed=3), random(batch, 2, length, 16, seed=4)]
    total = np.array(past + new, I32)
    cosines, sines = angles(32, 8) if rotary else (None, None)
    inputs = [q, k, v, *cache, np.array(lengths, I32) - 1, total, cosines, sines, None, bias, sinks]
    while inputs[-1] is None:
        inputs.pop()
    return inputs


GROUP = {"num_heads": 4, "kv_num_heads": 2}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("past, new, batch", [(0, 6, 2), (5, 1, 2), (5, 3, 1), (0, 20, 2)])
def test_group_query(packed, rotary, past, new, batch):
    inputs = group_query(past, new, [past + new] * batch, packed, rotary)
    attrs = dict(GROUP, do_rotary=int(rotary))
    for more in ({}, {"local_window_size": 4}, {"softcap": 1.5}, {"scale": 0.3},
                 {"smooth_softmax": 1}):
        check("GroupQueryAttention", inputs, [F32] * 3, **attrs, **more)
    if rotary:
        check("GroupQueryAttention", inputs, [F32] * 3, **attrs, rotary_interleaved=1)


def test_group_query_lengths():
    """Items of different lengths, in a buffer with room for more."""
    inputs = group_query(5, 1, [6, 3], rotary=True, buffer=9)
    model, feeds = make_model("GroupQueryAttention", inputs, [F32] * 3, dict(GROUP, do_rotary=1))
    wanted = oracle(model).run(None, feeds)
    got = sardonyx.InferenceSession(model).run(None, feeds)
    check_same(got[:1], wanted[:1])
    for item, length in enumerate([6, 3]):
        for ours, theirs in zip(got[1:], wanted[1:]):
            check_same([ours[item, :, :length]], [theirs[item, :, :length]])


def test_group_query_bias_and_sinks():
    op, all_three = "GroupQueryAttention", [F32] * 3
    check(op, group_query(5, 3, [8], bias=random(1, 4, 3, 8)), all_three, **GROUP)
    check(op, group_query(5, 3, [8], sinks=random(4)), all_three, **GROUP)
    check(op, group_query(0, 12, [12] * 2, sinks=random(4)), all_three, **GROUP)
    check(op, group_query(0, 12, [12] * 2, bias=random(1, 1, 12, 12)), all_three, **GROUP)


def test_decoder_masked():
    q, k, v = random(2, 1, 16), random(2, 1, 16, seed=1), random(2, 1, 16, seed=2)
    past_key, past_value = random(2, 4, 9, 4, seed=3), random(2, 4, 9, 4, seed=4)
    length = np.array([6], I32)
    keep = np.array([[1, 1, 1, 1, 0, 0, 1], [1] * 7], I32)
    op, all_three = "DecoderMaskedMultiHeadAttention", [F32, F32, F32]
    attrs = {"num_heads": 4, "past_present_share_buffer": 1}
    check(op, [q, k, v, None, None, past_key, past_value, length], all_three, **attrs)
    check(op, [q, k, v, keep, None, past_key, past_value, length], all_three, **attrs)


def test_m_rotary():
    turn = random(10, 6)
    cosines, sines = np.cos(turn), np.sin(turn)
    positions = np.random.default_rng(0).integers(0, 10, (3, 2, 5)).astype(I64)
    for layout in (0, 1):
        attrs = {"mrope_section": [2, 2, 2], "mrope_layout": layout}
        x = random(2, 5, 36)
        check("MRotaryEmbedding", [x, positions, cosines, sines], num_heads=3, **attrs)
        x = random(2, 3, 5, 12)
        check("MRotaryEmbedding", [x, positions, cosines, sines], interleaved=1, **attrs)


def test_half_floats():
    """Rounded once at the end here, after every step there."""
    half = np.float16

    def narrow(arrays):
        return [each.astype(half) if each is not None and each.dtype == F32 else each
                for each in arrays]

    loose = {"rtol": 1e-2, "atol": 1e-2}
    inputs = narrow(group_query(0, 20, [20] * 2, rotary=True))
    check("GroupQueryAttention", inputs, [half] * 3, do_rotary=1, **GROUP, **loose)
    inputs = narrow(group_query(9, 1, [10] * 2, rotary=True))
    check("GroupQueryAttention", inputs, [half] * 3, do_rotary=1, **GROUP, **loose)
    inputs = narrow([random(2, 9, 16), random(2, 9, 16, seed=1), random(2, 9, 16, seed=2)])
    check("MultiHeadAttention", inputs, [half], num_heads=4, **loose)
    x = narrow([random(2, 5, 16), random(2, 5, 16, seed=1), random(16)])
    check("SkipSimplifiedLayerNormalization", x, [half], epsilon=1e-5, **loose)
    check("SkipLayerNormalization", x, [half], epsilon=1e-5, **loose)
    check("FastGelu", x[:1], [half], **loose)
    check("QuickGelu", x[:1], [half], **loose)


@pytest.mark.parametrize("op", ["DecoderMaskedMultiHeadAttention"])
def test_beams(op):
    """Two items of three beams: every position of the cache says which beam it came from."""
    q, k, v = random(6, 1, 16), random(6, 1, 16, seed=1), random(6, 1, 16, seed=2)
    past_key, past_value = random(6, 4, 9, 4, seed=3), random(6, 4, 9, 4, seed=4)
    length, beams = np.array([5], I32), np.array([3], I32)
    origins = np.random.default_rng(0).integers(0, 3, (2, 3, 9)).astype(I32)
    inputs = [q, k, v, None, None, past_key, past_value, length, beams, origins]
    attrs = {"num_heads": 4, "past_present_share_buffer": 1}
    check(op, inputs, [F32] * 3, **attrs)
    check(op, [*inputs, random(48)], [F32] * 3, **attrs)


def check_rows(inputs, lengths, past, rows, **attrs):
    """Compares what counts: rows of the output, and the present up to each item's length."""
    model, feeds = make_model("GroupQueryAttention", inputs, [F32] * 3, dict(GROUP, **attrs))
    wanted = oracle(model).run(None, feeds)
    got = sardonyx.InferenceSession(model).run(None, feeds)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.shape == theirs.shape
    for item, length in enumerate(lengths):
        used = min(rows, length - past)
        check_same([got[0][item, :used]], [wanted[0][item, :used]])
        for ours, theirs in zip(got[1:], wanted[1:]):
            check_same([ours[item, :, :length]], [theirs[item, :, :length]])


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("window", [-1, 3])
def test_group_query_buffers(rotary, window):
    attrs = {"do_rotary": int(rotary), "local_window_size": window}
    # A prompt, padded on the right, into an empty buffer; the next token; a chunk of one item.
    inputs = group_query(0, 6, [6, 4], rotary=rotary, buffer=16)
    check_rows(inputs, [6, 4], 0, 6, **attrs)
    inputs = group_query(0, 12, [12, 5], rotary=rotary, buffer=16)
    check_rows(inputs, [12, 5], 0, 12, **attrs)
    inputs = group_query(9, 1, [10, 7], rotary=rotary, buffer=16)
    check_rows(inputs, [10, 7], 0, 1, **attrs)
    inputs = group_query(5, 9, [14], rotary=rotary, buffer=16)
    check_rows(inputs, [14], 5, 9, **attrs)


def test_group_query_positions():
    for past, new, batch in ((0, 6, 2), (5, 1, 2), (5, 3, 1)):
        inputs = group_query(past, new, [past + new] * batch, rotary=True)
        positions = np.tile(np.arange(past, past + new), (batch, 1)).astype(I64) + 2
        check("GroupQueryAttention", [*inputs, positions], [F32] * 3, do_rotary=1, **GROUP)


@pytest.mark.parametrize("when", [1, 2])
def test_group_query_scores(when):
    for past, new in ((0, 4), (3, 1), (3, 2)):
        inputs = group_query(past, new, [past + new])
        outputs = [F32, F32, F32, F32]
        check("GroupQueryAttention", inputs, outputs, qk_output=when, softcap=1.5, **GROUP)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("kind", ["PER_TENSOR", "PER_CHANNEL"])
@pytest.mark.parametrize("past, new, batch", [(0, 6, 2), (5, 1, 2), (5, 3, 1)])
def test_group_query_codes(bits, kind, past, new, batch):
    inputs = group_query(past, new, [past + new] * batch)
    rng = np.random.default_rng(0)
    dtype, size, step = (np.int8, 16, 0.02) if bits == 8 else (np.uint8, 8, 0.3)
    least = np.iinfo(dtype).min
    inputs[3:5] = [rng.integers(least, least + 256, (batch, 2, past, size)).astype(dtype)
                   for _ in range(2)]
    shape = (1, 2, 1, 16) if kind == "PER_CHANNEL" else (1,)
    inputs += [None] * (12 - len(inputs))
    inputs += [(step * rng.uniform(0.5, 1.5, shape)).astype(F32) for _ in range(2)]
    attrs = dict(GROUP, k_quant_type=kind, v_quant_type=kind, kv_cache_bit_width=bits)
    check("GroupQueryAttention", inputs, [F32, dtype, dtype], **attrs)


@pytest.mark.parametrize(
    "total, new, batch", [(8, 1, 2), (30, 1, 2), (30, 3, 1), (30, 20, 1), (9, 9, 1)]
)
@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_group_query_window_cache(total, new, batch, rotary, biased):
    bias = random(1, 4, new, total) if biased else None
    inputs = group_query(total - new, new, [total] * batch, rotary=rotary, bias=bias, buffer=8)
    attrs = dict(GROUP, do_rotary=int(rotary), local_window_size=8, sliding_window_cache=1)
    check("GroupQueryAttention", inputs, [F32, F32, F32], **attrs)
