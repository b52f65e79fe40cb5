"""Operators of ONNX Runtime's own domains, beside ONNX Runtime; attention is in
test_contrib_attention.py."""

import numpy as np
import pytest
from beside_oracle import check, random

F32, I32, I64 = np.float32, np.int32, np.int64


def test_activations():
    x = random(3, 5, 8, scale=3)
    bias = random(8)
    check("Gelu", [x])
    check("FastGelu", [x])
    check("FastGelu", [x, bias])
    check("BiasGelu", [x, bias])
    check("QuickGelu", [x])
    check("QuickGelu", [x], alpha=0.7)


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_fused_matmul(trans_a, trans_b, batch):
    a = random(*batch, *((7, 5) if trans_a else (5, 7)))
    b = random(*batch, *((6, 7) if trans_b else (7, 6)), seed=1)
    check("FusedMatMul", [a, b], transA=trans_a, transB=trans_b)
    check("FusedMatMul", [a, b], transA=trans_a, transB=trans_b, alpha=0.125)
    check("TransposeMatMul", [a, b], transA=trans_a, transB=trans_b, alpha=2.0)


def test_fused_matmul_batch():
    a, b = random(5, 2, 3, 7), random(7, 2, 3, 6, seed=1)
    check("FusedMatMul", [a, random(2, 3, 7, 6)], transBatchA=1)
    check("FusedMatMul", [a, b], transBatchA=1, transBatchB=1)
    check("FusedMatMul", [random(7, 2, 3, 5), b], transBatchA=1, transA=1, transBatchB=1)
    check("FusedMatMul", [random(7), random(7, 6)], transA=1)
    check("FusedMatMul", [random(4, 5, 7), random(7, 6)], transA=0, alpha=3.0)


@pytest.mark.parametrize(
    "activation, params",
    [
        ("Relu", {}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("LeakyRelu", {"activation_alpha": 0.2}),
        ("Elu", {"activation_alpha": 0.7}),
        ("HardSigmoid", {"activation_alpha": 0.3, "activation_beta": 0.4}),
        ("Softplus", {}),
        ("Softsign", {}),
        ("ThresholdedRelu", {"activation_alpha": 0.5}),
    ],
)
def test_fused_gemm(activation, params):
    attrs = dict(params, activation=activation)
    check("FusedGemm", [random(4, 6), random(6, 5), random(5)], **attrs)
    check(
        "FusedGemm",
        [random(6, 4), random(5, 6), random(4, 5)],
        transA=1,
        transB=1,
        alpha=0.5,
        beta=2.0,
        **attrs,
    )


def test_skip_layer_norm():
    x, skip = random(2, 5, 16), random(2, 5, 16, seed=1)
    gamma, beta, bias = random(16), random(16, seed=1), random(16, seed=2)
    op = "SkipLayerNormalization"
    check(op, [x, skip, gamma])
    check(op, [x, skip, gamma, beta], epsilon=1e-3)
    check(op, [x, skip, gamma, beta, bias], [F32, None, None, F32])
    check(op, [x, skip[:1], gamma, beta, bias])
    check(op, [x, skip[0], gamma, beta])
    op = "SkipSimplifiedLayerNormalization"
    check(op, [x, skip, gamma], epsilon=1e-5)
    check(op, [x, skip, gamma, bias], [F32, None, None, F32], epsilon=1e-5)
    check("SimplifiedLayerNormalization", [x, gamma], domain="", epsilon=1e-5, axis=-1)


@pytest.mark.parametrize("has_segments", [False, True])
@pytest.mark.parametrize("has_mask", [False, True])
@pytest.mark.parametrize("has_positions", [False, True])
def test_embed_layer_norm(has_segments, has_mask, has_positions):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 20, (2, 6)).astype(I32)
    inputs = [
        ids,
        rng.integers(0, 2, (2, 6)).astype(I32) if has_segments else None,
        random(20, 16),
        random(12, 16, seed=1),
        random(2, 16, seed=2) if has_segments else None,
        random(16),
        random(16, seed=1),
        np.array([[1, 1, 1, 1, 0, 0], [1] * 6], I32) if has_mask else None,
        rng.integers(0, 12, (2, 6)).astype(I32) if has_positions else None,
    ]
    op = "EmbedLayerNormalization"
    check(op, inputs, [F32, I32], epsilon=1e-5)
    check(op, inputs, [F32, I32, F32], mask_index_type=1 if has_mask else 0)


def test_fused_conv():
    x, w, b = random(2, 3, 9, 9), random(4, 3, 3, 3), random(4)
    z = random(2, 4, 9, 9)
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    check("FusedConv", [x, w, b], activation="Relu", **same)
    check("FusedConv", [x, w], activation="LeakyRelu", activation_params=[0.3], **same)
    check("FusedConv", [x, w, b], activation="Clip", activation_params=[-0.5, 0.5], **same)
    check("FusedConv", [x, w, b], activation="HardSigmoid", activation_params=[0.2, 0.5], **same)
    check("FusedConv", [x, w, b, z], activation="Relu", **same)
    check("FusedConv", [x, w, b], activation="Tanh", strides=[2, 2], auto_pad="SAME_UPPER")


def test_dynamic_pads():
    x, w, b = random(1, 3, 5, 5), random(3, 4, 3, 3), random(4)
    op = "ConvTransposeWithDynamicPads"
    check(op, [x, w, np.array([1, 0, 1, 2], I64), b], strides=[2, 2], output_padding=[1, 1])
    check(op, [x, w, np.array([1, 1, 1, 1], I64)], constants=(2,))


def test_nhwc_max_pool():
    x = np.random.default_rng(0).integers(-99, 99, (1, 7, 7, 5)).astype(np.int8)
    check("NhwcMaxPool", [x], [np.int8], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    check("NhwcMaxPool", [x.astype(np.uint8)], [np.uint8], kernel_shape=[2, 2])


def test_tensors():
    x = random(3, 4, 5)
    check("ExpandDims", [x, np.array(1, I32)])
    check("ExpandDims", [x, np.array(-1, I32)], constants=(1,))
    check("GatherND", [x, np.array([[0, 1], [2, 3]], I64)])
    check("GatherND", [x, np.array([[0, 1], [2, 3]], I32)])
    check("Pad", [x, np.array([0, 1, 2, 1, 0, -1], I64), np.array([7], F32)])
    check("Pad", [x, np.array([0, 1, 2, 1, 0, 1], I64)], mode="reflect")
    check("Range", [np.array(1, F32), np.array([6], F32), np.array(1.5, F32)])
    check("Range", [np.array([2], I64), np.array(6, I64)], [I64])
    check("SampleOp", [x])
    check("Trilu", [x], upper=0)
    check("Trilu", [x, np.array(1, I64)])
    check("Unique", [np.array([2, 1, 1, 3, 4, 3], F32)], [F32, I64, I64])
    grid = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 4, 5, 2)).astype(F32)
    for mode in ("bilinear", "nearest", "bicubic"):
        check("GridSample", [random(2, 3, 6, 7), grid], mode=mode, padding_mode="border")


def test_old_default_domain():
    x = random(2, 3, 6, 7)
    check("Affine", [x], domain="", opset=8, alpha=2.0, beta=0.5)
    check("ScaledTanh", [x], domain="", opset=8, alpha=2.0, beta=0.5)
    check("ParametricSoftplus", [x], domain="", opset=8, alpha=2.0, beta=0.5)
    check("Scale", [x], domain="", opset=8, scale=3.0)
    check("ImageScaler", [x], domain="", opset=8, scale=3.0, bias=[1.0, 2.0, 3.0])
    check("Crop", [x], domain="", opset=8, border=[1, 2, 1, 0])
    check("Crop", [x], domain="", opset=8, border=[1, 2, 1, 0], scale=[3, 4])


@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "identity"])
@pytest.mark.parametrize("k, normalize", [(1, 0), (2, 0), (2, 1)])
def test_mixture_of_experts(rows, activation, k, normalize):
    x, scores = random(rows, 12), random(rows, 4, seed=9)
    fc1, bias1 = random(4, 10, 12, seed=1), random(4, 10, seed=2)
    fc2, bias2 = random(4, 12, 10, seed=3), random(4, 12, seed=4)
    attrs = {"k": k, "activation_type": activation, "normalize_routing_weights": normalize}
    check("MoE", [x, scores, fc1, bias1, fc2, bias2], **attrs)
    check("MoE", [x.reshape(1, rows, 12), scores, fc1, None, fc2], **attrs)


def test_mixture_of_experts_swiglu():
    x, scores = random(5, 12), random(5, 4, seed=9)
    fc1, bias1 = random(4, 20, 12, seed=1), random(4, 20, seed=2)
    fc2, bias2 = random(4, 12, 10, seed=3), random(4, 12, seed=4)
    attrs = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1}
    more = {"activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 2.0}
    check("MoE", [x, scores, fc1, bias1, fc2, bias2], **attrs, **more)


def test_matrices():
    square = random(2, 5, 5)
    check("Inverse", [square], rtol=1e-3)
    a, b = random(6, 3), random(7, 3, seed=1)
    check("CDist", [a, b], metric="euclidean", rtol=1e-3)
    check("CDist", [a, b], metric="sqeuclidean", rtol=1e-3, atol=1e-4)
    check("CDist", [a.astype(np.float64), b.astype(np.float64)], [np.float64], metric="euclidean")
    for seed in range(4):
        check("DynamicTimeWarping", [random(7, 9, seed=seed)], [I32])
    check("DynamicTimeWarping", [random(1, 5, 3)], [I32])
    for dim, size, step in [(-1, 3, 2), (0, 2, 1), (1, 2, 2)]:
        check("UnfoldTensor", [random(3, 4, 9)], dim=dim, size=size, step=step)


def test_crop_and_resize():
    x = random(2, 3, 7, 8)
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [0.8, 0.3, 0.2, 1.2]], F32)
    items, size = np.array([0, 1, 1], I32), np.array([4, 5], I32)
    for mode in ("bilinear", "nearest"):
        check("CropAndResize", [x, boxes, items, size], mode=mode, extrapolation_value=9.0)
    check("CropAndResize", [x, boxes, items, np.array([1, 3], I32)], constants=(3,))


def test_tokens():
    for positive, dtype in ((0, I32), (1, np.uint32)):
        for x in (np.array([1, -2, 3], I32), np.array([5, -6], I64), random(4),
                  random(3).astype(np.float64)):
            check("MurmurHash3", [x], [dtype], positive=positive, seed=7)
        texts = np.array(["", "a", "ab", "abc", "abcd", "abcde", "ü"], object)
        check("MurmurHash3", [texts], [dtype], positive=positive)
    ids = np.array([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4]], I64)
    check("NGramRepeatBlock", [ids, random(2, 6)], ngram_size=3)
    check("NGramRepeatBlock", [ids, random(2, 6)], ngram_size=1)
    source = np.array([1, 5, 3, 4, 2], I64)
    now, match = np.array([2, 5, 1], I64), np.array(1, I64)
    op, both = "BifurcationDetector", [I64, I64]
    check(op, [source, now, match], both)
    check(op, [source, now, match, np.array([5, 3, 9, 8, 7], I64)], both)
    check(op, [source, now, match, np.array([5, 3, 4, 2, 7], I64)], both)
    check(op, [np.array([1, 2, 3, 1, 2, 4], I64), np.array([3, 1, 2], I64), match], both)
    check(op, [np.array([1, 2, 3, 1, 2, 4], I64), np.array([9, 2], I64), match], both)


def test_word_conv():
    rng = np.random.default_rng(0)
    words = rng.integers(1, 9, (5, 6)).astype(I32)
    words[0, 4:] = 0
    words[2, 1:] = 0
    check("WordConvEmbedding", [words, random(5, 1, 3, 4), random(5), random(9, 4)])


def test_gates():
    x, gate, scale = random(2, 3, 16), random(2, 3, 16, seed=1), random(8)
    for activation in ("silu", "sigmoid"):
        check("GatedRMSNorm", [x, scale, gate], activation=activation, epsilon=1e-5)
    check("GatedAdd", [x, gate, random(2, 3, 1)])
    check("ScaledSiLU", [x], alpha=0.7)
    check("ScaledSiLU", [x, np.array(1.5, F32)])
    per_head = random(16), -np.abs(random(16, seed=2))
    check("LinearAttentionGate", [x, *per_head], [F32])
    check("LinearAttentionGate", [x, *per_head, gate], [F32, F32])
    keys, queries = random(1, 3, 2, 8), random(1, 3, 2, 8, seed=1)
    scales = [random(2, 8, seed=seed) for seed in range(3)]
    value = random(1, 3, 8)
    check("EngramGate", [keys, queries, value, *scales[:2]])
    check("EngramGate", [keys, queries, value, *scales], [F32, F32])


def test_linear_attention():
    both = [F32, F32]
    x, weight = random(2, 6, 9), random(6, 1, 4)
    check("CausalConvWithState", [x, weight], both)
    for activation in ("none", "silu"):
        more = {"activation": activation}
        check("CausalConvWithState", [x, weight, random(6), random(2, 6, 3)], both, **more)
    q, k, v = random(1, 5, 16), random(1, 5, 16, seed=1) * 0.3, random(1, 5, 12, seed=2)
    state = random(1, 2, 8, 6)
    decay, beta = -np.abs(random(1, 5, 2)), np.abs(random(1, 5, 2, seed=3))
    heads = {"q_num_heads": 2, "kv_num_heads": 2}
    op = "LinearAttention"
    check(op, [q, k, v], both, update_rule="linear", **heads)
    check(op, [q, k, v, state, decay], both, update_rule="gated", **heads)
    check(op, [q, k, v, state, None, beta], both, update_rule="delta", **heads)
    check(op, [q, k, v, state, decay, beta], both, update_rule="gated_delta", **heads)


@pytest.mark.parametrize("mark", [0, 1])
def test_tokenizer(mark):
    texts = ["Hello World", "I love computer science !", "", "a  b", "über-große,Wörter"]
    texts = np.array(texts, object)
    pairs = np.array([["one two", "three"], ["", "four five six"]], object)
    for how in (
        {"separators": [" "]},
        {"separators": [" ", ",|-"]},
        {"separators": [""]},
        {"separators": ["o+", "l"]},
        {"tokenexp": "."},
        {"tokenexp": r"\w+"},
        {"tokenexp": "[a-y]+|[a-z]*!"},
        {"tokenexp": "(?i)[a-z]o?"},
    ):
        for least in (1, 2):
            if least == 2 and how in ({"separators": [""]}, {"tokenexp": "."}):
                continue
            attrs = {"mark": mark, "pad_value": "#", "mincharnum": least}
            check("Tokenizer", [texts], [np.dtype(object)], **attrs, **how)
            check("Tokenizer", [pairs], [np.dtype(object)], **attrs, **how)
    attrs = {"mark": mark, "pad_value": "#", "mincharnum": 1, "separators": [" "]}
    check("Tokenizer", [np.array(["", " "], object)], [np.dtype(object)], **attrs)


def test_branches():
    streams, block = random(2, 3, 4, 8), random(2, 3, 8)
    flat = streams.reshape(2, 3, 32)
    four = {"num_branches": 4}
    for scale in (None, random(8), random(4, 8), random(32)):
        check("BranchwiseRMSNorm", [streams, scale], epsilon=1e-5)
        check("BranchwiseRMSNorm", [flat, scale], epsilon=1e-5, constants=(1,), **four)
    for gate in (random(2, 3, 4), random(2, 3, 4, 1), random(2, 3, 4, 8)):
        check("HyperConnectionPreMix", [streams, gate], reduction_scale=0.5)
        check("HyperConnectionPostMix", [streams, block, gate])
        check("HyperConnectionPostMix", [streams, block, gate, random(2, 3, 4, 4)])
    mix = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(F32)
    check("HyperConnectionPostMix", [flat, block, random(2, 3, 4, 1), mix], **four)
    check("HyperConnectionPreMix", [flat, random(2, 3, 4, 8)], **four)
