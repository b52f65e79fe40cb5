"""Small networks for pictures and for sequences with random weights, in the shapes of well-known
ones, as exporters write them."""

import numpy as np
from onnx import TensorProto, helper
from small_nets import Writer


class NetWriter(Writer):
    def conv(self, x, c_in, c_out, kernel=3, stride=1, group=1, dilation=1, bias=False):
        weights = [self.weight(c_out, c_in // group, kernel, kernel)]
        if bias:
            weights.append(self.weight(c_out))
        return self.node(
            "Conv", x, *weights, kernel_shape=[kernel] * 2, strides=[stride] * 2, group=group,
            dilations=[dilation] * 2, pads=[kernel // 2 * dilation] * 4
        )

    def batch_norm(self, x, channels):
        scale = self.value((1 + 0.2 * self.rng.standard_normal(channels)).astype(np.float32))
        variance = self.value(self.rng.uniform(0.5, 2, channels).astype(np.float32))
        shift, mean = self.weight(channels), self.weight(channels)
        return self.node("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def unit(self, x, c_in, c_out, act="Relu", **keywords):
        """Convolution, normalisation, activation."""
        return self.act(self.batch_norm(self.conv(x, c_in, c_out, **keywords), c_out), act)

    def act(self, x, act):
        if act is None:
            return x
        if act == "Relu6":
            return self.node("Clip", x, self.number(0), self.number(6))
        if act == "Swish":
            return self.node("Mul", x, self.node("Sigmoid", x))
        return self.node(act, x)

    def gate(self, x, channels, squeezed, act="Sigmoid"):
        """x, each channel scaled by what the means of all say."""
        y = self.node("GlobalAveragePool", x)
        y = self.node("Relu", self.conv(y, channels, squeezed, kernel=1, bias=True))
        y = self.node(act, self.conv(y, squeezed, channels, kernel=1, bias=True))
        return self.node("Mul", x, y)

    def classify(self, x, channels, classes=10):
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        x = self.node("Gemm", x, self.weight(classes, channels), self.weight(classes), transB=1)
        return self.finished(x, ["N", classes])

    def finished(self, y, dims, image=("N", 3, 32, 32)):
        takes = helper.make_tensor_value_info("image", TensorProto.FLOAT, image)
        gives = helper.make_tensor_value_info(y, TensorProto.FLOAT, dims)
        return self.model([takes], [gives])


def resnet():
    net = NetWriter(1)
    x = net.unit("image", 3, 16, kernel=7, stride=2)
    x = net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    c_in = 16
    for c_out, stride in ((16, 1), (32, 2), (32, 1)):
        y = net.unit(x, c_in, c_out // 2, kernel=1)
        y = net.unit(y, c_out // 2, c_out // 2, stride=stride)
        y = net.unit(y, c_out // 2, c_out, kernel=1, act=None)
        if c_in != c_out:
            x = net.unit(x, c_in, c_out, kernel=1, stride=stride, act=None)
        x, c_in = net.node("Relu", net.node("Add", y, x)), c_out
    return net.classify(x, c_in)


def mobilenet():
    """Expand, depthwise, project; the second half with gates and HardSwish."""
    net = NetWriter(2)
    x, c_in = net.unit("image", 3, 16, stride=2, act="Relu6"), 16
    for c_out, stride, act in ((16, 1, "Relu6"), (24, 2, "Relu6"), (24, 1, "HardSwish")):
        wide = 3 * c_in
        y = net.unit(x, c_in, wide, kernel=1, act=act)
        y = net.unit(y, wide, wide, stride=stride, group=wide, act=act)
        if act == "HardSwish":
            y = net.gate(y, wide, 8, "HardSigmoid")
        y = net.unit(y, wide, c_out, kernel=1, act=None)
        x, c_in = (net.node("Add", x, y) if c_in == c_out and stride == 1 else y), c_out
    return net.classify(net.unit(x, c_in, 40, kernel=1, act="Swish"), 40)


def se_net():
    """Grouped convolutions, and gates made by products, as SE-ResNeXt has them."""
    net = NetWriter(3)
    x = net.unit("image", 3, 32, stride=2)
    for _ in range(2):
        y = net.unit(x, 32, 32, kernel=1)
        y = net.unit(y, 32, 32, group=4)
        y = net.unit(y, 32, 32, kernel=1, act=None)
        means = net.node("ReduceMean", y, axes=[2, 3], keepdims=0)
        means = net.node("Gemm", means, net.weight(8, 32), net.weight(8), transB=1)
        means = net.node("Relu", means)
        means = net.node("Gemm", means, net.weight(32, 8), net.weight(32), transB=1)
        scale = net.node("Unsqueeze", net.node("Sigmoid", means), net.ints(2, 3))
        x = net.node("Relu", net.node("Add", net.node("Mul", y, scale), x))
    return net.classify(x, 32)


def densenet():
    net = NetWriter(4)
    x, channels = net.unit("image", 3, 16, stride=2), 16
    for _ in range(2):
        for _ in range(3):
            y = net.node("Relu", net.batch_norm(x, channels))
            y = net.unit(y, channels, 16, kernel=1)
            x = net.node("Concat", x, net.conv(y, 16, 8), axis=1)
            channels += 8
        y = net.node("Relu", net.batch_norm(x, channels))
        x, channels = net.conv(y, channels, channels // 2, kernel=1), channels // 2
        x = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return net.classify(net.node("Relu", net.batch_norm(x, channels)), channels)


def unet():
    """Down and up again: by ConvTranspose, and by Resize to the size of what was kept."""
    net = NetWriter(5)
    kept, x, c_in = [], "image", 3
    for c_out in (8, 16):
        x = net.unit(net.unit(x, c_in, c_out), c_out, c_out)
        kept.append((x, c_out))
        x, c_in = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), c_out
    x = net.unit(x, 16, 32, act="LeakyRelu", dilation=2)
    skip, channels = kept.pop()
    x = net.node("ConvTranspose", x, net.weight(32, channels, 2, 2), net.weight(channels),
                 kernel_shape=[2, 2], strides=[2, 2])
    x = net.unit(net.node("Concat", skip, x, axis=1), 2 * channels, channels)
    skip, wanted = kept.pop()
    sizes = net.node("Concat", net.node("Shape", x, start=0, end=2),
                     net.node("Shape", skip, start=2), axis=0)
    x = net.node("Resize", x, "", "", sizes, mode="linear",
                 coordinate_transformation_mode="half_pixel")
    x = net.unit(net.node("Concat", skip, x, axis=1), wanted + channels, wanted)
    x = net.node("Sigmoid", net.conv(x, wanted, 2, kernel=1, bias=True))
    return net.finished(x, ["N", 2, 32, 32])


def inception():
    """Branches of different kinds side by side, and factored convolutions."""
    net = NetWriter(6)
    x = net.unit("image", 3, 16, stride=2)
    for _ in range(2):
        one = net.unit(x, 16, 16, kernel=1)
        five = net.unit(net.unit(x, 16, 8, kernel=1), 8, 16, kernel=5)
        row = net.node("Conv", x, net.weight(16, 16, 1, 7), kernel_shape=[1, 7], pads=[0, 3, 0, 3])
        row = net.node("Conv", row, net.weight(16, 16, 7, 1), kernel_shape=[7, 1],
                       pads=[3, 0, 3, 0])
        pooled = net.node("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1])
        parts = [one, five, net.node("Relu", row), net.unit(pooled, 16, 16, kernel=1)]
        x = net.unit(net.node("Concat", *parts, axis=1), 64, 16, kernel=1)
    return net.classify(x, 16)


def image_feeds():
    return {"image": np.random.default_rng(1).standard_normal((2, 3, 32, 32)).astype(np.float32)}


# ---- sequences

WORDS, WIDTH, HIDDEN, TAGS = 30, 12, 16, 5


def tagger(op="LSTM"):
    """ids [N, L] and lengths [N] -> [N, L, 5]: two bidirectional layers."""
    net, gates = Writer(7), {"LSTM": 4, "GRU": 3}[op]
    x = net.node("Gather", net.weight(WORDS, WIDTH), "ids")
    x = net.node("Transpose", x, perm=[1, 0, 2])
    for c_in in (WIDTH, 2 * HIDDEN):
        weights = [net.value((net.rng.standard_normal(shape) * 0.3).astype(np.float32))
                   for shape in ((2, gates * HIDDEN, c_in), (2, gates * HIDDEN, HIDDEN),
                                 (2, 2 * gates * HIDDEN))]
        more = {"linear_before_reset": 1} if op == "GRU" else {}
        y = net.node(op, x, *weights, "lengths", hidden_size=HIDDEN, direction="bidirectional",
                     **more)
        y = net.node("Transpose", y, perm=[0, 2, 1, 3])
        x = net.node("Reshape", y, net.ints(0, 0, -1))
    x = net.node("Transpose", x, perm=[1, 0, 2])
    x = net.node("Add", net.node("MatMul", x, net.weight(2 * HIDDEN, TAGS)), net.weight(TAGS))
    x = net.node("LogSoftmax", x, axis=-1)
    takes = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", "L"]),
             helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"])]
    return net.model(takes, [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", "L", TAGS])])


def tagger_feeds():
    ids = np.random.default_rng(1).integers(0, WORDS, (3, 9))
    return {"ids": ids, "lengths": np.array([9, 4, 7], np.int32)}
