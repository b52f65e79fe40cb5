"""Products with packed weights: of MatMulFpQ4 beside ONNX Runtime, of those that it has for other
devices alone beside their definitions."""

import ml_dtypes
import numpy as np
import pytest
from beside_oracle import check, check_defined, make_model, random
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

import sardonyx

F16, F32 = np.float16, np.float32
K, BLOCK = 40, 16


def packed_weights(columns, seed, dtype=F32):
    """Codes of 4 bits, two to a byte; scales; the weights that they are."""
    rng = np.random.default_rng(seed)
    blocks = -(-K // BLOCK)
    codes = rng.integers(0, 16, (columns, blocks, BLOCK))
    scales = (rng.random((columns, blocks)) * 0.2).astype(dtype)
    packed = (codes[..., ::2] | codes[..., 1::2] << 4).astype(np.uint8)
    real = ((codes - 8.0) * scales[..., None]).reshape(columns, -1)[:, :K]
    return packed, scales, real


def rms_norm(x, scale, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * scale


def silu(x):
    return x / (1 + np.exp(-x))


LAYOUT = {"K": K, "block_size": BLOCK, "bits": 4}


@pytest.mark.parametrize("dtype, tolerance", [(F32, 1e-4), (F16, 2e-2)])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("normalises", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_mlp(dtype, tolerance, skips, normalises, biased):
    if skips and not normalises:
        return
    n = 24
    a, skip = random(2, 3, K, dtype=dtype), random(2, 3, K, seed=1, dtype=dtype)
    scale = random(K, seed=2, dtype=dtype)
    gate, gate_scales, gate_weights = packed_weights(n, 3, dtype)
    up, up_scales, up_weights = packed_weights(n, 4, dtype)
    biases = random(2, n, seed=5, dtype=dtype) if biased else (None, None)
    x = total = a.astype(F32) + (skip.astype(F32) if skips else 0)
    if normalises:
        x = rms_norm(x, scale.astype(F32), 1e-3)
    gated, upped = (
        x @ weights.T + (0 if bias is None else bias.astype(F32))
        for weights, bias in ((gate_weights, biases[0]), (up_weights, biases[1]))
    )
    wanted = [(silu(gated) * upped).astype(dtype), total.astype(dtype) if skips else None]
    inputs = [a, skip if skips else None, scale if normalises else None, gate, gate_scales,
              biases[0], up, up_scales, biases[1]]
    check_defined("MatMulNBitsMlp", inputs, wanted, constants=(3, 4, 6, 7), rtol=tolerance,
                  atol=tolerance * np.abs(wanted[0]).max(), N=n, activation="silu", epsilon=1e-3,
                  **LAYOUT)


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_qkv(skips, biased):
    sizes = (24, 16, 16)
    a, skip, scale = random(2, 3, K), random(2, 3, K, seed=1), random(K, seed=2)
    total = a + skip if skips else a
    x = rms_norm(total, scale, 1e-6)
    inputs, wanted = [a, skip if skips else None, scale], []
    for i, n in enumerate(sizes):
        packed, scales, weights = packed_weights(n, 3 + i)
        bias = random(n, seed=i) if biased else None
        inputs += [packed, scales, bias]
        wanted.append((x @ weights.T + (0 if bias is None else bias)).astype(F32))
    wanted.append(total if skips else None)
    check_defined("MatMulNBitsQkv", inputs, wanted, constants=(3, 4, 6, 7, 9, 10), atol=1e-3,
                  Nq=24, Nkv=16, **LAYOUT)


def test_wrong_products():
    packed, scales, _ = packed_weights(8, 3)
    inputs = [random(2, K), None, random(K), packed, scales, None, packed, scales]
    for change, message in (({"activation": "tanh"}, "only silu"), ({"N": 9}, "N rows")):
        attrs = LAYOUT | {"N": 8, "activation": "silu"} | change
        model, feeds = make_model("MatMulNBitsMlp", inputs, [F32], attrs)
        with pytest.raises(Exception, match=message):
            sardonyx.InferenceSession(model).run(None, feeds)
    inputs[1:3] = [random(2, K), None]
    model, feeds = make_model("MatMulNBitsMlp", inputs, [F32], LAYOUT | {"N": 8, "activation": "silu"})
    with pytest.raises(Exception, match="need norm_scale"):
        sardonyx.InferenceSession(model).run(None, feeds)


@pytest.mark.parametrize("dtype", [F16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("k, block", [(64, 16), (40, 16), (6, 4)])
@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("biased", [False, True])
def test_fp4(dtype, k, block, rows, biased):
    rng, n = np.random.default_rng(k), 24
    codes = rng.integers(0, 16, (n, k)).astype(np.uint8)
    packed = codes[:, ::2] | codes[:, 1::2] << 4
    scales = (rng.random((n, -(-k // block))) * 2).astype(ml_dtypes.float8_e4m3fn)
    whole = np.array(0.037, F32)
    numbers = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], F32)
    real = np.where(codes < 8, 1, -1) * numbers[codes % 8]
    real = real * np.repeat(scales.astype(F32), block, 1)[:, :k] * whole
    a = random(2, rows, k).astype(dtype)
    bias = random(n, seed=1).astype(dtype) if biased else None
    wanted = a.astype(F32) @ real.T + (0 if bias is None else bias.astype(F32))
    inputs = [a, packed, scales.view(np.uint8), whole, np.array(2.0, F32), bias]
    check_defined("MatMulBlockQuantizedFp4Weight", inputs, [wanted.astype(dtype)],
                  constants=(1, 2, 3), rtol=1e-2, atol=1e-2, block_size=block)


@pytest.mark.parametrize("dtype", [F16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("k, block", [(64, 32), (40, 16), (64, 128)])
@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_fp8(dtype, k, block, rounds, biased):
    rng, n, small = np.random.default_rng(k), 24, ml_dtypes.float8_e4m3fn
    weights = rng.standard_normal((n, k)).astype(small)
    scales = (rng.random((n, -(-k // block))) * 0.5).astype(F32)
    real = weights.astype(F32) * np.repeat(scales, block, 1)[:, :k]
    a = random(2, 3, k).astype(dtype)
    scale = np.array(0.03, F32) if rounds else None
    used = a.astype(F32)
    if rounds:
        used = np.clip(used / scale, -448, 448).astype(small).astype(F32) * scale
    bias = random(n, seed=1).astype(dtype) if biased else None
    wanted = used @ real.T + (0 if bias is None else bias.astype(F32))
    check_defined("MatMulBlockQuantizedFp8Weight", [a, weights, scales, scale, bias],
                  [wanted.astype(dtype)], constants=(1, 2), rtol=1e-2, atol=1e-2, block_size=block)


@pytest.mark.parametrize("k", [32, 70])
@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("kind, head", [(0, 4), (1, 5)])
def test_fpq4(k, rows, kind, head):
    n, blocks, rng = 24, -(-k // 32), np.random.default_rng(k)
    blob = rng.integers(0, 256, (n, blocks, head + 16)).astype(np.uint8)
    scales = (rng.random((n, blocks)) * 0.2).astype(F32)
    blob[..., :4] = scales[..., None].view(np.uint8)
    blob[..., 4] &= 15  # the zero point, where there is one
    inputs = [random(2, rows, k), blob.ravel(), np.array([k, n], np.int64)]
    try:
        check("MatMulFpQ4", inputs, constants=(1, 2), blk_quant_type=kind, atol=1e-4)
    except Fail as error:
        if "not yet supported on this hardware" not in str(error):
            raise
        pytest.skip("ONNX Runtime has no such products on this processor")
