"""Turns the weights of a BERT-style sentence encoder (.safetensors bytes) into an ONNX model.

Written in the small operators that exporters wrote before LayerNormalization and Gelu existed, so
that a runtime has to recognise them. Outputs: last_hidden_state N x T x width, and
sentence_embedding N x width, the normalised mean over the tokens that the mask shows.
"""

import json
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEADS = 12
EPSILON = 1e-12
TYPES = {"F32": np.float32, "I64": np.int64}


def read_safetensors(data):
    """-> name -> array. Layout: u64 length of a JSON header, the header, the tensors."""
    length, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    return {name: np.frombuffer(data, TYPES[entry["dtype"]],
                                np.prod(entry["shape"], dtype=int),
                                8 + length + entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


class GraphWriter:
    """Collects nodes; every method takes and returns names of values."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers, self.used = weights, [], [], set()

    def node(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def value(self, name, array):
        if name not in self.used:
            self.used.add(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name):
        return self.value(name, self.weights[name])

    def scalar(self, number):
        return self.value(f"scalar_{number:g}", np.array(number, np.float32))

    def ints(self, *numbers):
        return self.value("ints_" + "_".join(map(str, numbers)), np.array(numbers, np.int64))

    def linear(self, x, name):
        weight = self.value(f"{name}.weight_transposed", self.weights[f"{name}.weight"].T)
        return self.node("Add", self.node("MatMul", x, weight), self.weight(f"{name}.bias"))

    def layer_norm(self, x, name):
        centered = self.node("Sub", x, self.node("ReduceMean", x, axes=[-1]))
        square = self.node("Pow", centered, self.scalar(2))
        variance = self.node("ReduceMean", square, axes=[-1])
        deviation = self.node("Sqrt", self.node("Add", variance, self.scalar(EPSILON)))
        scaled = self.node("Mul", self.node("Div", centered, deviation),
                           self.weight(f"{name}.weight"))
        return self.node("Add", scaled, self.weight(f"{name}.bias"))

    def gelu(self, x):
        erf = self.node("Erf", self.node("Div", x, self.scalar(np.sqrt(2))))
        return self.node("Mul", self.node("Mul", x, self.node("Add", erf, self.scalar(1))),
                         self.scalar(0.5))

    def heads(self, x, size, order):
        split = self.node("Reshape", x, self.ints(0, 0, HEADS, size))
        return self.node("Transpose", split, perm=order)

    def attention(self, x, mask, name, size):
        query, key, value = (
            self.heads(self.linear(x, f"{name}.self.{part}"), size, order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]),
                                ("value", [0, 2, 1, 3])))
        scores = self.node("Div", self.node("MatMul", query, key), self.scalar(np.sqrt(size)))
        shares = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        joined = self.node("Reshape", mixed, self.ints(0, 0, HEADS * size))
        return self.linear(joined, f"{name}.output.dense")

    def layer(self, x, mask, name, size):
        attended = self.attention(x, mask, f"{name}.attention", size)
        x = self.layer_norm(self.node("Add", attended, x), f"{name}.attention.output.LayerNorm")
        wide = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
        narrow = self.linear(wide, f"{name}.output.dense")
        return self.layer_norm(self.node("Add", narrow, x), f"{name}.output.LayerNorm")

    def embeddings(self):
        length = self.node("Gather", self.node("Shape", "input_ids"), self.ints(1))
        positions = self.node("Slice", self.weight("embeddings.position_ids"), self.ints(0),
                              length, self.ints(1))
        parts = [self.node("Gather", self.weight(f"embeddings.{table}.weight"), ids)
                 for table, ids in (("word_embeddings", "input_ids"),
                                    ("token_type_embeddings", "token_type_ids"),
                                    ("position_embeddings", positions))]
        return self.layer_norm(self.node("Add", self.node("Add", parts[0], parts[1]), parts[2]),
                               "embeddings.LayerNorm")

    def additive_mask(self):
        mask = self.node("Unsqueeze", "attention_mask", self.ints(1, 2))
        shown = self.node("Cast", mask, to=TensorProto.FLOAT)
        lowest = self.scalar(np.finfo(np.float32).min)
        return self.node("Mul", self.node("Sub", self.scalar(1), shown), lowest)

    def sentence(self, x):
        mask = self.node("Cast", self.node("Unsqueeze", "attention_mask", self.ints(2)),
                         to=TensorProto.FLOAT)
        total = self.node("ReduceSum", self.node("Mul", x, mask), self.ints(1), keepdims=0)
        count = self.node("ReduceSum", mask, self.ints(1), keepdims=0)
        mean = self.node("Div", total, count)
        return self.node("Div", mean, self.node("ReduceL2", mean, axes=[1], keepdims=1))


def build_encoder(data):
    """Bytes of a .safetensors file -> bytes of an .onnx file, opset 14."""
    weights = read_safetensors(data)
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    writer = GraphWriter(weights)
    mask, x = writer.additive_mask(), writer.embeddings()
    count = 0
    while f"encoder.layer.{count}.output.dense.bias" in weights:
        x = writer.layer(x, mask, f"encoder.layer.{count}", width // HEADS)
        count += 1
    sentence = writer.sentence(x)
    for source, name in ((x, "last_hidden_state"), (sentence, "sentence_embedding")):
        writer.nodes.append(helper.make_node("Identity", [source], [name]))
    graph = helper.make_graph(
        writer.nodes, "encoder",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"])
         for name in ("input_ids", "attention_mask", "token_type_ids")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["N", "T", width]),
         helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["N", width])],
        writer.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
