"""Small networks with random weights, as exporters write them, for tools that rewrite models."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Writer:
    """Collects nodes; every method takes and returns names of values."""

    def __init__(self, seed=0):
        self.nodes, self.initializers = [], []
        self.rng = np.random.default_rng(seed)

    def node(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def value(self, array):
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *numbers):
        return self.value(np.array(numbers, np.int64))

    def number(self, number):
        return self.value(np.array(number, np.float32))

    def weight(self, *shape):
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        return self.value((self.rng.standard_normal(shape) * scale).astype(np.float32))

    def model(self, inputs, outputs, opset=17):
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def without_shapes(model):
    """The same file, whose inputs and outputs tell no rank."""
    model = onnx.load_model_from_string(model)
    del model.graph.value_info[:]
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.ClearField("shape")
    return model.SerializeToString()


def conv(writer, x, c_in, c_out, kernel, group=1, **attributes):
    weight = writer.weight(c_out, c_in // group, kernel, kernel)
    pads = [kernel // 2] * 4
    return writer.node(
        "Conv", x, weight, writer.weight(c_out), kernel_shape=[kernel] * 2, pads=pads, group=group,
        **attributes
    )


def convolution_net():
    """[N, 3, 32, 32] -> [N, 10]: every kind of layer that ONNX Runtime moves into its blocks."""
    writer = Writer()
    x = writer.node("Relu", conv(writer, "image", 3, 24, 3, strides=[2, 2]))
    x = writer.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    y = writer.node("Clip", conv(writer, x, 24, 48, 1), writer.number(0), writer.number(6))
    y = writer.node("Sigmoid", conv(writer, y, 48, 48, 3, group=48))
    y = conv(writer, y, 48, 24, 1)
    x = writer.node("Relu", writer.node("Add", x, y))
    left = writer.node("LeakyRelu", conv(writer, x, 24, 32, 3), alpha=0.2)
    right = writer.node("Tanh", conv(writer, x, 24, 32, 3, group=2))
    x = writer.node("Concat", left, right, axis=1)
    scale, shift, mean = (writer.weight(64) for _ in range(3))
    variance = writer.value(np.linspace(0.5, 2, 64, dtype=np.float32))
    x = writer.node("BatchNormalization", x, scale, shift, mean, variance)
    x = writer.node("AveragePool", x, kernel_shape=[2, 2], strides=[1, 1])
    scales = writer.value(np.array([1, 1, 2, 2], np.float32))
    x = writer.node(
        "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
        nearest_mode="floor"
    )
    x = writer.node("HardSigmoid", conv(writer, x, 64, 40, 3), alpha=0.2, beta=0.5)
    squeezed = writer.node("GlobalAveragePool", x)
    x = writer.node("Mul", x, writer.node("Sigmoid", conv(writer, squeezed, 40, 40, 1)))
    x = writer.node("Flatten", writer.node("GlobalMaxPool", x))
    x = writer.node("Gemm", x, writer.weight(10, 40), writer.weight(10), transB=1)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 32, 32])
    logits = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", 10])
    return writer.model([image], [logits])


WIDTH, HEADS, WORDS, LENGTH = 32, 4, 50, 16


def linear(writer, x, c_in, c_out):
    weight = writer.value(
        (writer.rng.standard_normal((c_in, c_out)) / np.sqrt(c_in)).astype(np.float32)
    )
    return writer.node("Add", writer.node("MatMul", x, weight), writer.weight(c_out))


def layer_norm(writer, x):
    centred = writer.node("Sub", x, writer.node("ReduceMean", x, axes=[-1]))
    squares = writer.node("Pow", centred, writer.number(2))
    variance = writer.node("ReduceMean", squares, axes=[-1])
    deviation = writer.node("Sqrt", writer.node("Add", variance, writer.number(1e-12)))
    scaled = writer.node("Mul", writer.node("Div", centred, deviation), writer.weight(WIDTH))
    return writer.node("Add", scaled, writer.weight(WIDTH))


def gelu(writer, x):
    erf = writer.node("Erf", writer.node("Div", x, writer.number(np.sqrt(2))))
    product = writer.node("Mul", x, writer.node("Add", erf, writer.number(1)))
    return writer.node("Mul", product, writer.number(0.5))


def attention(writer, x, mask):
    size = WIDTH // HEADS

    def heads(perm):
        projected = linear(writer, x, WIDTH, WIDTH)
        split = writer.node("Reshape", projected, writer.ints(0, 0, HEADS, size))
        return writer.node("Transpose", split, perm=perm)

    q, k, v = heads([0, 2, 1, 3]), heads([0, 2, 3, 1]), heads([0, 2, 1, 3])
    scores = writer.node("Div", writer.node("MatMul", q, k), writer.number(np.sqrt(size)))
    weights = writer.node("Softmax", writer.node("Add", scores, mask), axis=-1)
    mixed = writer.node("Transpose", writer.node("MatMul", weights, v), perm=[0, 2, 1, 3])
    return linear(writer, writer.node("Reshape", mixed, writer.ints(0, 0, WIDTH)), WIDTH, WIDTH)


def encoder_net(layers=2):
    """ids and mask [N, 16] -> [N, 16, 32]: a small BERT in the operators of opset 12 exporters."""
    writer = Writer()
    words = writer.node("Gather", writer.weight(WORDS, WIDTH), "input_ids")
    x = layer_norm(writer, writer.node("Add", words, writer.weight(1, LENGTH, WIDTH)))
    shown = writer.node("Unsqueeze", writer.node("Unsqueeze", "attention_mask", axes=[1]), axes=[2])
    hidden = writer.node("Sub", writer.number(1), writer.node("Cast", shown, to=TensorProto.FLOAT))
    mask = writer.node("Mul", hidden, writer.number(-10000))
    for _ in range(layers):
        x = layer_norm(writer, writer.node("Add", attention(writer, x, mask), x))
        y = linear(writer, gelu(writer, linear(writer, x, WIDTH, 4 * WIDTH)), 4 * WIDTH, WIDTH)
        x = layer_norm(writer, writer.node("Add", y, x))

    def ids(name):
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["N", LENGTH])

    output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", LENGTH, WIDTH])
    return writer.model([ids("input_ids"), ids("attention_mask")], [output], opset=12)
