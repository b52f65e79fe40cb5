"""Small decoders as generation tools write them, step by step beside ONNX Runtime."""

import dataclasses

import decoder_nets
import numpy as np
import onnxruntime
import pytest
from decoder_nets import FAMILIES, WORDS
from small_nets import without_shapes

import sardonyx

I32 = np.int32


def sessions(model, peer=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    theirs = onnxruntime.InferenceSession(
        model if peer is None else peer, options, providers=["CPUExecutionProvider"]
    )
    ours = sardonyx.InferenceSession(model)
    names = [each.name for each in theirs.get_outputs()]
    assert names == [each.name for each in ours.get_outputs()]
    return ours, theirs, names


def check_close(got, wanted, rtol=1e-3, atol=1e-4):
    for mine, expected in zip(got, wanted, strict=True):
        assert mine.dtype == expected.dtype
        assert mine.shape == expected.shape
        np.testing.assert_allclose(mine, expected, rtol=rtol, atol=atol)


def as_past(names, results, past):
    """What the next step is given, of what this one gave."""
    return {
        name.replace("present", past): value
        for name, value in zip(names, results)
        if name.startswith("present")
    }


def generate(family, steps=3, peer=None, change=lambda model: model):
    """A prompt of 7 words and a few of one word; every runtime goes on with its own past. peer is
    what ONNX Runtime runs, if that is another file."""
    model = decoder_nets.decoder(family)
    peer = model if peer is None else decoder_nets.decoder(peer)
    ours, theirs, names = sessions(change(model), peer)
    words = np.random.default_rng(0)
    ids = words.integers(0, WORDS, (2, 7))
    mask = np.ones_like(ids)
    empty = np.zeros((2, family.kv_heads, 0, family.size), np.float16 if family.half else np.float32)
    pasts = [
        {f"past_key_values.{layer}.{each}": empty
         for layer in range(family.layers) for each in ("key", "value")}
    ] * 2
    for _ in range(1 + steps):
        feeds = {"input_ids": ids, "attention_mask": mask}
        results = [
            session.run(None, feeds | past) for session, past in zip((ours, theirs), pasts)
        ]
        yield results
        pasts = [as_past(names, each, "past_key_values") for each in results]
        ids = words.integers(0, WORDS, (2, 1))
        mask = np.concatenate([mask, np.ones((2, 1), mask.dtype)], axis=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_generation(name):
    for got, wanted in generate(FAMILIES[name]):
        check_close(got, wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_generation_in_halves(name):
    family = dataclasses.replace(FAMILIES[name], half=True)
    for got, wanted in generate(family):
        # Numbers of about 1 to 4 behind two layers in 11 bits.
        check_close(got, wanted, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", FAMILIES)
def test_generation_without_shapes(name):
    for got, wanted in generate(FAMILIES[name], change=without_shapes):
        check_close(got, wanted)


@pytest.mark.parametrize("name", [
    name for name, family in FAMILIES.items()
    if family.attention == "group" and family.rotary == "inside"
])
def test_prompts_of_different_lengths(name):
    """The shorter one is padded at its end; what is computed behind that is nobody's."""
    family = FAMILIES[name]
    ours, theirs, _ = sessions(decoder_nets.decoder(family))
    lengths = np.array([7, 4])
    feeds = {
        "input_ids": np.random.default_rng(0).integers(0, WORDS, (2, 7)),
        "attention_mask": (np.arange(7) < lengths[:, None]).astype(np.int64),
    }
    empty = np.zeros((2, family.kv_heads, 0, family.size), np.float32)
    for layer in range(family.layers):
        for each in ("key", "value"):
            feeds[f"past_key_values.{layer}.{each}"] = empty
    got, wanted = ours.run(None, feeds)[0], theirs.run(None, feeds)[0]
    for item, length in enumerate(lengths):
        check_close([got[item, :length]], [wanted[item, :length]])


def test_norms_inside():
    """Queries and keys that the attention normalises, which ONNX Runtime knows on GPUs alone, give
    what nodes for it in front of the attention give."""
    nodes = FAMILIES["qwen-norms"]
    inside = dataclasses.replace(nodes, qk_norm="inputs")
    for got, wanted in generate(inside, peer=nodes):
        check_close(got, wanted)


def test_speech():
    encoder = decoder_nets.speech_encoder()
    ours, theirs, names = sessions(encoder)
    spectra = np.random.default_rng(0).standard_normal((2, 10, 18)).astype(np.float32)
    got, wanted = (each.run(None, {"spectra": spectra}) for each in (ours, theirs))
    check_close(got, wanted)
    crossed = dict(zip(names, wanted))
    del crossed["frames"]
    writer = decoder_nets.SpeechWriter
    for masked in (False, True):
        ours, theirs, names = sessions(decoder_nets.speech_decoder(masked))
        words = np.random.default_rng(1)
        held = 9 if masked else 0  # the buffer has room for all
        empty = np.zeros((2, writer.HEADS, held, writer.SIZE), np.float32)
        pasts = [{f"past.{layer}.{each}": empty
                  for layer in range(writer.LAYERS) for each in ("key", "value")}] * 2
        for step in range(4):
            feeds = {"input_ids": words.integers(0, WORDS, (2, 1 if masked or step else 4))}
            if masked:
                feeds["past_sequence_length"] = np.array([step], I32)
            got, wanted = (each.run(None, feeds | crossed | past)
                           for each, past in zip((ours, theirs), pasts))
            check_close(got[:1], wanted[:1])
            for mine, expected in zip(got[1:], wanted[1:], strict=True):
                used = step + 1 if masked else mine.shape[2]
                check_close([mine[:, :, :used]], [expected[:, :, :used]])
            pasts = [as_past(names, each, "past") for each in (got, wanted)]
