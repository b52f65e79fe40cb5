"""A small decoder as generation tools write it, token by token beside ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import small_nets
from onnx import TensorProto, helper

import sardonyx

MS = "com.microsoft"
LAYERS, HEADS, KV_HEADS, SIZE, WORDS = 2, 4, 2, 16, 40
WIDTH = HEADS * SIZE


def rotary_tables(writer, length=64):
    turn = np.outer(np.arange(length), 100 ** -np.linspace(0, 1, SIZE // 2)).astype(np.float32)
    return writer.value(np.cos(turn)), writer.value(np.sin(turn))


def multiply(writer, x, c_in, c_out):
    weight = (writer.rng.standard_normal((c_in, c_out)) / np.sqrt(c_in)).astype(np.float32)
    return writer.node("MatMul", x, writer.value(weight))


def norm(writer, x, skip=None):
    """-> normalised, sum"""
    if skip is None:
        return writer.node("SimplifiedLayerNormalization", x, writer.weight(WIDTH), epsilon=1e-5), x
    name = f"skip_{len(writer.nodes)}"
    writer.nodes.append(
        helper.make_node(
            "SkipSimplifiedLayerNormalization",
            [x, skip, writer.weight(WIDTH)],
            [name, "", "", name + "_sum"],
            name=name,
            domain=MS,
            epsilon=1e-5,
        )
    )
    return name, name + "_sum"


def lengths(writer):
    """seqlens_k and total_sequence_length, from the mask."""
    counts = writer.node("ReduceSum", "attention_mask", writer.ints(1), keepdims=0)
    last = writer.node("Cast", writer.node("Sub", counts, writer.ints(1)), to=TensorProto.INT32)
    shape = writer.node("Shape", "attention_mask")
    total = writer.node("Gather", shape, writer.value(np.array(1, np.int64)), axis=0)
    return last, writer.node("Cast", total, to=TensorProto.INT32)


def decoder(packed):
    writer = small_nets.Writer()
    tables, (last, total) = rotary_tables(writer), lengths(writer)
    x, skip = writer.node("Gather", writer.weight(WORDS, WIDTH), "input_ids"), None
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, dims)
        for name, dims in (("input_ids", ["N", "S"]), ("attention_mask", ["N", "T"]))
    ]
    outputs = []
    for layer in range(LAYERS):
        normed, skip = norm(writer, x, skip)
        widths = [WIDTH, KV_HEADS * SIZE, KV_HEADS * SIZE]
        if packed:
            qkv = [multiply(writer, normed, WIDTH, sum(widths)), "", ""]
        else:
            qkv = [multiply(writer, normed, WIDTH, width) for width in widths]
        past = [f"past_key_values.{layer}.{each}" for each in ("key", "value")]
        present = [f"present.{layer}.{each}" for each in ("key", "value")]
        inputs += [
            helper.make_tensor_value_info(each, TensorProto.FLOAT, ["N", KV_HEADS, "P", SIZE])
            for each in past
        ]
        outputs += [
            helper.make_tensor_value_info(each, TensorProto.FLOAT, ["N", KV_HEADS, "T", SIZE])
            for each in present
        ]
        mixed = f"attention_{layer}"
        writer.nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [*qkv, *past, last, total, *tables],
                [mixed, *present],
                name=mixed,
                domain=MS,
                num_heads=HEADS,
                kv_num_heads=KV_HEADS,
                do_rotary=1,
            )
        )
        normed, skip = norm(writer, multiply(writer, mixed, WIDTH, WIDTH), skip)
        gate, up = (multiply(writer, normed, WIDTH, 2 * WIDTH) for _ in range(2))
        silu = writer.node("Mul", gate, writer.node("Sigmoid", gate))
        x = multiply(writer, writer.node("Mul", silu, up), 2 * WIDTH, WIDTH)
    normed, _ = norm(writer, x, skip)
    logits = multiply(writer, normed, WIDTH, WORDS)
    outputs.insert(0, helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["N", "S", WORDS]))
    model = writer.model(inputs, outputs, opset=21)
    model.opset_import.append(helper.make_opsetid(MS, 1))
    model.ir_version = 10
    return model.SerializeToString()


@pytest.mark.parametrize("packed", [False, True])
def test_generation(packed):
    model = decoder(packed)
    ours = sardonyx.InferenceSession(model)
    theirs = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [each.name for each in ours.get_outputs()]
    assert names == [each.name for each in theirs.get_outputs()]
    ids = np.random.default_rng(0).integers(0, WORDS, (2, 7))
    mask = np.ones_like(ids)
    past = {
        f"past_key_values.{layer}.{each}": np.zeros((2, KV_HEADS, 0, SIZE), np.float32)
        for layer in range(LAYERS)
        for each in ("key", "value")
    }
    for _ in range(6):
        feeds = {"input_ids": ids, "attention_mask": mask, **past}
        got, wanted = ours.run(None, feeds), theirs.run(None, feeds)
        for mine, expected in zip(got, wanted, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=1e-4)
        results = dict(zip(names, got))
        past = {
            name.replace("present", "past_key_values"): value
            for name, value in results.items()
            if name.startswith("present")
        }
        ids = got[0][:, -1:].argmax(axis=2)
        mask = np.concatenate([mask, np.ones((2, 1), mask.dtype)], axis=1)
