"""Models that ONNX Runtime's optimisers saved: loaded, they give what the original gives there."""

import functools

import image_nets
import numpy as np
import onnx
import onnxruntime
import pytest
import small_nets

import sardonyx

LEVELS = onnxruntime.GraphOptimizationLevel
ORACLE = ["CPUExecutionProvider"]


def encoder_feeds():
    ids = np.random.default_rng(1).integers(0, small_nets.WORDS, (3, small_nets.LENGTH))
    mask = np.ones_like(ids)
    mask[0, 9:] = 0
    return {"input_ids": ids, "attention_mask": mask}


NETS = {
    "convolutions": (small_nets.convolution_net, image_nets.image_feeds),
    "resnet": (image_nets.resnet, image_nets.image_feeds),
    "mobilenet": (image_nets.mobilenet, image_nets.image_feeds),
    "se_net": (image_nets.se_net, image_nets.image_feeds),
    "densenet": (image_nets.densenet, image_nets.image_feeds),
    "unet": (image_nets.unet, image_nets.image_feeds),
    "inception": (image_nets.inception, image_nets.image_feeds),
    "lstm": (functools.partial(image_nets.tagger, "LSTM"), image_nets.tagger_feeds),
    "gru": (functools.partial(image_nets.tagger, "GRU"), image_nets.tagger_feeds),
    "encoder": (small_nets.encoder_net, encoder_feeds),
}


def operators(path):
    return {f"{node.domain}.{node.op_type}" for node in onnx.load(path).graph.node}


def check_same(path, original, feeds):
    wanted = onnxruntime.InferenceSession(original, providers=ORACLE).run(None, feeds)
    with open(path, "rb") as file:
        saved = file.read()
    for model in (saved, small_nets.without_shapes(saved)):
        got = sardonyx.InferenceSession(model).run(None, feeds)
        for ours, theirs in zip(got, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("level", ["BASIC", "EXTENDED", "LAYOUT", "ALL"])
def test_saved_optimised(net, level, tmp_path):
    build, feeds = NETS[net]
    original = build().SerializeToString()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(LEVELS, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(original, options, providers=ORACLE)
    found = operators(options.optimized_model_filepath)
    takes_images = feeds is image_nets.image_feeds
    if level == "EXTENDED" and (takes_images or net == "encoder"):
        expected = "FusedConv" if takes_images else "SkipLayerNormalization"
        assert f"com.microsoft.{expected}" in found
    if level in ("LAYOUT", "ALL") and takes_images:
        assert "com.microsoft.nchwc.Conv" in found
    check_same(options.optimized_model_filepath, original, feeds())


def fused_encoder(tmp_path, attention="Attention"):
    """The encoder as the transformers optimiser leaves it, and where the original is."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    original = tmp_path / "encoder.onnx"
    onnx.save(small_nets.encoder_net(), original)
    options = FusionOptions("bert")
    options.use_multi_head_attention = attention == "MultiHeadAttention"
    optimised = optimizer.optimize_model(
        str(original),
        model_type="bert",
        num_heads=small_nets.HEADS,
        hidden_size=small_nets.WIDTH,
        optimization_options=options,
        opt_level=0,
    )
    return optimised, str(original)


@pytest.mark.parametrize("attention", ["Attention", "MultiHeadAttention"])
def test_transformers_optimizer(attention, tmp_path):
    optimised, original = fused_encoder(tmp_path, attention)
    saved = str(tmp_path / "optimised.onnx")
    optimised.save_model_to_file(saved)
    found = operators(saved)
    assert f"com.microsoft.{attention}" in found
    assert "com.microsoft.SkipLayerNormalization" in found
    check_same(saved, original, encoder_feeds())


@pytest.mark.parametrize("keep_io_types", [False, True])
@pytest.mark.parametrize("attention", ["Attention", "MultiHeadAttention"])
def test_transformers_optimizer_in_halves(attention, keep_io_types, tmp_path):
    optimised, original = fused_encoder(tmp_path, attention)
    optimised.convert_float_to_float16(keep_io_types=keep_io_types)
    saved = str(tmp_path / "halves.onnx")
    optimised.save_model_to_file(saved)
    kinds = {tensor.data_type for tensor in onnx.load(saved).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    feeds = encoder_feeds()
    wanted = onnxruntime.InferenceSession(original, providers=ORACLE).run(None, feeds)[0]
    got = sardonyx.InferenceSession(saved).run(None, feeds)[0]
    assert got.dtype == (np.float32 if keep_io_types else np.float16)
    # Numbers of about 1 behind two layers in 11 bits.
    assert np.abs(got - wanted).max() < 0.02
    assert np.abs(got - wanted).mean() < 0.002


def test_transformers_optimizer_quantized(tmp_path):
    from onnxruntime import quantization

    optimised, _ = fused_encoder(tmp_path)
    fused, saved = str(tmp_path / "fused.onnx"), str(tmp_path / "quantized.onnx")
    optimised.save_model_to_file(fused)
    # Its shape inference does not know the operators of com.microsoft.
    kinds = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantization.quantize_dynamic(fused, saved, extra_options=kinds)
    assert {"com.microsoft.QAttention", ".MatMulInteger"} & operators(saved)
    feeds = encoder_feeds()
    wanted = onnxruntime.InferenceSession(saved, providers=ORACLE).run(None, feeds)[0]
    got = sardonyx.InferenceSession(saved).run(None, feeds)[0]
    assert np.abs(got - wanted).max() < 0.05
    assert np.abs(got - wanted).mean() < 0.002


@pytest.mark.parametrize(("bits", "symmetric", "block"), [(4, True, 32), (4, False, 16), (8, True, 32)])
def test_matmul_nbits_quantizer(bits, symmetric, block, tmp_path):
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    settings = nbits.DefaultWeightOnlyQuantConfig(
        block_size=block, is_symmetric=symmetric, bits=bits, accuracy_level=1
    )
    quantizer = nbits.MatMulNBitsQuantizer(small_nets.encoder_net(), algo_config=settings)
    quantizer.process()
    saved = str(tmp_path / "quantized.onnx")
    quantizer.model.save_model_to_file(saved)
    assert "com.microsoft.MatMulNBits" in operators(saved)
    check_same(saved, saved, encoder_feeds())
