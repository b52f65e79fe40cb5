"""BeamSearch and WhisperBeamSearch over encoders with decoders, beside ONNX Runtime."""

import encoder_nets as nets
import numpy as np
import pytest
from onnx import TensorProto
from test_search import I32, model_of, number, run_both

import sardonyx

START, EOS, PAD = 0, nets.WORDS - 1, nets.WORDS - 2
T5 = {"eos_token_id": EOS, "pad_token_id": PAD, "decoder_start_token_id": START, "model_type": 1}
WHISPER = T5 | {"model_type": 2}
TEXT = np.array([[3, 5, 7, 2], [PAD, 6, 1, PAD], [1, 1, PAD, 4]], I32)
MASK = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 0, 1]], I32)
SOUND = np.random.default_rng(0).standard_normal((2, nets.MELS, 5)).astype(np.float32)
FIRST = np.array([[START, 4], [START, 5]], I32)
OUTPUTS = {"sequences": TensorProto.INT32, "sequences_scores": TensorProto.FLOAT}
SCORES = OUTPUTS | {"scores": TensorProto.FLOAT}


def feeds(first, **options):
    given = {
        "input_ids": first,
        "max_length": number(10),
        "min_length": number(0),
        "num_beams": number(3),
        "num_return_sequences": number(2),
        "length_penalty": number(1.0),
        "repetition_penalty": number(1.0),
        "vocab_mask": None,
        "prefix_vocab_mask": None,
        "attention_mask": None,
        "decoder_input_ids": None,
        "logits_processor": None,
        "cross_qk_layer_head": None,
        "extra_decoding_ids": None,
        "temperature": None,
    }
    given |= options
    while list(given.values())[-1] is None:
        given.popitem()
    return given


def t5(seed, **kind):
    first_step = kind.pop("first_step", True)
    return {"encoder": nets.t5_encoder(seed, first_step), "decoder": nets.decoder(seed, True, **kind)}


def whisper(seed, **kind):
    return {"encoder": nets.whisper_encoder(seed), "decoder": nets.decoder(seed, False, **kind)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "kind",
    [
        {"first_step": False},
        {"first_step": True},
        {"first_step": True, "hidden": True},
        {"first_step": True, "columns": "S"},
        {"first_step": False, "columns": "S"},
    ],
)
def test_t5(seed, kind):
    run_both("BeamSearch", feeds(TEXT), OUTPUTS, **t5(seed, **kind), **T5)
    run_both("BeamSearch", feeds(TEXT, attention_mask=MASK), OUTPUTS, **t5(seed, **kind), **T5)


@pytest.mark.parametrize(
    "options, attrs",
    [
        ({"num_beams": number(1), "num_return_sequences": number(1)}, {}),
        ({"length_penalty": number(0.5)}, {"early_stopping": 1}),
        ({"min_length": number(6), "repetition_penalty": number(1.4)}, {}),
        ({}, {"no_repeat_ngram_size": 2, "vocab_size": nets.WORDS}),
        ({"vocab_mask": (np.arange(nets.WORDS) % 4 != 1).astype(I32)}, {}),
    ],
)
def test_t5_options(options, attrs):
    for seed in range(3):
        run_both("BeamSearch", feeds(TEXT, **options), OUTPUTS, **t5(seed), **T5, **attrs)


def test_scores():
    """Of every token at every step, while no item has ended."""
    no_end = (np.arange(nets.WORDS) != EOS).astype(I32)
    run_both("BeamSearch", feeds(TEXT, vocab_mask=no_end), SCORES, **t5(1), **T5)


@pytest.mark.parametrize("op", ["BeamSearch", "WhisperBeamSearch"])
@pytest.mark.parametrize("kind", [{}, {"hidden": True}])
def test_whisper(op, kind):
    for seed in range(3):
        run_both(op, feeds(SOUND), OUTPUTS, **whisper(seed, **kind), **WHISPER)
        given = feeds(SOUND, decoder_input_ids=FIRST)
        run_both(op, given, OUTPUTS, **whisper(seed, **kind), **WHISPER)


def test_whisper_temperature():
    given = feeds(SOUND, decoder_input_ids=FIRST, temperature=number(0.6))
    found = [
        run_both("WhisperBeamSearch", given | {"temperature": number(each)}, OUTPUTS, **whisper(0),
                 **WHISPER)
        for each in (0.6, 1.0)
    ]
    assert np.abs(found[0][1] - found[1][1]).max() > 0.1


TOKENS = {
    "translate_token_id": 11,
    "transcribe_token_id": 12,
    "start_of_lm_token_id": 13,
    "no_timestamps_token_id": 14,
    "beginning_timestamp_token_id": 15,
}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("allowed", [0, 60])
def test_whisper_timestamps(seed, allowed):
    mask = (np.arange(nets.WORDS) >= allowed).astype(I32)
    given = feeds(SOUND, decoder_input_ids=FIRST, logits_processor=number(1), vocab_mask=mask)
    attrs = WHISPER | TOKENS | {"eos_token_id": 10, "pad_token_id": 10}
    run_both("WhisperBeamSearch", given, OUTPUTS, **whisper(seed), **attrs)


def test_no_speech():
    """The probability of the token by the logits of the last of the first tokens: this is how the
    output is documented, and not what ONNX Runtime's kernel for processors gives."""
    outputs = OUTPUTS | {"": 0, " ": 0, "non_speech_probs": TensorProto.FLOAT}
    attrs = WHISPER | {"no_speech_token_id": 7}
    given = feeds(SOUND, decoder_input_ids=FIRST)
    model, fed = model_of("WhisperBeamSearch", given, outputs, **whisper(3), **attrs)
    got = sardonyx.InferenceSession(model).run(None, fed)[-1]
    encoder = nets.whisper_encoder(3)
    logits = nets.run(encoder, encoder_input_ids=SOUND, decoder_input_ids=FIRST)[:, -1]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(got, shares[:, 7], rtol=1e-4)


@pytest.mark.parametrize("op", ["GreedySearch", "Sampling"])
def test_one_way(op):
    """A search for the best token is a beam search with one beam; so is a draw that keeps one."""
    names = ("input_ids", "max_length", "min_length", "repetition_penalty", "vocab_mask")
    drawn = {"min_tokens_to_keep": 1} if op == "Sampling" else {}
    for seed in range(3):
        one = feeds(TEXT, num_beams=number(1), num_return_sequences=number(1))
        wanted = run_both("BeamSearch", one, OUTPUTS, **t5(seed), **T5)[0]
        given = {name: feeds(TEXT, vocab_mask=np.ones(nets.WORDS, I32))[name] for name in names}
        model, fed = model_of(op, given, {"sequences": TensorProto.INT32}, **t5(seed), **T5, **drawn)
        got = sardonyx.InferenceSession(model).run(None, fed)[0]
        ended = (wanted[:, 0] == EOS).cumsum(1) > 0  # what stands behind the end differs
        np.testing.assert_array_equal(got[~ended], wanted[:, 0][~ended])


@pytest.mark.parametrize(
    "op, first, options, attrs, message",
    [
        ("BeamSearch", TEXT, {}, t5(0) | T5 | {"model_type": 3}, "model_type 3"),
        ("BeamSearch", TEXT, {}, {"decoder": t5(0)["decoder"]} | T5, "needs the attribute encoder"),
        ("BeamSearch", TEXT, {}, t5(0) | T5 | {"decoder_start_token_id": -1}, "begins with it"),
        ("BeamSearch", TEXT, {}, whisper(0) | T5, "these are not the keys and values"),
        ("BeamSearch", SOUND, {}, t5(0) | T5, "must be int32 for model_type 1"),
        ("BeamSearch", SOUND, {"logits_processor": number(1)}, whisper(0) | WHISPER, "known are 0"),
        ("BeamSearch", SOUND, {"decoder_input_ids": FIRST[:1]}, whisper(0) | WHISPER, "2 items"),
        ("WhisperBeamSearch", SOUND, {"logits_processor": number(1)}, whisper(0) | WHISPER,
         "beginning_timestamp_token_id is -1"),
        ("WhisperBeamSearch", SOUND, {}, whisper(0) | WHISPER | {"decoder_output_cross_qk": 1},
         "cross_qk is not known"),
    ],
)
def test_errors(op, first, options, attrs, message):
    model, fed = model_of(op, feeds(first, **options), OUTPUTS, **attrs)
    with pytest.raises(Exception, match=message):
        sardonyx.InferenceSession(model).run(None, fed)
