"""Files that are no valid models, with the exception each must raise and words it must say."""

import numpy as np
import tiny_models
from onnx import helper, numpy_helper


def _with_inputs(nodes, **keywords):
    return tiny_models.to_bytes(nodes, [tiny_models.value("x")], [tiny_models.value("z")],
                                **keywords)


def _flipped():
    """The length of the graph message, made longer than the file."""
    good = bytearray(tiny_models.add())
    at = good.index(b"tiny") - 1  # the byte before a string is its length
    good[at] ^= 0x40
    return bytes(good)


def _unknown_ops():
    return _with_inputs([
        helper.make_node("Wobble", ["x"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="fine"),
        helper.make_node("Jiggle", ["b"], ["z"], name="second"),
    ])


# name: (bytes, names of exceptions that fit, words of the message)
BAD_FILES = {
    "empty": (b"", ("InvalidProtobuf",), ["empty"]),
    "text": (b"this is no model at all, but a text\n" * 20, ("InvalidProtobuf",), ["text"]),
    "wrong_magic": (b"\x89PNG\r\n\x1a\n" + bytes(200), ("InvalidProtobuf",), ["PNG"]),
    "zip": (b"PK\x03\x04" + bytes(200), ("InvalidProtobuf",), ["ZIP"]),
    "truncated": (tiny_models.add()[:-20], ("InvalidProtobuf",), ["byte"]),
    "bit_flipped": (_flipped(), ("InvalidProtobuf",), ["byte"]),
    "cycle": (
        _with_inputs([helper.make_node("Add", ["x", "b"], ["a"], name="one"),
                      helper.make_node("Relu", ["a"], ["b"], name="two"),
                      helper.make_node("Relu", ["b"], ["z"], name="three")]),
        ("InvalidGraph", "Fail"), ["cycle", "one", "two"]),
    "missing_initializer": (
        _with_inputs([helper.make_node("MatMul", ["x", "weights"], ["z"], name="mm")]),
        ("InvalidGraph", "InvalidArgument"), ["weights", "mm"]),
    "missing_output": (
        _with_inputs([helper.make_node("Relu", ["x"], ["y"])]),
        ("InvalidGraph", "InvalidArgument"), ["z"]),
    "unknown_operators": (_unknown_ops(), ("InvalidGraph", "NotImplemented"),
                          ["Wobble", "first", "Jiggle", "second"]),
    "wrong_attribute": (
        _with_inputs([helper.make_node("Concat", ["x", "x"], ["z"], name="joined", axis=7)]),
        ("InvalidGraph", "InvalidArgument"), ["joined", "axis", "7"]),
    "wrong_shapes": (
        tiny_models.to_bytes(
            [helper.make_node("MatMul", ["x", "w"], ["z"], name="mm")], [tiny_models.value("x")],
            [tiny_models.value("z")],
            [numpy_helper.from_array(np.zeros((5, 2), np.float32), "w")]),
        ("InvalidGraph", "InvalidArgument"), ["mm", "3", "5"]),
    "too_few_inputs": (
        _with_inputs([helper.make_node("Add", ["x"], ["z"], name="lonely")]),
        ("InvalidGraph", "InvalidArgument"), ["lonely"]),
}
