"""GreedySearch and BeamSearch with a small GPT, beside ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import small_nets
from onnx import TensorProto, helper

import sardonyx

MS = "com.microsoft"
LAYERS, HEADS, SIZE, WORDS = 2, 2, 8, 20
WIDTH, EOS, PAD = HEADS * SIZE, WORDS - 1, WORDS - 2
I32 = np.int32


def gpt(seed):
    """(input_ids, position_ids, attention_mask, past_0, ...) -> (logits, present_0, ...)"""
    writer = small_nets.Writer(seed)
    words = writer.node("Gather", writer.weight(WORDS, WIDTH), "input_ids")
    places = writer.node("Gather", writer.weight(32, WIDTH), "position_ids")
    x = writer.node("Add", words, places)
    for layer in range(LAYERS):
        weight = writer.rng.standard_normal((WIDTH, 3 * WIDTH)) / 3
        weight = writer.value(weight.astype(np.float32))
        bias = writer.value(np.zeros(3 * WIDTH, np.float32))
        mixed = f"mixed_{layer}"
        writer.nodes.append(
            helper.make_node(
                "Attention",
                [x, weight, bias, "attention_mask", f"past_{layer}"],
                [mixed, f"present_{layer}"],
                domain=MS,
                num_heads=HEADS,
                unidirectional=1,
            )
        )
        x = writer.node("Tanh", writer.node("Add", x, mixed))
    head = writer.value((writer.rng.standard_normal((WIDTH, WORDS))).astype(np.float32))
    writer.nodes.append(helper.make_node("MatMul", [x, head], ["logits"]))

    def cache(name, length):
        dims = [2, "batch", HEADS, length, SIZE]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)

    def ids(name, length):
        return helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", length])

    inputs = [ids("input_ids", "S"), ids("position_ids", "S"), ids("attention_mask", "T")]
    inputs += [cache(f"past_{layer}", "P") for layer in range(LAYERS)]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "S", WORDS])
    outputs = [logits] + [cache(f"present_{layer}", "T") for layer in range(LAYERS)]
    return helper.make_graph(writer.nodes, "decoder", inputs, outputs, writer.initializers)


def search(op, decoder, feeds, outputs, **attrs):
    """One node fed by name; omitted inputs are None."""
    names = [name if value is not None else "" for name, value in feeds.items()]
    node = helper.make_node(
        op, names, list(outputs), domain=MS, decoder=decoder, eos_token_id=EOS, pad_token_id=PAD,
        model_type=0, **attrs
    )
    given = {name: value for name, value in feeds.items() if value is not None}
    graph = helper.make_graph(
        [node],
        "search",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in given.items()
        ],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)], ir_version=8
    ).SerializeToString()
    theirs = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    wanted = theirs.run(None, given)
    got = sardonyx.InferenceSession(model).run(None, given)
    np.testing.assert_array_equal(got[0], wanted[0])
    for ours, theirs in zip(got[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return got[0]


def number(value):
    return np.array([value], I32 if isinstance(value, int) else np.float32)


PROMPTS = np.array([[3, 5, 7], [PAD, 2, 4], [1, 1, 1]], I32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options, attrs",
    [
        ({}, {}),
        ({"repetition_penalty": number(1.3)}, {}),
        ({"min_length": number(8)}, {"no_repeat_ngram_size": 2}),
        ({"vocab_mask": (np.arange(WORDS) % 3 != 1).astype(I32)}, {}),
    ],
)
def test_greedy(seed, options, attrs):
    feeds = {
        "input_ids": PROMPTS,
        "max_length": number(12),
        "min_length": number(0),
        "repetition_penalty": number(1.0),
        "vocab_mask": np.ones(WORDS, I32),
    }
    search("GreedySearch", gpt(seed), feeds | options, {"sequences": TensorProto.INT32}, **attrs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options, attrs",
    [
        ({}, {}),
        ({}, {"early_stopping": 1}),
        ({"length_penalty": number(0.5), "num_return_sequences": number(1)}, {}),
        ({"length_penalty": number(2.0), "min_length": number(9)}, {"no_repeat_ngram_size": 2}),
        ({"repetition_penalty": number(1.5)}, {"early_stopping": 1}),
        ({"num_beams": number(1), "num_return_sequences": number(1)}, {}),
    ],
)
def test_beams(seed, options, attrs):
    feeds = {
        "input_ids": PROMPTS,
        "max_length": number(14),
        "min_length": number(0),
        "num_beams": number(3),
        "num_return_sequences": number(2),
        "length_penalty": number(1.0),
        "repetition_penalty": number(1.0),
    }
    outputs = {"sequences": TensorProto.INT32, "sequences_scores": TensorProto.FLOAT}
    search("BeamSearch", gpt(seed), feeds | options, outputs, **attrs)


def test_prefix_and_mask():
    prefix = np.zeros((3, WORDS), I32)
    prefix[[0, 1, 2], [4, 6, 8]] = 1
    feeds = {
        "input_ids": PROMPTS,
        "max_length": number(9),
        "min_length": number(0),
        "num_beams": number(2),
        "num_return_sequences": number(2),
        "length_penalty": number(1.0),
        "repetition_penalty": number(1.0),
        "vocab_mask": np.ones(WORDS, I32),
        "prefix_vocab_mask": prefix,
        "attention_mask": np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1]], I32),
    }
    found = search("BeamSearch", gpt(7), feeds, {"sequences": TensorProto.INT32})
    assert found[:, 0, 3].tolist() == [4, 6, 8]
