"""Small transformers with random weights in the patterns that exporters of PyTorch write, which the
optimiser of onnxruntime.transformers looks for; and numbers to feed each."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from small_nets import Writer

WIDTH, HEADS, WORDS, LONGEST = 32, 4, 50, 16
SIZE = WIDTH // HEADS
F32, I64 = TensorProto.FLOAT, TensorProto.INT64


class NetWriter(Writer):
    def __init__(self, seed):
        super().__init__(seed)
        self.inputs, self.outputs = [], []

    def takes(self, name, dims, dtype=F32):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def gives(self, value, name, dims):
        """Renames the value, which its node has just been added for."""
        node = next(node for node in self.nodes if value in node.output)
        node.output[list(node.output).index(value)] = name
        for other in self.nodes:
            for i, each in enumerate(other.input):
                if each == value:
                    other.input[i] = name
        self.outputs.append(helper.make_tensor_value_info(name, F32, dims))

    def finished(self):
        return self.model(self.inputs, self.outputs, opset=17)

    def split(self, x, parts, axis, *sizes):
        name = f"Split_{len(self.nodes)}"
        names = [f"{name}_{i}" for i in range(parts)]
        self.nodes.append(
            helper.make_node("Split", [x, self.ints(*sizes)], names, name=name, axis=axis)
        )
        return names

    def scalar(self, number):
        return self.value(np.array(number, np.int64))

    def dim(self, x, axis):
        return self.node("Gather", self.node("Shape", x), self.scalar(axis), axis=0)

    def one(self, scalar):
        return self.node("Unsqueeze", scalar, self.ints(0))

    def matrix(self, c_in, c_out):
        return self.value((self.rng.standard_normal((c_in, c_out)) / np.sqrt(c_in)).astype("f4"))

    def bias(self, size):
        return self.value((self.rng.standard_normal(size) * 0.1).astype(np.float32))

    def product(self, x, c_in=WIDTH, c_out=WIDTH):
        return self.node("MatMul", x, self.matrix(c_in, c_out))

    def linear(self, x, c_in=WIDTH, c_out=WIDTH):
        """The bias stands first, as exporters have it."""
        return self.node("Add", self.bias(c_out), self.product(x, c_in, c_out))

    def layer_norm(self, x, epsilon=1e-5):
        centred = self.node("Sub", x, self.node("ReduceMean", x, axes=[-1]))
        squares = self.node("Pow", centred, self.number(2))
        variance = self.node("ReduceMean", squares, axes=[-1])
        deviation = self.node("Sqrt", self.node("Add", variance, self.number(epsilon)))
        gamma = self.value((1 + 0.1 * self.rng.standard_normal(WIDTH)).astype(np.float32))
        scaled = self.node("Mul", self.node("Div", centred, deviation), gamma)
        return self.node("Add", scaled, self.bias(WIDTH))

    def rms_norm(self, x):
        variance = self.node("ReduceMean", self.node("Pow", x, self.number(2)), axes=[-1],
                             keepdims=1)
        deviation = self.node("Sqrt", self.node("Add", variance, self.number(1e-6)))
        gamma = self.value((1 + 0.1 * self.rng.standard_normal(WIDTH)).astype(np.float32))
        return self.node("Mul", gamma, self.node("Div", x, deviation))

    def gelu(self, x):
        erf = self.node("Erf", self.node("Div", x, self.number(np.sqrt(2))))
        product = self.node("Mul", x, self.node("Add", erf, self.number(1)))
        return self.node("Mul", product, self.number(0.5))

    def tanh_gelu(self, x):
        cube = self.node("Mul", self.node("Pow", x, self.number(3)), self.number(0.044715))
        inner = self.node("Mul", self.node("Add", x, cube), self.number(np.sqrt(2 / np.pi)))
        outer = self.node("Add", self.node("Tanh", inner), self.number(1))
        return self.node("Mul", self.node("Mul", x, self.number(0.5)), outer)

    def heads(self, x, perm=(0, 2, 1, 3), by=None):
        """[N, S, 32] -> [N, 4, S, 8]"""
        apart = self.node("Reshape", x, self.ints(0, 0, HEADS, SIZE) if by is None else by)
        return self.node("Transpose", apart, perm=list(perm))

    def together(self, x, by=None):
        turned = self.node("Transpose", x, perm=[0, 2, 1, 3])
        return self.node("Reshape", turned, self.ints(0, 0, WIDTH) if by is None else by)

    def feed_forward(self, x, gelu=None):
        y = (gelu or self.gelu)(self.linear(x, WIDTH, 4 * WIDTH))
        return self.linear(y, 4 * WIDTH, WIDTH)


# ---- bert: words, places and segments, and two layers that look both ways


def bert():
    net = NetWriter(1)
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        net.takes(name, ["N", "S"], I64)
    words = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    segments = net.node("Gather", net.weight(2, WIDTH), "token_type_ids")
    length = net.one(net.dim("input_ids", 1))
    where = net.node("Slice", net.value(np.arange(LONGEST)[None]), net.ints(0), length, net.ints(1))
    places = net.node("Gather", net.weight(LONGEST, WIDTH), where)
    x = net.layer_norm(net.node("Add", net.node("Add", words, segments), places), 1e-12)
    shown = net.node("Unsqueeze", net.node("Unsqueeze", "attention_mask", net.ints(1)), net.ints(2))
    hidden = net.node("Sub", net.number(1), net.node("Cast", shown, to=F32))
    mask = net.node("Mul", hidden, net.number(-10000))
    for _ in range(2):
        q, v = net.heads(net.linear(x)), net.heads(net.linear(x))
        k = net.heads(net.linear(x), (0, 2, 3, 1))
        scores = net.node("Div", net.node("MatMul", q, k), net.number(np.sqrt(SIZE)))
        weights = net.node("Softmax", net.node("Add", scores, mask), axis=-1)
        mixed = net.linear(net.together(net.node("MatMul", weights, v)))
        x = net.layer_norm(net.node("Add", mixed, x), 1e-12)
        x = net.layer_norm(net.node("Add", net.feed_forward(x), x), 1e-12)
    net.gives(x, "hidden", ["N", "S", WIDTH])
    return net.finished()


def bert_feeds(rng):
    mask = np.ones((3, 14), np.int64)
    mask[0, 9:] = 0
    return {
        "input_ids": rng.integers(0, WORDS, mask.shape),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, mask.shape),
    }


# ---- vit: patches of a picture, normalised before each layer


def vit():
    net = NetWriter(2)
    net.takes("pixels", ["N", 3, 16, 16])
    x = net.node("Conv", "pixels", net.weight(WIDTH, 3, 4, 4), net.weight(WIDTH),
                 kernel_shape=[4, 4], strides=[4, 4])
    x = net.node("Transpose", net.node("Reshape", x, net.ints(0, WIDTH, 16)), perm=[0, 2, 1])
    first = net.node("Expand", net.weight(1, 1, WIDTH),
                     net.node("Concat", net.one(net.dim(x, 0)), net.ints(1, WIDTH), axis=0))
    x = net.node("Add", net.node("Concat", first, x, axis=1), net.weight(1, 17, WIDTH))
    for _ in range(2):
        normed = net.layer_norm(x)
        q, v = net.heads(net.linear(normed)), net.heads(net.linear(normed))
        k = net.heads(net.linear(normed), (0, 2, 3, 1))
        scores = net.node("Div", net.node("MatMul", q, k), net.number(np.sqrt(SIZE)))
        weights = net.node("Softmax", scores, axis=-1)
        x = net.node("Add", net.linear(net.together(net.node("MatMul", weights, v))), x)
        x = net.node("Add", net.feed_forward(net.layer_norm(x)), x)
    x = net.layer_norm(x)
    first = net.node("Gather", x, net.scalar(0), axis=1)
    net.gives(net.node("Gemm", first, net.matrix(WIDTH, 7), net.bias(7)), "logits", ["N", 7])
    return net.finished()


def vit_feeds(rng):
    return {"pixels": rng.standard_normal((2, 3, 16, 16)).astype(np.float32)}


# ---- gpt2: each word looks at those before it; with past, keys and values go in and out


def gpt2(with_past):
    net = NetWriter(3)
    net.takes("input_ids", ["N", "S"], I64)
    new = net.dim("input_ids", 1)
    if with_past:
        for layer in range(2):
            net.takes(f"past_{layer}", [2, "N", HEADS, "P", SIZE])
        start = net.dim("past_0", 3)
        stop = net.node("Add", start, new)
    else:
        start, stop = net.scalar(0), new
    where = net.node("Range", start, stop, net.scalar(1))
    places = net.node("Gather", net.weight(LONGEST, WIDTH), where)
    x = net.node("Add", net.node("Gather", net.weight(WORDS, WIDTH), "input_ids"), places)
    triangle = net.value(np.tril(np.ones((1, 1, LONGEST, LONGEST), bool)))

    def flat_linear(y, c_in, c_out):
        """A linear layer as the "Conv1D" of its authors exports."""
        lead = net.node("Concat", net.one(net.dim(y, 0)), net.one(net.dim(y, 1)), net.ints(c_out),
                        axis=0)
        flat = net.node("Gemm", net.node("Reshape", y, net.ints(-1, c_in)),
                        net.matrix(c_in, c_out), net.bias(c_out))
        return net.node("Reshape", flat, lead)

    def length(y):
        shape = net.node("Shape", y)
        last_but_one = net.node("Slice", shape, net.ints(-2), net.ints(-1))
        return net.node("Squeeze", last_but_one, net.ints(0))

    for layer in range(2):
        qkv = net.split(flat_linear(net.layer_norm(x), WIDTH, 3 * WIDTH), 3, 2, *[WIDTH] * 3)
        q, k, v = (net.heads(each) for each in qkv)
        if with_past:
            halves = net.split(f"past_{layer}", 2, 0, 1, 1)
            past = [net.node("Squeeze", each, net.ints(0)) for each in halves]
            k = net.node("Concat", past[0], k, axis=-2)
            v = net.node("Concat", past[1], v, axis=-2)
            both = [net.node("Unsqueeze", each, net.ints(0)) for each in (k, v)]
            net.gives(net.node("Concat", *both, axis=0), f"present_{layer}",
                      [2, "N", HEADS, "T", SIZE])
            turned = net.node("Transpose", k, perm=[0, 1, 3, 2])
        else:
            turned = net.heads(qkv[1], (0, 2, 3, 1))
        scores = net.node("Div", net.node("MatMul", q, turned), net.number(np.sqrt(SIZE)))
        # The mask's rows and columns by the length of the scores, or of the keys.
        if with_past:
            rows, columns = length(q), length(k)
        else:
            shape = net.node("Shape", scores)
            rows = net.node("Squeeze", net.node("Slice", shape, net.ints(-2), net.ints(-1)),
                            net.ints(0))
            columns = net.node("Squeeze", net.node("Slice", shape, net.ints(-1), net.ints(9)),
                               net.ints(0))
        first = net.node("Unsqueeze", net.node("Sub", columns, rows), net.ints(0))
        end = net.node("Unsqueeze", columns, net.ints(0))
        seen = net.node("Slice", triangle, first, end, net.ints(2))
        seen = net.node("Slice", seen, net.ints(0), end, net.ints(3))
        weights = net.node("Softmax", net.node("Where", seen, scores, net.number(-1e4)), axis=3)
        mixed = net.together(net.node("MatMul", weights, v))
        x = net.node("Add", x, flat_linear(mixed, WIDTH, WIDTH))
        y = net.tanh_gelu(flat_linear(net.layer_norm(x), WIDTH, 4 * WIDTH))
        x = net.node("Add", x, flat_linear(y, 4 * WIDTH, WIDTH))
    logits = net.product(net.layer_norm(x), WIDTH, WORDS)
    net.gives(logits, "logits", ["N", "S", WORDS])
    return net.finished()


def gpt2_feeds(rng):
    return {"input_ids": rng.integers(0, WORDS, (2, 5))}


def gpt2_past_feeds(rng):
    past = rng.standard_normal((2, 2, 2, HEADS, 4, SIZE)).astype(np.float32)
    return gpt2_feeds(rng) | {"past_0": past[0], "past_1": past[1]}


# ---- t5: distances between words in buckets, root mean squares


def t5():
    net = NetWriter(4)
    net.takes("input_ids", ["N", "S"], I64)
    net.takes("attention_mask", ["N", "S"], I64)
    x = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    shown = net.node("Unsqueeze", net.node("Unsqueeze", "attention_mask", net.ints(1)), net.ints(2))
    hidden = net.node("Sub", net.number(1), net.node("Cast", shown, to=F32))
    mask = net.node("Mul", hidden, net.number(-10000))
    length = net.dim(x, 1)
    line = net.node("Range", net.scalar(0), length, net.scalar(1))
    apart = net.node("Sub", net.node("Unsqueeze", line, net.ints(0)),
                     net.node("Unsqueeze", line, net.ints(1)))
    after = net.node("Cast", net.node("Greater", apart, net.scalar(0)), to=I64)
    side = net.node("Mul", after, net.scalar(16))
    apart = net.node("Abs", apart)
    steps = net.node("Log", net.node("Div", net.node("Cast", apart, to=F32), net.number(8)))
    steps = net.node("Div", steps, net.number(np.log(128 / 8)))
    steps = net.node("Cast", net.node("Mul", steps, net.number(8)), to=I64)
    far = net.node("Add", steps, net.scalar(8))
    most = net.node("ConstantOfShape", net.node("Shape", far),
                    value=helper.make_tensor("most", I64, [1], [15]))
    far = net.node("Min", far, most)
    bucket = net.node("Where", net.node("Less", apart, net.scalar(8)), apart, far)
    rows = net.node("Gather", net.weight(32, HEADS), net.node("Add", side, bucket))
    bias = net.node("Unsqueeze", net.node("Transpose", rows, perm=[2, 0, 1]), net.ints(0))
    bias = net.node("Slice", bias, net.ints(0), net.ints(LONGEST), net.ints(2))
    cut = net.node("Slice", mask, net.ints(0), net.ints(LONGEST), net.ints(3))
    bias = net.node("Add", bias, cut)
    for _ in range(2):
        normed = net.rms_norm(x)
        batch = net.one(net.dim(normed, 0))
        four = net.node("Concat", batch, net.ints(-1, HEADS, SIZE), axis=0)
        three = net.node("Concat", batch, net.ints(-1, WIDTH), axis=0)
        q, v = net.heads(net.product(normed), by=four), net.heads(net.product(normed), by=four)
        k = net.heads(net.product(normed), (0, 2, 3, 1), by=four)
        scores = net.node("Add", net.node("MatMul", q, k), bias)
        weights = net.node("Softmax", scores, axis=-1)
        mixed = net.product(net.together(net.node("MatMul", weights, v), by=three))
        x = net.node("Add", x, mixed)
        y = net.node("Relu", net.product(net.rms_norm(x), WIDTH, 4 * WIDTH))
        x = net.node("Add", x, net.product(y, 4 * WIDTH, WIDTH))
    net.gives(net.rms_norm(x), "hidden", ["N", "S", WIDTH])
    return net.finished()


def t5_feeds(rng):
    mask = np.ones((2, 12), np.int64)
    mask[1, 7:] = 0
    return {"input_ids": rng.integers(0, WORDS, mask.shape), "attention_mask": mask}


def t5_step():
    """The decoder after its first step."""
    net = NetWriter(10)
    net.takes("input_ids", ["N", 1], I64)
    net.takes("encoder_attention_mask", ["N", "F"], I64)
    x = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    shown = net.node("Unsqueeze", net.node("Unsqueeze", "encoder_attention_mask", net.ints(1)),
                     net.ints(2))
    hidden = net.node("Sub", net.number(1), net.node("Cast", shown, to=F32))
    mask = net.node("Mul", hidden, net.number(-10000))
    cross_mask = net.node("Add", net.value(np.zeros((1, HEADS, 1, 1), np.float32)), mask)
    for layer in range(2):
        for kind, length in (("self", "P"), ("cross", "F")):
            for each in ("key", "value"):
                net.takes(f"past_{each}_{kind}_{layer}", ["N", HEADS, length, SIZE])
    total = net.node("Add", net.dim("past_key_self_0", 2), net.dim("input_ids", 1))
    line = net.node("Range", net.scalar(0), total, net.scalar(1))
    apart = net.node("Sub", net.node("Unsqueeze", line, net.ints(0)),
                     net.node("Unsqueeze", line, net.ints(1)))

    def filled(like, number):
        return net.node("ConstantOfShape", net.node("Shape", like),
                        value=helper.make_tensor("filling", I64, [1], [number]))

    behind = net.node("Neg", net.node("Min", apart, filled(apart, 0)))
    steps = net.node("Log", net.node("Div", net.node("Cast", behind, to=F32), net.number(16)))
    steps = net.node("Mul", net.node("Div", steps, net.number(np.log(128 / 16))), net.number(16))
    far = net.node("Add", net.node("Cast", steps, to=I64), net.scalar(16))
    far = net.node("Min", far, filled(far, 31))
    bucket = net.node("Where", net.node("Less", behind, net.scalar(16)), behind, far)
    rows = net.node("Gather", net.weight(32, HEADS), bucket)
    bias = net.node("Unsqueeze", net.node("Transpose", rows, perm=[2, 0, 1]), net.ints(0))
    bias = net.node("Slice", bias, net.ints(-1), net.ints(2**31), net.ints(2))
    bias = net.node("Add", bias, net.value(np.zeros((1, 1, 1, 1), np.float32)))
    for layer in range(2):
        for kind in ("self", "cross"):
            normed = net.rms_norm(x)
            batch = net.one(net.dim(normed, 0))
            four = net.node("Concat", batch, net.ints(-1, HEADS, SIZE), axis=0)
            three = net.node("Concat", batch, net.ints(-1, WIDTH), axis=0)
            q = net.heads(net.product(normed), by=four)
            k, v = (f"past_{each}_{kind}_{layer}" for each in ("key", "value"))
            if kind == "self":
                k = net.node("Concat", k, net.heads(net.product(normed), by=four), axis=2)
                v = net.node("Concat", v, net.heads(net.product(normed), by=four), axis=2)
            scores = net.node("MatMul", q, net.node("Transpose", k, perm=[0, 1, 3, 2]))
            scores = net.node("Add", scores, bias if kind == "self" else cross_mask)
            mixed = net.node("MatMul", net.node("Softmax", scores, axis=-1), v)
            if kind == "self":
                for each, value in (("key", k), ("value", v)):
                    net.gives(value, f"present_{each}_self_{layer}", ["N", HEADS, "T", SIZE])
            x = net.node("Add", x, net.product(net.together(mixed, by=three)))
        y = net.node("Relu", net.product(net.rms_norm(x), WIDTH, 4 * WIDTH))
        x = net.node("Add", x, net.product(y, 4 * WIDTH, WIDTH))
    net.gives(net.product(net.rms_norm(x), WIDTH, WORDS), "logits", ["N", 1, WORDS])
    return net.finished()


def t5_step_feeds(rng):
    mask = np.ones((2, 9), np.int64)
    mask[1, 7:] = 0
    feeds = {"input_ids": rng.integers(0, WORDS, (2, 1)), "encoder_attention_mask": mask}
    for layer in range(2):
        for kind, length in (("self", 25), ("cross", 9)):
            for each in ("key", "value"):
                feeds[f"past_{each}_{kind}_{layer}"] = rng.standard_normal(
                    (2, HEADS, length, SIZE)).astype(np.float32)
    return feeds


# ---- bart: queries are scaled, keys have no bias; an encoder, and a decoder that looks at it too


def bart_heads(net, normed, other, cut=None):
    """-> mixed heads of queries from one and keys and values from the other, and those two."""
    q = net.node("Mul", net.linear(normed), net.number(SIZE**-0.5))
    keys = net.node("Reshape", net.product(other), net.ints(0, 0, HEADS, SIZE))
    v = net.heads(net.linear(other))
    scores = net.node("MatMul", net.heads(q), net.node("Transpose", keys, perm=[0, 2, 3, 1]))
    if cut is not None:
        scores = net.node("Add", scores, cut)
    mixed = net.together(net.node("MatMul", net.node("Softmax", scores, axis=-1), v))
    return net.linear(mixed)


def bart_encoder():
    net = NetWriter(5)
    net.takes("frames", ["N", "F", WIDTH])
    x = net.layer_norm(net.node("Add", "frames", net.bias(WIDTH)))
    for _ in range(2):
        x = net.layer_norm(net.node("Add", x, bart_heads(net, x, x)))
        x = net.layer_norm(net.node("Add", x, net.feed_forward(x)))
    net.gives(x, "hidden", ["N", "F", WIDTH])
    return net.finished()


def bart_encoder_feeds(rng):
    return {"frames": rng.standard_normal((2, 9, WIDTH)).astype(np.float32)}


def bart_decoder():
    net = NetWriter(6)
    net.takes("input_ids", ["N", "S"], I64)
    net.takes("hidden", ["N", "F", WIDTH])
    words = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    new = net.one(net.dim("input_ids", 1))
    places = net.node("Slice", net.weight(LONGEST, WIDTH), net.ints(0), new, net.ints(0))
    x = net.layer_norm(net.node("Add", words, places))
    square = net.node("Concat", new, new, axis=0)
    line = net.node("Range", net.scalar(0), net.dim("input_ids", 1), net.scalar(1))
    seen = net.node("GreaterOrEqual", net.node("Unsqueeze", line, net.ints(1)), line)
    zeros = net.node("ConstantOfShape", square,
                     value=helper.make_tensor("zero", F32, [1], [0.0]))
    cut = net.node("Where", seen, zeros, net.number(-10000))
    for _ in range(2):
        x = net.layer_norm(net.node("Add", x, bart_heads(net, x, x, cut)))
        x = net.layer_norm(net.node("Add", x, bart_heads(net, x, "hidden")))
        x = net.layer_norm(net.node("Add", x, net.feed_forward(x)))
    net.gives(net.product(x, WIDTH, WORDS), "logits", ["N", "S", WORDS])
    return net.finished()


def bart_decoder_feeds(rng):
    return {
        "input_ids": rng.integers(0, WORDS, (2, 6)),
        "hidden": rng.standard_normal((2, 9, WIDTH)).astype(np.float32),
    }


def bart_step():
    """The decoder after its first step: what it has seen comes in, with what it knows of frames."""
    net = NetWriter(8)
    net.takes("input_ids", ["N", 1], I64)
    words = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    x = net.layer_norm(net.node("Add", words, net.weight(1, 1, WIDTH)))
    blank = net.value(np.zeros((1, 1, 1, 1), np.float32))
    for layer in range(2):
        seen = [net.takes(f"past_{layer}_{each}", ["N", HEADS, "P", SIZE]) for each in "kv"]
        frames = [net.takes(f"frames_{layer}_{each}", ["N", HEADS, "F", SIZE]) for each in "kv"]
        q = net.heads(net.node("Mul", net.linear(x), net.number(SIZE**-0.5)))
        k = net.node("Concat", seen[0], net.heads(net.product(x)), axis=2)
        v = net.node("Concat", seen[1], net.heads(net.linear(x)), axis=2)
        cut = net.node("Where", net.node("Less", net.dim(k, 2), net.scalar(0)), blank, blank)
        scores = net.node("Add", net.node("MatMul", q, net.node("Transpose", k, perm=[0, 1, 3, 2])),
                          cut)
        mixed = net.together(net.node("MatMul", net.node("Softmax", scores, axis=-1), v))
        for each, value in zip("kv", (k, v)):
            net.gives(value, f"present_{layer}_{each}", ["N", HEADS, "T", SIZE])
        x = net.layer_norm(net.node("Add", x, net.linear(mixed)))
        q = net.heads(net.node("Mul", net.linear(x), net.number(SIZE**-0.5)))
        scores = net.node("MatMul", q, net.node("Transpose", frames[0], perm=[0, 1, 3, 2]))
        mixed = net.together(net.node("MatMul", net.node("Softmax", scores, axis=-1), frames[1]))
        x = net.layer_norm(net.node("Add", x, net.linear(mixed)))
        x = net.layer_norm(net.node("Add", x, net.feed_forward(x)))
    net.gives(net.product(x, WIDTH, WORDS), "logits", ["N", 1, WORDS])
    return net.finished()


def bart_step_feeds(rng):
    feeds = {"input_ids": rng.integers(0, WORDS, (2, 1))}
    for layer in range(2):
        for each in "kv":
            for name, length in (("past", 5), ("frames", 9)):
                feeds[f"{name}_{layer}_{each}"] = rng.standard_normal(
                    (2, HEADS, length, SIZE)).astype(np.float32)
    return feeds


# ---- clip: a text, with a mask that the caller makes


def clip():
    net = NetWriter(9)
    net.takes("input_ids", ["N", "S"], I64)
    net.takes("attention_mask", ["N", 1, "S", "S"])
    words = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    length = net.one(net.dim("input_ids", 1))
    places = net.node("Slice", net.weight(LONGEST, WIDTH), net.ints(0), length, net.ints(0))
    x = net.node("Add", words, places)

    def quick_gelu(y):
        return net.node("Mul", y, net.node("Sigmoid", net.node("Mul", y, net.number(1.702))))

    for _ in range(2):
        normed = net.layer_norm(x)
        q, v = net.heads(net.linear(normed)), net.heads(net.linear(normed))
        k = net.heads(net.linear(normed), (0, 2, 3, 1))
        scores = net.node("Mul", net.node("MatMul", q, k), net.number(SIZE**-0.5))
        scores = net.node("Add", scores, "attention_mask")
        mixed = net.together(net.node("MatMul", net.node("Softmax", scores, axis=-1), v))
        x = net.node("Add", x, net.linear(mixed))
        x = net.node("Add", x, net.feed_forward(net.layer_norm(x), quick_gelu))
    net.gives(net.layer_norm(x), "hidden", ["N", "S", WIDTH])
    return net.finished()


def clip_feeds(rng):
    mask = np.triu(np.full((2, 1, 7, 7), -1e4, np.float32), 1)
    return {"input_ids": rng.integers(0, WORDS, (2, 7)), "attention_mask": mask}


# ---- llama: positions turn halves of queries and keys


def llama():
    net = NetWriter(11)
    for name, dims in (("input_ids", "S"), ("position_ids", "S"), ("attention_mask", "T")):
        net.takes(name, ["N", dims], I64)
    for layer in range(2):
        for each in ("key", "value"):
            net.takes(f"past_{layer}_{each}", ["N", HEADS, "P", SIZE])
    x = net.node("Gather", net.weight(WORDS, WIDTH), "input_ids")
    turn = np.outer(np.arange(LONGEST), 100 ** -np.linspace(0, 1, SIZE // 2))
    turn = np.concatenate([turn, turn], axis=1).astype(np.float32)
    # As nodes, where the optimiser looks for them.
    tables = [net.node("Constant", value=numpy_helper.from_array(each))
              for each in (np.cos(turn), np.sin(turn))]
    shown = net.node("Unsqueeze", net.node("Unsqueeze", "attention_mask", net.ints(1)), net.ints(2))
    new, total = net.one(net.dim("input_ids", 1)), net.one(net.dim("attention_mask", 1))
    square = net.node("Concat", net.one(net.dim("input_ids", 0)), net.ints(1), new, total, axis=0)
    hidden = net.node("Cast", net.node("Expand", shown, square), to=F32)
    hidden = net.node("Sub", net.number(1), hidden)
    is_hidden = net.node("Cast", hidden, to=TensorProto.BOOL)
    hidden = net.node("Where", is_hidden, net.number(-1e4), hidden)
    columns = net.node("Range", net.scalar(0), net.dim("attention_mask", 1), net.scalar(1))
    later = net.node("Greater", columns, net.node("Unsqueeze", "position_ids", net.ints(1, 3)))
    mask = net.node("Add", hidden, net.node("Where", later, net.number(-1e4), net.number(0)))

    def turned(y, length, tables):
        half = net.one(net.node("Div", net.dim(y, 3), net.scalar(2)))
        left = net.node("Slice", y, net.ints(0), half, net.ints(3))
        right = net.node("Slice", y, half, net.ints(2**31), net.ints(3))
        swapped = net.node("Concat", net.node("Neg", right), left, axis=-1)
        cosines, sines = (
            net.node("Unsqueeze", net.node("Gather", each, "position_ids"), net.ints(1))
            for each in (net.node("Slice", each, net.ints(0), length, net.ints(0))
                         for each in tables)
        )
        return net.node("Add", net.node("Mul", y, cosines), net.node("Mul", swapped, sines))

    for layer in range(2):
        normed = net.rms_norm(x)
        lead = [net.dim(normed, 0), net.dim(normed, 1)]

        def shape(*rest, lead=lead):
            return net.node("Concat", *map(net.one, lead), net.ints(*rest), axis=0)

        def four():
            lead_of_two = [net.one(each) for each in lead]
            return net.node("Concat", *lead_of_two, net.ints(HEADS), net.ints(SIZE), axis=0)

        past = [f"past_{layer}_{each}" for each in ("key", "value")]
        q, k, v = (net.heads(net.product(normed), by=four()) for _ in range(3))
        length = net.one(net.node("Add", net.dim(k, 2), net.dim(past[0], 2)))
        q, k = turned(q, length, tables), turned(k, length, tables)
        k = net.node("Concat", past[0], k, axis=2)
        v = net.node("Concat", past[1], v, axis=2)
        scores = net.node("MatMul", q, net.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = net.node("Add", net.node("Div", scores, net.number(np.sqrt(SIZE))), mask)
        mixed = net.node("MatMul", net.node("Softmax", scores, axis=-1), v)
        for each, value in (("key", k), ("value", v)):
            net.gives(value, f"present_{layer}_{each}", ["N", HEADS, "T", SIZE])
        x = net.node("Add", x, net.product(net.together(mixed, by=shape(WIDTH))))
        normed = net.rms_norm(x)
        gate = net.product(normed, WIDTH, 2 * WIDTH)
        y = net.node("Mul", swish(net, gate), net.product(normed, WIDTH, 2 * WIDTH))
        x = net.node("Add", x, net.product(y, 2 * WIDTH, WIDTH))
    net.gives(net.product(net.rms_norm(x), WIDTH, WORDS), "logits", ["N", "S", WORDS])
    return net.finished()


def llama_feeds(rng):
    mask = np.ones((2, 8), np.int64)
    mask[1, :2] = 0
    feeds = {"input_ids": rng.integers(0, WORDS, (2, 3)), "attention_mask": mask,
             "position_ids": np.tile(np.arange(5, 8), (2, 1))}
    for layer in range(2):
        for each in ("key", "value"):
            feeds[f"past_{layer}_{each}"] = rng.standard_normal(
                (2, HEADS, 5, SIZE)).astype(np.float32)
    return feeds


# ---- unet: groups normalised, pixels that look at each other and at a text


def group_norm(net, x, groups=8):
    flat = net.node("Reshape", x, net.ints(0, groups, -1))
    ones, zeros = net.value(np.ones(groups, np.float32)), net.value(np.zeros(groups, np.float32))
    normed = net.node("InstanceNormalization", flat, ones, zeros, epsilon=1e-5)
    normed = net.node("Reshape", normed, net.node("Shape", x))
    gamma = net.value((1 + 0.1 * net.rng.standard_normal((WIDTH, 1, 1))).astype(np.float32))
    return net.node("Add", net.node("Mul", normed, gamma), net.bias((WIDTH, 1, 1)))


def swish(net, x):
    return net.node("Mul", x, net.node("Sigmoid", x))


def conv(net, x, c_in=WIDTH, c_out=WIDTH, kernel=3):
    return net.node("Conv", x, net.weight(c_out, c_in, kernel, kernel), net.bias(c_out),
                    kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)


def unet_heads(net, normed, other, c_in):
    def folded(x, perm=(0, 2, 1, 3)):
        apart = net.node("Reshape", x, net.ints(0, 0, HEADS, SIZE))
        turned = net.node("Transpose", apart, perm=list(perm))
        return net.node("Reshape", turned, net.ints(2 * HEADS, -1, SIZE))

    q = folded(net.product(normed))
    k, v = folded(net.product(other, c_in)), folded(net.product(other, c_in))
    scores = net.node("MatMul", q, net.node("Transpose", k, perm=[0, 2, 1]))
    scores = net.node("Mul", scores, net.number(SIZE**-0.5))
    mixed = net.node("MatMul", net.node("Softmax", scores, axis=-1), v)
    apart = net.node("Reshape", mixed, net.ints(2, HEADS, -1, SIZE))
    return net.linear(net.together(apart))


def split_gelu(net, x):
    """Half of the columns times the gelu of the others."""
    y = net.node("Add", net.product(x, WIDTH, 8 * WIDTH), net.bias(8 * WIDTH))
    columns = net.node("Gather", net.node("Shape", y), net.ints(-1), axis=0)
    half = net.node("Div", net.node("Add", columns, net.ints(1)), net.ints(2))
    middle, end = net.node("Mul", half, net.ints(1)), net.node("Mul", half, net.ints(2))
    left = net.node("Slice", y, net.ints(0), middle, net.ints(-1))
    right = net.node("Slice", y, middle, end, net.ints(-1))
    return net.node("Mul", left, net.gelu(right))


def unet():
    net = NetWriter(7)
    net.takes("sample", [2, 4, 8, 8])
    net.takes("time", [2, 16])
    net.takes("text", [2, 7, 24])
    x = conv(net, "sample", 4)
    time = swish(net, net.node("Gemm", "time", net.matrix(16, WIDTH), net.bias(WIDTH)))
    for _ in range(2):
        y = conv(net, swish(net, group_norm(net, x)))
        moment = net.node("Unsqueeze", net.linear(time), net.ints(2, 3))
        y = conv(net, swish(net, group_norm(net, net.node("Add", y, moment))))
        x = net.node("Add", x, y)
    y = conv(net, group_norm(net, x), kernel=1)
    y = net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 3, 1]), net.ints(2, 64, WIDTH))
    for _ in range(2):
        normed = net.layer_norm(y)
        y = net.node("Add", unet_heads(net, normed, normed, WIDTH), y)
        y = net.node("Add", unet_heads(net, net.layer_norm(y), "text", 24), y)
        wide = split_gelu(net, net.layer_norm(y))
        y = net.node("Add", net.node("Add", net.product(wide, 4 * WIDTH), net.bias(WIDTH)), y)
    y = net.node("Transpose", net.node("Reshape", y, net.ints(2, 8, 8, WIDTH)), perm=[0, 3, 1, 2])
    x = net.node("Add", conv(net, y, kernel=1), x)
    x = conv(net, swish(net, group_norm(net, x)), WIDTH, 4)
    net.gives(x, "noise", [2, 4, 8, 8])
    return net.finished()


def unet_feeds(rng):
    def numbers(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    return {"sample": numbers(2, 4, 8, 8), "time": numbers(2, 16), "text": numbers(2, 7, 24)}
