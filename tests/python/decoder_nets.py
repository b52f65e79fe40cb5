"""Small decoders and encoders of several families with random weights, in the operators that tools
for generation write."""

from dataclasses import dataclass

import numpy as np
import small_nets
from onnx import TensorProto, helper

MS = "com.microsoft"
WORDS, LONGEST = 40, 64
END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Family:
    """What tells one family of decoders from another."""

    heads: int = 4
    kv_heads: int = 2
    size: int = 16  # of a head
    layers: int = 2
    norm: str = "rms"  # or "layer"
    parallel: bool = False  # attention and feed forward both read one normalised value
    packed: bool = False  # one product for Q, K and V
    bias: bool = False  # of Q, K and V
    qk_norm: str = ""  # "nodes" of their own, or "inputs" of the attention
    attention: str = "group"  # or "heads": MultiHeadAttention with a bias for the mask
    rotary: str = "inside"  # or "apart": nodes of their own
    partial: float = 1.0  # how much of a head is rotated
    interleaved: bool = False
    windows: tuple = (-1,)  # of the layers in turn
    scale: float = 0.0
    softcap: float = 0.0
    sinks: bool = False
    feed: str = "silu"  # "gelu", "fast", "experts", "experts-blocks", "mixture"
    bits: int = 0  # of weights of products
    embedding_scale: float = 1.0
    logits_softcap: float = 0.0
    half: bool = False

    @property
    def width(self):
        return self.heads * self.size

    @property
    def rotated(self):
        return int(self.size * self.partial)


FAMILIES = {
    "llama": Family(),
    "llama-packed": Family(packed=True),
    "llama-4-bits": Family(bits=4),
    "llama-rotary-apart": Family(rotary="apart"),
    "phi": Family(
        norm="layer", kv_heads=4, size=32, packed=True, bias=True, partial=0.5, feed="fast"
    ),
    "phi-parallel": Family(
        norm="layer", kv_heads=4, bias=True, rotary="apart", partial=0.5, feed="fast", parallel=True
    ),
    "phi-heads": Family(
        norm="layer", kv_heads=4, bias=True, attention="heads", rotary="apart", partial=0.5,
        feed="gelu"
    ),
    "gemma": Family(
        kv_heads=1, scale=0.2, softcap=5.0, feed="gelu", embedding_scale=8.0, logits_softcap=3.0,
        windows=(4, -1)
    ),
    "qwen": Family(bias=True, bits=8),
    "qwen-norms": Family(qk_norm="nodes"),
    "mistral": Family(windows=(5,), packed=True),
    "chatglm": Family(size=32, interleaved=True, partial=0.5, packed=True, bias=True),
    "oss": Family(feed="experts", sinks=True, windows=(4, -1), bias=True),
    "oss-blocks": Family(feed="experts-blocks", sinks=True, bits=4, qk_norm="nodes"),
    "mixtral": Family(feed="mixture", windows=(6,)),
}


class NetWriter(small_nets.Writer):
    """Writes floats in the type of the net, and counts what it names."""

    def __init__(self, half=False, seed=0):
        super().__init__(seed)
        self.dtype = np.float16 if half else np.float32
        self.inputs, self.outputs = [], []

    @property
    def float_type(self):
        return helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))

    def floats(self, array):
        return self.value(np.asarray(array).astype(self.dtype))

    def random(self, *shape, scale=1.0):
        return self.floats(self.rng.standard_normal(shape) * scale)

    def scales(self, *shape):
        """About 1, for what normalises."""
        return self.floats(1 + 0.1 * self.rng.standard_normal(shape))

    def nodes_of(self, op, inputs, outputs, **attributes):
        """A node of com.microsoft; inputs may be "" where they are left out, at the end too."""
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        name = f"{op}_{len(self.nodes)}"
        names = [f"{name}/{each}" if each is True else each for each in outputs]
        self.nodes.append(
            helper.make_node(op, inputs, names, name=name, domain=MS, **attributes)
        )
        return names

    def contrib(self, op, *inputs, **attributes):
        return self.nodes_of(op, list(inputs), [True], **attributes)[0]

    def takes(self, name, dims, dtype=None):
        dtype = self.float_type if dtype is None else dtype
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def gives(self, name, dims, dtype=None):
        dtype = self.float_type if dtype is None else dtype
        self.outputs.append(helper.make_tensor_value_info(name, dtype, dims))

    def give_first(self, value, name, dims):
        """What the last node gave, as the first output of the net, in 32 bits."""
        assert self.nodes[-1].output[0] == value
        self.nodes[-1].output[0] = name
        self.gives(name, dims, TensorProto.FLOAT)
        self.outputs.insert(0, self.outputs.pop())

    def finished(self):
        model = self.model(self.inputs, self.outputs, opset=21)
        model.opset_import.append(helper.make_opsetid(MS, 1))
        model.ir_version = 10
        return model.SerializeToString()

    # ---- products

    def matrix(self, c_in, c_out):
        return self.random(c_in, c_out, scale=1 / np.sqrt(c_in))

    def product(self, x, c_in, c_out, bits=0, bias=False):
        if bits:
            y = self.quantized_product(x, c_in, c_out, bits)
        else:
            y = self.node("MatMul", x, self.matrix(c_in, c_out))
        return self.node("Add", y, self.random(c_out, scale=0.1)) if bias else y

    def quantized_product(self, x, c_in, c_out, bits, block=32):
        blocks = c_in // block
        codes = self.rng.integers(0, 256, (c_out, blocks, block * bits // 8), np.uint8)
        spread = 1 / np.sqrt(c_in) / (1 << (bits - 2))
        scales = self.floats(spread * (0.5 + self.rng.random((c_out, blocks))))
        attributes = {"K": c_in, "N": c_out, "bits": bits, "block_size": block}
        return self.contrib(
            "MatMulNBits", x, self.value(codes), scales, accuracy_level=1, **attributes
        )

    def norm(self, kind, x, width, skip=None):
        """-> normalised, the sum of x and skip"""
        gamma = self.scales(width)
        if kind == "rms":
            if skip is None:
                y = self.node("SimplifiedLayerNormalization", x, gamma, epsilon=1e-5, axis=-1)
                return y, x
            op, inputs = "SkipSimplifiedLayerNormalization", [x, skip, gamma]
        else:
            beta = self.random(width, scale=0.1)
            if skip is None:
                return self.node("LayerNormalization", x, gamma, beta, epsilon=1e-5, axis=-1), x
            op, inputs = "SkipLayerNormalization", [x, skip, gamma, beta]
        y, _, _, total = self.nodes_of(op, inputs, [True, "", "", f"sum_{len(self.nodes)}"],
                                       epsilon=1e-5)
        return y, total


class DecoderWriter(NetWriter):
    def __init__(self, family):
        super().__init__(family.half)
        self.family = family
        turn = np.outer(np.arange(LONGEST), 100 ** -np.linspace(0, 1, family.rotated // 2))
        self.tables = self.floats(np.cos(turn)), self.floats(np.sin(turn))

    def lengths(self):
        """seqlens_k and total_sequence_length, from the mask."""
        counts = self.node("ReduceSum", "attention_mask", self.ints(1), keepdims=0)
        last = self.node("Cast", self.node("Sub", counts, self.ints(1)), to=TensorProto.INT32)
        total = self.node("Gather", self.node("Shape", "attention_mask"),
                          self.value(np.array(1, np.int64)), axis=0)
        return last, self.node("Cast", total, to=TensorProto.INT32)

    def positions(self):
        """[N, S], those that the new words have."""
        total = self.node("Gather", self.node("Shape", "attention_mask"), self.ints(1), axis=0)
        new = self.node("Gather", self.node("Shape", "input_ids"), self.ints(1), axis=0)
        ones = self.node("Sub", self.node("CumSum", "attention_mask", self.ints(1)), self.ints(1))
        return self.node("Slice", ones, self.node("Sub", total, new), total, self.ints(1))

    def causal_bias(self):
        """[N, 1, S, T], very negative where a word is not to be seen."""
        total = self.node("Gather", self.node("Shape", "attention_mask"), self.ints(1), axis=0)
        scalar = self.node("Squeeze", total)
        columns = self.node("Range", self.value(np.int64(0)), scalar, self.value(np.int64(1)))
        rows = self.node("Unsqueeze", self.positions(), self.ints(2))
        seen = self.node("LessOrEqual", columns, rows)
        bias = self.node("Where", seen, self.floats(0.0), self.floats(-1e4))
        return self.node("Unsqueeze", bias, self.ints(1))

    def embedding(self):
        of = self.family
        if of.bits != 4:
            return self.node("Gather", self.random(WORDS, of.width), "input_ids")
        codes = self.rng.integers(0, 256, (WORDS, of.width // 2), np.uint8)
        scales = self.floats(0.2 + 0.1 * self.rng.random((WORDS, of.width // 32)))
        return self.contrib("GatherBlockQuantized", self.value(codes), "input_ids", scales, bits=4,
                            block_size=32, gather_axis=0, quantize_axis=1)

    def rotate(self, x, heads):
        attributes = {"interleaved": int(self.family.interleaved)}
        if self.family.partial < 1:
            attributes |= {"num_heads": heads, "rotary_embedding_dim": self.family.rotated}
        return self.contrib("RotaryEmbedding", x, self.where, *self.tables, **attributes)

    def normalised_heads(self, x, heads):
        size = self.family.size
        apart = self.node("Reshape", x, self.ints(0, -1, size))
        normed = self.node("SimplifiedLayerNormalization", apart, self.scales(size), epsilon=1e-6,
                           axis=-1)
        return self.node("Reshape", normed, self.ints(0, -1, heads * size))

    def operands(self, x):
        """Q, K and V; the last two "" where they are in the first."""
        of = self.family
        widths = [of.width, of.kv_heads * of.size, of.kv_heads * of.size]
        if of.packed:
            return [self.product(x, of.width, sum(widths), of.bits, of.bias), "", ""]
        q, k, v = (self.product(x, of.width, width, of.bits, of.bias) for width in widths)
        if of.qk_norm == "nodes":
            q, k = self.normalised_heads(q, of.heads), self.normalised_heads(k, of.kv_heads)
        if of.rotary == "apart":
            q, k = self.rotate(q, of.heads), self.rotate(k, of.kv_heads)
        return [q, k, v]

    def cache(self, layer):
        of = self.family
        names = [[f"{kind}.{layer}.{each}" for each in ("key", "value")]
                 for kind in ("past_key_values", "present")]
        for past, present in zip(*names):
            self.takes(past, ["N", of.kv_heads, "P", of.size])
            self.gives(present, ["N", of.kv_heads, "T", of.size])
        return names

    def attention(self, x, layer):
        of = self.family
        operands = self.operands(x)
        past, present = self.cache(layer)
        attributes = {"num_heads": of.heads}
        if of.scale:
            attributes["scale"] = of.scale
        if of.attention == "heads":
            inputs = [*operands, "", "", self.seen, *past]
            mixed, *_ = self.nodes_of("MultiHeadAttention", inputs, [True, *present], **attributes)
            return self.product(mixed, of.width, of.width, of.bits)
        attributes |= {
            "kv_num_heads": of.kv_heads,
            "do_rotary": int(of.rotary == "inside"),
            "rotary_interleaved": int(of.interleaved),
            "local_window_size": of.windows[layer % len(of.windows)],
            "softcap": of.softcap,
        }
        tables = self.tables if of.rotary == "inside" else ("", "")
        sinks = self.random(of.heads) if of.sinks else ""
        inputs = [*operands, *past, *self.counts, *tables, "", "", sinks, "", ""]
        if of.qk_norm == "inputs":
            inputs += [self.scales(of.size), self.scales(of.size)]
        mixed, *_ = self.nodes_of("GroupQueryAttention", inputs, [True, *present], **attributes)
        return self.product(mixed, of.width, of.width, of.bits)

    def experts(self, x, count=4, inner=32):
        """Two of four, in 8 bits with a scale for each row, in 4 with one for a block, or floats.
        (ONNX Runtime rounds what it multiplies with blocks of 8 bits to 8 bits too.)"""
        width, kind = self.family.width, self.family.feed
        flat = self.node("Reshape", x, self.ints(-1, width))
        router = self.product(flat, width, count, bias=True)
        attributes = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1,
                      "swiglu_limit": 7.0, "activation_alpha": 1.702, "activation_beta": 1.0,
                      "normalize_routing_weights": 1}
        if kind == "mixture":
            first = self.random(count, 2 * inner, width, scale=1 / np.sqrt(width))
            second = self.random(count, width, inner, scale=1 / np.sqrt(inner))
            biases = [self.random(count, c_out, scale=0.1) for c_out in (2 * inner, width)]
            return self.contrib("MoE", x, router, first, biases[0], second, biases[1], **attributes)
        bits, block = (4, 16) if kind == "experts-blocks" else (8, 0)

        def weights(c_out, c_in):
            codes = self.rng.integers(0, 256, (count, c_out, c_in * bits // 8), np.uint8)
            spread = 1 / np.sqrt(c_in) / (1 << (bits - 2))
            shape = (count, c_out, c_in // block) if block else (count, c_out)
            scales = self.floats(spread * (0.5 + self.rng.random(shape)))
            return [self.value(codes), scales, self.random(count, c_out, scale=0.1)]

        if block:
            attributes["block_size"] = block
        inputs = [x, router, *weights(2 * inner, width), *weights(width, inner)]
        return self.contrib("QMoE", *inputs, expert_weight_bits=bits, **attributes)

    def feed_forward(self, x):
        of, inner = self.family, 2 * self.family.width
        if of.feed.startswith("experts") or of.feed == "mixture":
            return self.experts(x)
        if of.feed == "fast":
            y = self.product(x, of.width, inner, of.bits)
            y = self.contrib("FastGelu", y, self.random(inner, scale=0.1))
            return self.product(y, inner, of.width, of.bits, bias=True)
        gate, up = (self.product(x, of.width, inner, of.bits) for _ in range(2))
        if of.feed == "silu":
            gate = self.node("Mul", gate, self.node("Sigmoid", gate))
        else:
            gate = self.node("Gelu", gate, approximate="tanh")
        return self.product(self.node("Mul", gate, up), inner, of.width, of.bits)

    def capped(self, x, cap):
        y = self.node("Tanh", self.node("Div", x, self.floats(cap)))
        return self.node("Mul", y, self.floats(cap))

    def decoder(self):
        of = self.family
        self.takes("input_ids", ["N", "S"], TensorProto.INT64)
        self.takes("attention_mask", ["N", "T"], TensorProto.INT64)
        if of.attention == "group":
            self.counts = self.lengths()
        else:
            self.seen = self.causal_bias()
        if of.rotary == "apart":
            self.where = self.positions()
        x, skip = self.embedding(), None
        if of.embedding_scale != 1:
            x = self.node("Mul", x, self.floats(of.embedding_scale))
        for layer in range(of.layers):
            normed, skip = self.norm(of.norm, x, of.width, skip)
            x = self.attention(normed, layer)
            if of.parallel:
                x = self.node("Add", x, self.feed_forward(normed))
                continue
            normed, skip = self.norm(of.norm, x, of.width, skip)
            x = self.feed_forward(normed)
        normed, _ = self.norm(of.norm, x, of.width, skip)
        logits = self.product(normed, of.width, WORDS, of.bits)
        if of.logits_softcap:
            logits = self.capped(logits, of.logits_softcap)
        if of.half:
            logits = self.node("Cast", logits, to=TensorProto.FLOAT)
        self.give_first(logits, "logits", ["N", "S", WORDS])
        return self.finished()


def decoder(family):
    """ids, mask and past -> logits and present: a file's bytes."""
    return DecoderWriter(family).decoder()


# ---- speech: an encoder of frames, and a decoder that looks at what it gives


class SpeechWriter(NetWriter):
    WIDTH, HEADS, LAYERS, BINS = 32, 4, 2, 10
    SIZE = WIDTH // HEADS

    def linear(self, x, c_in, c_out):
        return self.product(x, c_in, c_out, bias=True)

    def feed_forward(self, x):
        y = self.contrib("BiasGelu", self.product(x, self.WIDTH, 4 * self.WIDTH),
                         self.random(4 * self.WIDTH, scale=0.1))
        return self.linear(y, 4 * self.WIDTH, self.WIDTH)

    def three(self, x):
        """Q, K and V of x, and the bias of all three."""
        operands = [self.product(x, self.WIDTH, self.WIDTH) for _ in range(3)]
        return operands, self.random(3 * self.WIDTH, scale=0.1)

    def crossed(self, name):
        """Keys and values [N, heads, F, size] of what the encoder gave."""
        for each in ("key", "value"):
            apart = self.node("Reshape", self.linear("frames", self.WIDTH, self.WIDTH),
                              self.ints(0, 0, self.HEADS, self.SIZE))
            turned = self.node("Transpose", apart, perm=[0, 2, 1, 3])
            self.nodes.append(helper.make_node("Identity", [turned], [f"{name}.{each}"]))
            self.gives(f"{name}.{each}", ["N", self.HEADS, "F", self.SIZE])


def speech_encoder():
    """Spectra [N, 10, 2 F] -> frames [N, F, 32], and keys and values for each layer's crossing."""
    self = SpeechWriter()
    width = self.WIDTH
    self.takes("spectra", ["N", self.BINS, "L"])
    x = "spectra"
    for c_in, stride in ((self.BINS, 1), (width, 2)):
        weight = self.random(width, c_in, 3, scale=1 / np.sqrt(3 * c_in))
        x = self.node("Conv", x, weight, self.random(width, scale=0.1), kernel_shape=[3],
                      pads=[1, 1], strides=[stride])
        x = self.node("Gelu", x)
    x, skip = self.node("Transpose", x, perm=[0, 2, 1]), None
    for _ in range(self.LAYERS):
        normed, skip = self.norm("layer", x, width, skip)
        operands, bias = self.three(normed)
        mixed = self.contrib("MultiHeadAttention", *operands, bias, num_heads=self.HEADS)
        normed, skip = self.norm("layer", self.linear(mixed, width, width), width, skip)
        x = self.feed_forward(normed)
    normed, _ = self.norm("layer", x, width, skip)
    self.nodes.append(helper.make_node("Identity", [normed], ["frames"]))
    self.gives("frames", ["N", "F", width])
    for layer in range(self.LAYERS):
        self.crossed(f"crossed.{layer}")
    return self.finished()


def speech_decoder(masked):
    """One file for every step. masked: DecoderMaskedMultiHeadAttention, which takes one word at a
    time and writes into a buffer; else MultiHeadAttention, which lengthens what it was given."""
    self = SpeechWriter(seed=1)
    width, heads, size = self.WIDTH, self.HEADS, self.SIZE
    op = "DecoderMaskedMultiHeadAttention" if masked else "MultiHeadAttention"
    self.takes("input_ids", ["N", "S"], TensorProto.INT64)
    if masked:
        self.takes("past_sequence_length", [1], TensorProto.INT32)
        where = self.node("Cast", "past_sequence_length", to=TensorProto.INT64)
    else:
        where = self.node("Shape", "past.0.key", start=2, end=3)
    new = self.node("Shape", "input_ids", start=1, end=2)
    rows = self.node("Slice", self.random(LONGEST, width, scale=0.3), where,
                     self.node("Add", where, new), self.ints(0))
    words = self.node("Gather", self.random(WORDS, width), "input_ids")
    x, skip = self.node("Add", words, rows), None
    for layer in range(self.LAYERS):
        cache = [f"past.{layer}.key", f"past.{layer}.value"]
        present = [f"present.{layer}.key", f"present.{layer}.value"]
        crossed = [f"crossed.{layer}.key", f"crossed.{layer}.value"]
        for past, fresh, other in zip(cache, present, crossed):
            self.takes(past, ["N", heads, "P", size])
            self.takes(other, ["N", heads, "F", size])
            self.gives(fresh, ["N", heads, "T", size])
        normed, skip = self.norm("layer", x, width, skip)
        operands, bias = self.three(normed)
        if masked:
            inputs = [*operands, "", "", *cache, "past_sequence_length", "", "", bias]
            attributes = {"past_present_share_buffer": 1}
        else:
            inputs, attributes = [*operands, bias, "", "", *cache], {"unidirectional": 1}
        mixed, *_ = self.nodes_of(op, inputs, [True, *present], num_heads=heads, **attributes)
        normed, skip = self.norm("layer", self.linear(mixed, width, width), width, skip)
        q = self.product(normed, width, width)
        bias = self.floats(np.concatenate([self.rng.standard_normal(width) * 0.1,
                                           np.zeros(2 * width)]))
        inputs = [q, *crossed]
        inputs += ["", "", "", "", "", "", "", bias] if masked else [bias]
        mixed = self.nodes_of(op, inputs, [True], num_heads=heads)[0]
        normed, skip = self.norm("layer", self.linear(mixed, width, width), width, skip)
        x = self.feed_forward(normed)
    normed, _ = self.norm("layer", x, width, skip)
    self.give_first(self.product(normed, width, WORDS), "logits", ["N", "S", WORDS])
    return self.finished()
