"""PagedAttention, for which ONNX Runtime has no kernel on processors, beside its definition: the
caches are laid out flat, and every query looks at what its sequence has there."""

import ml_dtypes
import numpy as np
import pytest
from beside_oracle import check_defined, make_model, random

import sardonyx

F16, F32, I32 = np.float16, np.float32, np.int32
HEADS, KV_HEADS, SIZE, BLOCKS, BLOCK = 4, 2, 8, 7, 4
BOUNDS = np.array([0, 3, 4, 9], I32)
PASTS = np.array([2, 6, 0], I32)
TABLE = np.array([[3, 5, -1], [0, 6, -1], [2, 1, -1]], I32)
TOKENS = int(BOUNDS[-1])
CODES = {"int8": (-128, 127), "int4": (-8, 7)}


def rms(x, weight, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def rotated(x, angles, offset, interleaved):
    """x [heads, size] by the cosines and sines of its position."""
    x, (cosines, sines) = x.copy(), angles
    part = x[:, offset : offset + 2 * len(cosines)]
    a, b = (part[:, ::2], part[:, 1::2]) if interleaved else np.split(part, 2, 1)
    pair = a * cosines - b * sines, a * sines + b * cosines
    part[:] = np.stack(pair, 2).reshape(part.shape) if interleaved else np.concatenate(pair, 1)
    return x


def quantized(x, kind, scale):
    """What is stored, and the numbers that it is."""
    if kind in CODES:
        codes = np.clip(np.rint(x / scale), *CODES[kind])
        return codes, codes * scale
    small = {"float8e4m3fn": ml_dtypes.float8_e4m3fn, "float4e2m1": ml_dtypes.float4_e2m1fn}[kind]
    most = float(ml_dtypes.finfo(small).max)
    codes = np.clip(x / scale, -most, most).astype(F32).astype(small)
    return codes, codes.astype(F32) * scale


def stored(codes, kind):
    if kind == "int8":
        return codes.astype(np.int8)
    if kind == "float8e4m3fn":
        return codes
    bits = codes.astype(np.int8).view(np.uint8) & 15 if kind == "int4" else codes.view(np.uint8)
    if bits.shape[-1] % 2:
        bits = np.concatenate([bits, np.zeros_like(bits[..., :1])], -1)
    return bits[..., ::2] | bits[..., 1::2] << 4


def attention(q, k, v, key_cache, value_cache, slots=None, angles=None, offset=0, interleaved=0,
              norms=None, epsilon=1e-6, sinks=None, causal=1, window=-1, softcap=0.0, scale=0.0,
              through=lambda x, head, part: x):
    """q, k, v by [tokens, heads, size]; caches as flat floats [slots, heads, size], written over."""
    y = np.zeros((*q.shape[:2], (k if v is None else v).shape[2]))
    for item, (begin, end) in enumerate(zip(BOUNDS[:-1], BOUNDS[1:])):
        place = [TABLE[item, p // BLOCK] * BLOCK + p % BLOCK for p in range(PASTS[item] + end - begin)]
        queries = []
        for token in range(begin, end):
            position = PASTS[item] + token - begin
            query, key = q[token], k[token]
            if norms is not None:
                query, key = (rms(x, w, epsilon) for x, w in zip((query, key), norms))
            if angles is not None:
                turn = [each[position] for each in angles]
                query, key = (rotated(x, turn, offset, interleaved) for x in (query, key))
            queries.append(query)
            slot = place[position] if slots is None else slots[token]
            if slot < 0:
                continue
            for head in range(k.shape[1]):
                key_cache[slot, head] = through(key[head], head, "k")
                if v is not None:
                    value_cache[slot, head] = through(v[token, head], head, "v")
        for i, query in enumerate(queries):
            position = PASTS[item] + i
            last = position + 1 if causal else len(place)
            first = max(0, position + 1 - window) if window > 0 else 0
            for head in range(q.shape[1]):
                at = place[first:last], head * k.shape[1] // q.shape[1]
                scores = key_cache[at] @ query[head] * (scale or q.shape[2] ** -0.5)
                if softcap:
                    scores = softcap * np.tanh(scores / softcap)
                weights = np.exp(scores)
                total = weights.sum() + (0 if sinks is None else np.exp(sinks[head]))
                shown = key_cache if v is None else value_cache
                y[begin + i, head] = (weights @ shown[at])[: y.shape[2]] / total
    return y.reshape(len(q), -1)


def vectors(seed=0):
    return (random(TOKENS, heads, SIZE, seed=seed + i) for i, heads in
            enumerate((HEADS, KV_HEADS, KV_HEADS)))


def caches():
    shape = BLOCKS * BLOCK, KV_HEADS, SIZE
    return random(*shape, seed=5), random(*shape, seed=6)


def flat(x):
    return x.reshape(TOKENS, -1)


def paged(cache):
    return cache.reshape(BLOCKS, BLOCK, *cache.shape[1:])


def turns():
    angles = np.arange(12)[:, None] / 7 ** np.arange(3)[None]
    return np.cos(angles).astype(F32), np.sin(angles).astype(F32)


ATTRS = {"num_heads": HEADS, "kv_num_heads": KV_HEADS}


def check_paged(inputs, wanted, tolerance=1e-4, **attrs):
    while inputs[-1] is None:
        inputs.pop()
    check_defined("PagedAttention", inputs, wanted, rtol=tolerance, atol=tolerance,
                  **(ATTRS | attrs))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "attrs, options",
    [
        ({}, {}),
        ({"is_causal": 0}, {"causal": 0}),
        ({"local_window_size": 3}, {"window": 3}),
        ({"is_causal": 0, "local_window_size": 2}, {"causal": 0, "window": 2}),
        ({"softcap": 0.7, "scale": 0.6}, {"softcap": 0.7, "scale": 0.6}),
    ],
)
def test_floats(packed, attrs, options):
    (q, k, v), (keys, values) = vectors(), caches()
    operands = [flat(q), flat(k), flat(v)]
    if packed:
        operands = [np.concatenate(operands, 1), None, None]
    inputs = [*operands, paged(keys.copy()), paged(values.copy()), BOUNDS, PASTS, TABLE]
    y = attention(q, k, v, keys, values, **options)
    check_paged(inputs, [y.astype(F32), paged(keys), paged(values)], **attrs)
    check_paged(inputs, [y.astype(F32)], **attrs)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("offset", [0, 2])
@pytest.mark.parametrize("normalises", [False, True])
def test_rotation(interleaved, offset, normalises):
    (q, k, v), (keys, values) = vectors(), caches()
    norms = [random(SIZE, seed=7), random(SIZE, seed=8)] if normalises else [None, None]
    inputs = [flat(q), flat(k), flat(v), paged(keys.copy()), paged(values.copy()), BOUNDS, PASTS,
              TABLE, *turns(), None, None, *norms]
    y = attention(q, k, v, keys, values, angles=turns(), offset=offset, interleaved=interleaved,
                  norms=norms if normalises else None, epsilon=0.01)
    check_paged(inputs, [y.astype(F32), paged(keys), paged(values)], do_rotary=1,
                rotary_interleaved=interleaved, rotary_offset=offset, qk_norm_epsilon=0.01)


def test_slots_and_sinks():
    (q, k, v), (keys, values) = vectors(), caches()
    slots = np.array([14, -1, 20, 26, 8, 9, -1, 27, 27], I32)
    sinks = random(HEADS)
    inputs = [flat(q), flat(k), flat(v), paged(keys.copy()), paged(values.copy()), BOUNDS, PASTS,
              TABLE, None, None, slots, sinks]
    y = attention(q, k, v, keys, values, slots=slots, sinks=sinks)
    check_paged(inputs, [y.astype(F32), paged(keys), paged(values)])


@pytest.mark.parametrize("kind", ["int8", "int4", "float8e4m3fn", "float4e2m1"])
@pytest.mark.parametrize("granularity", ["PER_TENSOR", "PER_CHANNEL"])
def test_codes(kind, granularity):
    (q, k, v), rng = vectors(), np.random.default_rng(0)
    shape = (KV_HEADS, 1, SIZE) if granularity == "PER_CHANNEL" else (1,)
    unit = {"int8": 0.02, "int4": 0.3, "float8e4m3fn": 0.01, "float4e2m1": 0.4}[kind]
    scales = [(unit * (1 + rng.random(shape))).astype(F32) for _ in "kv"]
    by_head = [np.broadcast_to(each.reshape(shape[0], -1), (KV_HEADS, SIZE)) for each in scales]
    raw = [quantized(cache, kind, scale) for cache, scale in zip(caches(), by_head)]
    inputs = [flat(q), flat(k), flat(v), *(paged(stored(codes, kind)) for codes, _ in raw), BOUNDS,
              PASTS, TABLE, *[None] * 6, *scales]
    keys, values = (real.astype(F32) for _, real in raw)

    def through(x, head, part):
        return quantized(x, kind, by_head["kv".index(part)][head])[1]

    y = attention(q, k, v, keys, values, through=through)
    after = [quantized(cache, kind, scale)[0] for cache, scale in
             zip((keys, values), by_head)]
    attrs = {"k_quant_type": granularity, "v_quant_type": granularity}
    if kind in ("int4", "float4e2m1"):
        attrs |= {"k_cache_dtype": kind, "v_cache_dtype": kind}
    check_paged(inputs, [y.astype(F32), *(paged(stored(each, kind)) for each in after)], **attrs)


@pytest.mark.parametrize("dtype", [F16, ml_dtypes.bfloat16])
def test_half_floats(dtype):
    q, k, v = (each.astype(dtype) for each in vectors())
    keys, values = (each.astype(dtype) for each in caches())
    inputs = [flat(q), flat(k), flat(v), paged(keys), paged(values), BOUNDS, PASTS, TABLE]
    wide = [each.astype(F32) for each in (q, k, v, keys, values)]
    y = attention(*wide)
    wanted = [each.astype(dtype) for each in (y, paged(wide[3]), paged(wide[4]))]
    name = "float16" if dtype is F16 else "bfloat16"
    check_paged(inputs, wanted, 2e-2, k_cache_dtype=name, v_cache_dtype=name)


def test_latent():
    """Values are the front of the one key that all heads share."""
    q, k = random(TOKENS, HEADS, SIZE), random(TOKENS, 1, SIZE, seed=1)
    keys = random(BLOCKS * BLOCK, 1, SIZE, seed=2)
    inputs = [flat(q), flat(k), None, paged(keys.copy()), None, BOUNDS, PASTS, TABLE, *turns()]
    y = attention(q, k, None, keys, None, angles=turns(), offset=2, scale=0.4)
    y = y.reshape(TOKENS, HEADS, SIZE)[..., :5].reshape(TOKENS, -1)
    check_paged(inputs, [y.astype(F32), paged(keys)], kv_num_heads=1, kv_cache_layout="LATENT",
                v_head_size=5, scale=0.4, do_rotary=1, rotary_offset=2)


@pytest.mark.parametrize(
    "change, attrs, message",
    [
        ({}, {"kv_num_heads": 3}, "must be a multiple"),
        ({7: np.array([[3, 7, 0], [0, 6, 0], [2, 1, 0]], I32)}, {}, r"block_table\[0, 1\] is 7 of 7"),
        ({6: np.array([2, 12, 0], I32)}, {}, r"past_seqlens\[1\] is 12"),
        ({5: np.array([0, 4, 3, 9], I32)}, {}, "must count up from 0 to 9"),
        ({}, {"do_rotary": 1}, "needs cos_cache"),
        ({}, {"k_quant_type": "PER_TENSOR"}, "which holds float32"),
        ({}, {"k_cache_dtype": "int8"}, "said to be 'int8'"),
        ({}, {"kv_cache_layout": "LATENT"}, "needs kv_num_heads=1"),
        ({}, {"v_head_size": 4}, "kv_cache_layout is SEPARATE"),
        ({10: np.full(TOKENS, 28, I32)}, {}, r"slot_mapping\[0\] is 28 of 28"),
        ({1: random(TOKENS, 8)}, {}, "key is 9x8"),
        ({}, {"kv_cache_layout": "OTHER"}, "expected SEPARATE or LATENT"),
    ],
)
def test_errors(change, attrs, message):
    (q, k, v), (keys, values) = vectors(), caches()
    inputs = [flat(q), flat(k), flat(v), paged(keys), paged(values), BOUNDS, PASTS, TABLE, None,
              None, None]
    for index, array in change.items():
        inputs[index] = array
    while inputs[-1] is None:
        inputs.pop()
    model, feeds = make_model("PagedAttention", inputs, [F32], ATTRS | attrs)
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, feeds)
