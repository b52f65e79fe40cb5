"""What the optimiser of onnxruntime.transformers makes of transformers gives what the original gives
in ONNX Runtime, whose CPU has no kernels for some of the operators it writes."""

import functools

import numpy as np
import onnx
import onnxruntime
import pytest
import small_nets
import transformer_nets as nets
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import AttentionMaskFormat, FusionOptions

import sardonyx

# By name: the optimiser's name for it, how it is built, what it is fed, operators that must come.
NETS = {
    "bert": ("bert", nets.bert, nets.bert_feeds,
             ["EmbedLayerNormalization", "Attention", "SkipLayerNormalization", "BiasGelu"]),
    "vit": ("vit", nets.vit, nets.vit_feeds, ["Attention", "SkipLayerNormalization", "BiasGelu"]),
    "gpt2": ("gpt2", functools.partial(nets.gpt2, False), nets.gpt2_feeds,
             ["Attention", "SkipLayerNormalization", "FastGelu"]),
    "gpt2_past": ("gpt2", functools.partial(nets.gpt2, True), nets.gpt2_past_feeds,
                  ["Attention", "SkipLayerNormalization", "FastGelu"]),
    "t5": ("t5", nets.t5, nets.t5_feeds,
           ["RelativePositionBias", "Attention", "SkipSimplifiedLayerNormalization"]),
    "t5_step": ("t5", nets.t5_step, nets.t5_step_feeds,
                ["RelativePositionBias", "MultiHeadAttention", "SkipSimplifiedLayerNormalization"]),
    "bart_encoder": ("bart", nets.bart_encoder, nets.bart_encoder_feeds,
                     ["Attention", "SkipLayerNormalization", "BiasGelu"]),
    "bart_decoder": ("bart", nets.bart_decoder, nets.bart_decoder_feeds,
                     ["Attention", "MultiHeadAttention", "SkipLayerNormalization"]),
    "bart_step": ("bart", nets.bart_step, nets.bart_step_feeds,
                  ["MultiHeadAttention", "SkipLayerNormalization", "BiasGelu"]),
    "clip": ("clip", nets.clip, nets.clip_feeds,
             ["Attention", "SkipLayerNormalization", "QuickGelu"]),
    "unet": ("unet", nets.unet, nets.unet_feeds,
             ["NhwcConv", "GroupNorm", "SkipGroupNorm", "MultiHeadAttention", "BiasSplitGelu",
              "SkipLayerNormalization", "BiasAdd"]),
}
ALWAYS = {"bart": {"use_multi_head_attention": True}}


@functools.cache
def original(name):
    """Its bytes, feeds, and what ONNX Runtime gives."""
    _, build, feeds, _ = NETS[name]
    model = build()
    given = feeds(np.random.default_rng(0))
    return model, given, run_peer(model.SerializeToString(), given)


def run_peer(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def fuse(name, tmp_path, **changes):
    kind = NETS[name][0]
    source = tmp_path / "original.onnx"
    onnx.save(original(name)[0], source)
    options = FusionOptions(kind)
    for option, value in (ALWAYS.get(kind, {}) | changes).items():
        assert hasattr(options, option)
        setattr(options, option, value)
    return optimizer.optimize_model(
        str(source), model_type=kind, num_heads=nets.HEADS, hidden_size=nets.WIDTH,
        optimization_options=options, opt_level=0
    )


def saved(fused, tmp_path):
    path = str(tmp_path / "fused.onnx")
    fused.save_model_to_file(path)
    return path, {node.op_type for node in onnx.load(path).graph.node if node.domain}


def check_close(got, wanted, rtol=1e-3, atol=1e-5):
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", NETS)
def test_all_fusions(name, tmp_path):
    path, found = saved(fuse(name, tmp_path), tmp_path)
    assert not set(NETS[name][3]) - found
    _, feeds, wanted = original(name)
    check_close(sardonyx.InferenceSession(path).run(None, feeds), wanted)
    with open(path, "rb") as file:
        shapeless = small_nets.without_shapes(file.read())
    check_close(sardonyx.InferenceSession(shapeless).run(None, feeds), wanted)


# Options that find nothing in these nets, and those that approximate, which have their own test.
IDLE = {"enable_rotary_embeddings", "enable_qordered_matmul", "enable_gelu_approximation",
        "enable_gemm_fast_gelu"}
IDLE_IN = {
    "bert": {"group_norm_channels_last"},
    "gpt2_past": {"group_norm_channels_last", "use_multi_head_attention",
                  "disable_multi_head_attention_bias"},
    "bart_decoder": {"group_norm_channels_last", "enable_embed_layer_norm"},
    "unet": {"use_multi_head_attention", "disable_multi_head_attention_bias",
             "enable_embed_layer_norm", "enable_bias_gelu"},
}


def switches(name):
    """Every other option of the net, turned over."""
    options = vars(FusionOptions(NETS[name][0])) | ALWAYS.get(NETS[name][0], {})
    return [(name, option, not value) for option, value in options.items()
            if isinstance(value, bool) and option not in IDLE | IDLE_IN[name]]


@pytest.mark.parametrize(("name", "option", "value"), [
    each for name in IDLE_IN for each in switches(name)
])
def test_switch(name, option, value, tmp_path):
    path, _ = saved(fuse(name, tmp_path, **{option: value}), tmp_path)
    _, feeds, wanted = original(name)
    check_close(sardonyx.InferenceSession(path).run(None, feeds), wanted)


@pytest.mark.parametrize("form", ["MaskIndexEnd", "MaskIndexEndAndStart", "AttentionMask"])
@pytest.mark.parametrize("heads", [False, True])
def test_mask_formats(form, heads, tmp_path):
    fused = fuse("bert", tmp_path, attention_mask_format=getattr(AttentionMaskFormat, form),
                 use_multi_head_attention=heads)
    path, _ = saved(fused, tmp_path)
    _, feeds, wanted = original("bert")
    check_close(sardonyx.InferenceSession(path).run(None, feeds), wanted)


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_approximations(name, tmp_path):
    """Gelu by tanh, alone (which ONNX Runtime runs) and joined with the product before it."""
    path, found = saved(fuse(name, tmp_path, enable_gelu_approximation=True), tmp_path)
    assert "FastGelu" in found
    _, feeds, _ = original(name)
    wanted = run_peer(path, feeds)
    check_close(sardonyx.InferenceSession(path).run(None, feeds), wanted)
    fused = fuse(name, tmp_path, enable_gelu_approximation=True, enable_gemm_fast_gelu=True)
    path, found = saved(fused, tmp_path)
    assert "GemmFastGelu" in found
    check_close(sardonyx.InferenceSession(path).run(None, feeds), wanted)


@pytest.mark.parametrize("keep_io_types", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_halves(name, keep_io_types, tmp_path):
    fused = fuse(name, tmp_path)
    fused.convert_float_to_float16(keep_io_types=keep_io_types)
    path, _ = saved(fused, tmp_path)
    _, feeds, wanted = original(name)
    if not keep_io_types:
        feeds = {
            name: each.astype(np.float16) if each.dtype == np.float32 else each
            for name, each in feeds.items()
        }
    got = sardonyx.InferenceSession(path).run(None, feeds)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.dtype == (np.float32 if keep_io_types else np.float16)
        # Numbers of about 1 behind two layers in 11 bits.
        assert np.abs(ours - theirs).max() < 0.03
        assert np.abs(ours - theirs).mean() < 0.003
