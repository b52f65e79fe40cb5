"""VarlenCausalConvWithState and GatedDeltaNet, for which ONNX Runtime has no kernel on processors,
beside their definitions."""

import numpy as np
import pytest
from beside_oracle import check_defined, make_model, random

import sardonyx

F16, F32, I32 = np.float16, np.float32, np.int32
BOUNDS = np.array([0, 5, 6, 13], I32)


def pieces(bounds):
    return list(zip(bounds[:-1], bounds[1:]))


# ---- VarlenCausalConvWithState


def conv(x, weight, bounds, bias, state, dilation, silu, captures=None, capacity=0):
    channels, _, taps = weight.shape
    tail = (taps - 1) * dilation
    y, last = np.zeros(x.shape), np.zeros(state.shape)
    updates = np.zeros((len(state), capacity, channels))
    for item, (begin, end) in enumerate(pieces(bounds)):
        whole = np.concatenate([state[item].T, x[begin:end]]).astype(np.float64)
        for i in range(end - begin):
            seen = whole[i : i + tail + 1 : dilation]
            y[begin + i] = (seen * weight[:, 0].T).sum(0) + (0 if bias is None else bias)
        last[item] = whole[len(whole) - tail :].T
        if capacity:
            count = min(max(captures[item], 0), capacity, end - begin)
            updates[item, :count] = x[begin : begin + count]
    if silu:
        y = y / (1 + np.exp(-y))
    return y, last, updates


@pytest.mark.parametrize("dtype, tolerance", [(F32, 1e-5), (F16, 1e-2)])
@pytest.mark.parametrize("taps, dilation", [(4, 1), (3, 2), (1, 1)])
@pytest.mark.parametrize("activation", ["none", "silu", "swish"])
@pytest.mark.parametrize("capacity", [0, 3])
@pytest.mark.parametrize("biased", [False, True])
def test_conv(dtype, tolerance, taps, dilation, activation, capacity, biased):
    channels = 6
    x, weight = random(13, channels, dtype=dtype), random(channels, 1, taps, dtype=dtype)
    bias = random(channels, dtype=dtype) if biased else None
    state = random(3, channels, (taps - 1) * dilation, dtype=dtype)
    captures = np.array([2, 4, -1], I32) if capacity else None
    wanted = conv(x, weight, BOUNDS, bias, state, dilation, activation != "none", captures, capacity)
    wanted = [each.astype(dtype) for each in wanted]
    check_defined("VarlenCausalConvWithState", [x, weight, BOUNDS, bias, state, captures],
                  wanted if capacity else wanted[:2], rtol=tolerance, atol=tolerance,
                  dilation=dilation, activation=activation, state_update_capacity=capacity)


# ---- GatedDeltaNet


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def gated_delta(q, k, v, bounds, decay, beta, state, rule="gated_delta", scale=0.0, norm=0, qwen=None,
                sigmoid=False, capacity=0, captures=None, active=True):
    """From operands by token: q and k [T, Hk, Dk], v [T, Hv, Dv]; the state [B, Hv, Dv, Dk]."""
    q, k, v = (each.astype(np.float64) for each in (q, k, v))
    (_, keys, size), (_, values, value_size) = q.shape, v.shape
    if norm:
        q, k = (x / np.sqrt((x * x).sum(-1, keepdims=True) + 1e-6) for x in (q, k))
    state = np.zeros((len(bounds) - 1, values, value_size, size)) if state is None else state
    state, y = state.astype(np.float64), np.zeros(v.shape)
    parts = [np.zeros((len(state), capacity, *each)) for each in
             ((values,), (keys, size), (values, value_size))]
    for item, (begin, end) in enumerate(pieces(bounds)):
        for token, head in np.ndindex(end - begin, values):
            t, shared = begin + token, head // (values // keys)
            S = state[item, head]
            factor = np.array(1.0)
            if "gated" in rule:
                log = decay[t, head].astype(np.float64)
                if qwen:
                    log = -np.exp(qwen[0][head]) * softplus(log + qwen[1][head])
                factor = np.exp(log)
            rate = 1.0 if beta is None else beta[t, head].astype(np.float64)
            if sigmoid:
                rate = 1 / (1 + np.exp(-rate))
            S *= factor
            known = S @ k[t, shared] if "delta" in rule else 0
            delta = rate * (v[t, head] - known)
            S += np.outer(delta, k[t, shared])
            y[t, head] = S @ q[t, shared] * (scale or size**-0.5)
            if capacity and active and token < min(captures[item], capacity):
                parts[0][item, token, head] = factor
                parts[1][item, token, shared] = k[t, shared]
                parts[2][item, token, head] = delta
    updates = np.concatenate([each.reshape(len(state), -1) for each in parts], 1)
    return y, state, updates


HEADS, SIZE, VALUES, VALUE_SIZE = 2, 8, 4, 6


def vectors(tokens, dtype=F32):
    q, k = (random(tokens, HEADS, SIZE, seed=seed).astype(dtype) for seed in (1, 2))
    v = random(tokens, VALUES, VALUE_SIZE, seed=3).astype(dtype)
    decay = -np.abs(random(tokens, VALUES, seed=4))
    beta = 1 / (1 + np.exp(-random(tokens, VALUES, seed=5)))
    k /= np.sqrt((k.astype(F32) ** 2).sum(-1, keepdims=True)).astype(dtype)
    return q, k, v, decay, beta.astype(F32)


STATE = random(3, VALUES, VALUE_SIZE, SIZE, seed=6)


def check_delta(inputs, wanted, tolerance=1e-4, **attrs):
    while inputs[-1] is None:
        inputs.pop()
    check_defined("GatedDeltaNet", inputs, wanted, rtol=tolerance, atol=tolerance, **attrs)


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize("has_state", [False, True])
@pytest.mark.parametrize("dtype, tolerance", [(F32, 1e-4), (F16, 2e-2)])
def test_delta(rule, has_state, dtype, tolerance):
    q, k, v, decay, beta = vectors(13, dtype)
    decay = decay if "gated" in rule else None
    beta = beta if "delta" in rule else None
    state = STATE if has_state else None
    y, last, _ = gated_delta(q, k, v, BOUNDS, decay, beta, state, rule, scale=0.3)
    check_delta([q, k, v, BOUNDS, decay, beta, state], [y.astype(dtype), last.astype(F32)],
                tolerance, update_rule=rule, scale=0.3)


def test_delta_rows():
    """Sequences of one length: in one axis of tokens, and in two."""
    q, k, v, decay, beta = vectors(12)
    y, last, _ = gated_delta(q, k, v, [0, 4, 8, 12], decay, beta, STATE)
    wanted = [y.astype(F32), last.astype(F32)]
    check_delta([q, k, v, None, decay, beta, STATE], wanted)
    rows = [each.reshape(3, 4, *each.shape[1:]) for each in (q, k, v, decay, beta)]
    wanted[0] = wanted[0].reshape(3, 4, *y.shape[1:])
    check_delta([*rows[:3], None, *rows[3:], STATE], wanted)
    y, last, _ = gated_delta(q, k, v, [0, 4, 8, 12], decay, beta, None)
    check_delta([*rows[:3], None, *rows[3:]], [y.astype(F32).reshape(wanted[0].shape),
                                               last.astype(F32)])


def test_delta_packed():
    q, k, v, decay, beta = vectors(13)
    y, last, _ = gated_delta(q, k, v, BOUNDS, decay, beta, STATE)
    packed = np.concatenate([each.reshape(13, -1) for each in (q, k, v)], 1)
    wanted = [y.astype(F32), last.astype(F32)]
    check_delta([packed, None, None, BOUNDS, decay, beta, STATE], wanted)


def test_delta_decay_by_key():
    q, k, v, _, beta = vectors(13)
    decay = -np.abs(random(13, VALUES, SIZE, seed=8))
    y, last, _ = gated_delta(q, k, v, BOUNDS, decay, beta, STATE)
    check_delta([q, k, v, BOUNDS, decay, beta, STATE], [y.astype(F32), last.astype(F32)])


def test_delta_activations():
    q, k, v, decay, beta = vectors(13)
    k, decay, beta = k * 3, random(13, VALUES, seed=9), random(13, VALUES, seed=10)
    qwen = random(VALUES, seed=11), random(VALUES, seed=12)
    y, last, _ = gated_delta(q, k, v, BOUNDS, decay, beta, STATE, norm=1, qwen=qwen, sigmoid=True)
    check_delta([q, k, v, BOUNDS, decay, beta, STATE, *qwen], [y.astype(F32), last.astype(F32)],
                qk_l2_norm=1, gate_activation="qwen", beta_activation="sigmoid", chunk_size=32)


@pytest.mark.parametrize("active", [None, 0, 1])
def test_delta_captures(active):
    q, k, v, decay, beta = vectors(13)
    captures = np.array([2, 5, 3], I32)
    results = gated_delta(q, k, v, BOUNDS, decay, beta, STATE, capacity=3, captures=captures,
                          active=active != 0)
    flag = None if active is None else np.array([active], I32)
    check_delta([q, k, v, BOUNDS, decay, beta, STATE, None, None, captures, flag],
                [each.astype(F32) for each in results], state_update_capacity=3)


@pytest.mark.parametrize(
    "change, attrs, message",
    [
        ({}, {"update_rule": "other"}, "update_rule is 'other'"),
        ({4: None}, {}, "decay, which update_rule needs"),
        ({3: None, 6: None}, {}, "how many sequences"),
        ({3: np.array([0, 5, 12], I32), 6: None}, {}, "must count up from 0 to 13"),
        ({}, {"state_update_capacity": 2}, "capture_count is missing"),
        ({2: random(13, 3, VALUE_SIZE), 4: random(13, 3), 5: random(13, 3), 6: None}, {},
         "no multiple of 2"),
        ({5: random(13, 5)}, {}, "does not fit"),
        ({}, {"gate_activation": "qwen"}, "a_log, which gate_activation needs"),
    ],
)
def test_wrong_delta(change, attrs, message):
    q, k, v, decay, beta = vectors(13)
    inputs = [q, k, v, BOUNDS, decay, beta, STATE]
    for index, array in change.items():
        inputs[index] = array
    while inputs[-1] is None:
        inputs.pop()
    model, feeds = make_model("GatedDeltaNet", inputs, [F32, F32], attrs)
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, feeds)
