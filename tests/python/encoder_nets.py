"""Small encoders with decoders, as T5 and Whisper are for beam searches."""

import numpy as np
import onnxruntime
import small_nets
from onnx import TensorProto, helper

LAYERS, HEADS, SIZE, WORDS, MELS = 2, 2, 4, 72, 6
WIDTH = HEADS * SIZE
F32, I32 = TensorProto.FLOAT, TensorProto.INT32


def info(name, kind, *dims):
    return helper.make_tensor_value_info(name, kind, dims)


def caches(prefix, where, length):
    return [
        info(f"{prefix}_{part}_{where}_{layer}", F32, "batch", HEADS, length, SIZE)
        for layer in range(LAYERS)
        for part in ("key", "value")
    ]


class Net(small_nets.Writer):
    """The layers share their weights between the encoder's body and the decoder's by the seed."""

    def rename(self, old, new):
        self.nodes.append(helper.make_node("Identity", [old], [new]))

    def heads(self, x, seed):
        weight = np.random.default_rng(seed).standard_normal((WIDTH, WIDTH)).astype(np.float32)
        y = self.node("MatMul", x, self.value(weight / 2))
        return self.node(
            "Transpose", self.node("Reshape", y, self.ints(0, 0, HEADS, SIZE)), perm=[0, 2, 1, 3]
        )

    def attend(self, q, k, v, bias=None):
        scores = self.node("MatMul", q, self.node("Transpose", k, perm=[0, 1, 3, 2]))
        if bias is not None:
            scores = self.node("Add", scores, bias)
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), v)
        mixed = self.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.ints(0, 0, WIDTH))

    def words(self, ids, seed):
        table = np.random.default_rng(seed).standard_normal((WORDS, WIDTH)).astype(np.float32)
        return self.node("Gather", self.value(table), ids)

    def bias(self, mask):
        shown = self.node("Cast", mask, to=F32)
        hidden = self.node("Mul", self.node("Sub", shown, self.number(1)), self.number(1e4))
        return self.node("Unsqueeze", hidden, self.ints(1, 2))

    def looked_up(self, hidden, seed):
        """Keys and values of every layer."""
        for layer in range(LAYERS):
            for part, name in enumerate(("key", "value")):
                made = self.heads(hidden, seed + 100 + 2 * layer + part)
                self.rename(made, f"present_{name}_cross_{layer}")

    def decode(self, ids, seed, mask, past, cross):
        """logits and present keys and values, from names by (part, layer)."""
        x = self.words(ids, seed + 1)
        bias = None if mask is None else self.bias(mask)
        for layer in range(LAYERS):
            at = seed + 200 + 10 * layer
            own = []
            for part, name in enumerate(("key", "value")):
                added = self.heads(x, at + part)
                if past is not None:
                    added = self.node("Concat", past(name, layer), added, axis=2)
                self.rename(added, f"present_{name}_self_{layer}")
                own.append(f"present_{name}_self_{layer}")
            x = self.node("Add", x, self.attend(self.heads(x, at + 2), *own))
            looked = (cross("key", layer), cross("value", layer))
            x = self.node("Add", x, self.attend(self.heads(x, at + 3), *looked, bias))
            x = self.node("Tanh", x)
        head = np.random.default_rng(seed + 2).standard_normal((WIDTH, WORDS)).astype(np.float32)
        self.rename(self.node("MatMul", x, self.value(head)), "logits")


def t5_encoder(seed, first_step):
    net = Net(seed)
    hidden = net.words("encoder_input_ids", seed + 3)
    net.looked_up(hidden, seed)
    inputs = [info(f"encoder_{name}", I32, "batch", "L") for name in ("input_ids", "attention_mask")]
    outputs = caches("present", "cross", "L")
    if first_step:
        net.rename(hidden, "encoder_hidden_states")
        cross = "present_{}_cross_{}".format
        net.decode("decoder_input_ids", seed, "encoder_attention_mask", None, cross)
        inputs.append(info("decoder_input_ids", I32, "batch", 1))
        logits = info("logits", F32, "batch", 1, WORDS)
        states = info("encoder_hidden_states", F32, "batch", "L", WIDTH)
        outputs = [logits, states, *caches("present", "self", 1), *outputs]
    return helper.make_graph(net.nodes, "encoder", inputs, outputs, net.initializers)


def whisper_encoder(seed, initial="S"):
    net = Net(seed)
    weight = np.random.default_rng(seed + 3).standard_normal((MELS, WIDTH)).astype(np.float32)
    frames = net.node("Transpose", "encoder_input_ids", perm=[0, 2, 1])
    hidden = net.node("MatMul", frames, net.value(weight))
    net.looked_up(hidden, seed)
    net.rename(hidden, "encoder_hidden_states")
    net.decode("decoder_input_ids", seed, None, None, "present_{}_cross_{}".format)
    inputs = [
        info("encoder_input_ids", F32, "batch", MELS, "L"),
        info("decoder_input_ids", I32, "batch", initial),
    ]
    outputs = [
        info("logits", F32, "batch", initial, WORDS),
        info("encoder_hidden_states", F32, "batch", "L", WIDTH),
        *caches("present", "self", initial),
        *caches("present", "cross", "L"),
    ]
    return helper.make_graph(net.nodes, "encoder", inputs, outputs, net.initializers)


def decoder(seed, mask, hidden=False, columns=1):
    """columns: 1, or a name where the body takes all tokens so far and uses the last."""
    net = Net(seed)
    ids = "input_ids"
    if columns != 1:
        ids = net.node("Slice", ids, net.ints(-1), net.ints(2**31), net.ints(1))
    marks = "encoder_attention_mask" if mask else None
    net.decode(ids, seed, marks, "past_{}_self_{}".format, "past_{}_cross_{}".format)
    inputs = [info("input_ids", I32, "batch", columns)]
    if mask:
        inputs.append(info("encoder_attention_mask", I32, "batch", "L"))
    if hidden:
        inputs.append(info("encoder_hidden_states", F32, "batch", "L", WIDTH))
    inputs += [*caches("past", "self", "P"), *caches("past", "cross", "L")]
    outputs = [info("logits", F32, "batch", 1, WORDS), *caches("present", "self", "T")]
    return helper.make_graph(net.nodes, "decoder", inputs, outputs, net.initializers)


def run(graph, **feeds):
    """Its first output, by ONNX Runtime."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)[0]
