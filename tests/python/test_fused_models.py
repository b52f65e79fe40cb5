"""What the optimiser of onnxruntime.transformers makes of transformers gives what the original
gives in ONNX Runtime, whose CPU has no kernels for some of the operators it writes."""

import functools
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import pytest
import small_nets
import transformer_nets as nets
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import AttentionMaskFormat, FusionOptions
from onnxruntime.transformers.onnx_model import OnnxModel

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
    "llama": ("gpt2", nets.llama, nets.llama_feeds,
              ["RotaryEmbedding", "MultiHeadAttention", "SkipSimplifiedLayerNormalization"]),
    "unet": ("unet", nets.unet, nets.unet_feeds,
             ["NhwcConv", "GroupNorm", "SkipGroupNorm", "MultiHeadAttention", "BiasSplitGelu",
              "SkipLayerNormalization", "BiasAdd"]),
}
# Options that its attention needs to be found.
ALWAYS = {
    "bart_encoder": {"use_multi_head_attention": True},
    "bart_decoder": {"use_multi_head_attention": True},
    "bart_step": {"use_multi_head_attention": True},
}


@functools.cache
def original(name):
    """Its bytes, feeds, and what ONNX Runtime gives."""
    _, build, feeds, _ = NETS[name]
    model = build().SerializeToString()
    given = feeds(np.random.default_rng(0))
    return model, given, run_peer(model, given)


def run_peer(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def fuse(name, **changes):
    """The file that the optimiser makes with these options changed, and the operators in it."""
    kind = NETS[name][0]
    options = FusionOptions(kind)
    for option, value in (ALWAYS.get(name, {}) | changes).items():
        assert hasattr(options, option)
        setattr(options, option, value)
    fused = optimizer.optimize_model(
        onnx.load_model_from_string(original(name)[0]), model_type=kind, num_heads=nets.HEADS,
        hidden_size=nets.WIDTH, optimization_options=options, opt_level=0
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "fused.onnx")
        fused.save_model_to_file(str(path))
        saved = path.read_bytes()
    return saved, {node.op_type for node in fused.model.graph.node if node.domain}


fuse_all = functools.cache(fuse)


def check(model, feeds, wanted, rtol=1e-3, atol=1e-5):
    got = sardonyx.InferenceSession(model).run(None, feeds)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", NETS)
def test_all_fusions(name):
    model, found = fuse_all(name)
    assert not set(NETS[name][3]) - found
    _, feeds, wanted = original(name)
    check(model, feeds, wanted)
    check(small_nets.without_shapes(model), feeds, wanted)


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
    options = vars(FusionOptions(NETS[name][0])) | ALWAYS.get(name, {})
    return [(name, option, not value) for option, value in options.items()
            if isinstance(value, bool) and option not in IDLE | IDLE_IN[name]]


@pytest.mark.parametrize(("name", "option", "value"), [
    each for name in IDLE_IN for each in switches(name)
])
def test_switch(name, option, value):
    model, _ = fuse(name, **{option: value})
    _, feeds, wanted = original(name)
    check(model, feeds, wanted)


@pytest.mark.parametrize("form", ["MaskIndexEnd", "MaskIndexEndAndStart", "AttentionMask"])
@pytest.mark.parametrize("heads", [False, True])
def test_mask_formats(form, heads):
    model, _ = fuse("bert", attention_mask_format=getattr(AttentionMaskFormat, form),
                    use_multi_head_attention=heads)
    _, feeds, wanted = original("bert")
    check(model, feeds, wanted)


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_approximations(name):
    """Gelu by tanh, alone (which ONNX Runtime runs) and joined with the product before it."""
    model, found = fuse(name, enable_gelu_approximation=True)
    assert "FastGelu" in found
    _, feeds, _ = original(name)
    wanted = run_peer(model, feeds)
    check(model, feeds, wanted)
    model, found = fuse(name, enable_gelu_approximation=True, enable_gemm_fast_gelu=True)
    assert "GemmFastGelu" in found
    check(model, feeds, wanted)


@pytest.mark.parametrize("keep_io_types", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_halves(name, keep_io_types):
    narrow = OnnxModel(onnx.load_model_from_string(fuse_all(name)[0]))
    narrow.convert_float_to_float16(keep_io_types=keep_io_types)
    _, feeds, wanted = original(name)
    if not keep_io_types:
        feeds = {
            name: each.astype(np.float16) if each.dtype == np.float32 else each
            for name, each in feeds.items()
        }
    got = sardonyx.InferenceSession(narrow.model.SerializeToString()).run(None, feeds)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.dtype == (np.float32 if keep_io_types else np.float16)
        # Numbers of about 1 behind two layers in 11 bits.
        assert np.abs(ours - theirs).max() < 0.03
        assert np.abs(ours - theirs).mean() < 0.003
