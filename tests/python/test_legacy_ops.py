"""Operators that the specification has dropped and files still have. The outputs stated are those of
ONNX Runtime."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import sardonyx


def run(op, shape, attributes=None, opset=7, **more):
    node = helper.make_node(op, ["x", *more], ["y"], **(attributes or {}))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, value.shape)
               for name, value in more.items()]
    graph = helper.make_graph([node], "g", inputs, [helper.make_empty_tensor_value_info("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 4 - 1
    return sardonyx.InferenceSession(model.SerializeToString()).run(None, {"x": x, **more})[0]


CASES = [
    ("Affine", [4], {"alpha": 2.0, "beta": 0.5}, [-1.5, -1.0, -0.5, 0.0]),
    ("Affine", [4], {}, [-1.0, -0.75, -0.5, -0.25]),
    ("Scale", [4], {"scale": 3.0}, [-3.0, -2.25, -1.5, -0.75]),
    ("ImageScaler", [1, 2, 1, 2], {"scale": 2.0, "bias": [10.0, 20.0]}, [[[[8.0, 8.5]], [[19.0, 19.5]]]]),
    ("ScaledTanh", [4], {"alpha": 2.0, "beta": 0.5}, [-0.9242343, -0.7167148, -0.48983732, -0.24870603]),
    ("ParametricSoftplus", [4], {"alpha": 2.0, "beta": 0.5}, [0.948154, 1.0462465, 1.1518788, 1.265198]),
    ("Crop", [1, 1, 3, 4], {"border": [1, 0, 1, 1]}, [[[[-0.75, -0.5], [0.25, 0.5]]]]),
    ("Crop", [1, 1, 3, 4], {"border": [1, 1, 0, 0], "scale": [1, 2]}, [[[[0.25, 0.5]]]]),
    ("ThresholdedRelu", [4], {"alpha": 0.2}, [0.0, 0.0, 0.0, 0.0]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shape", "attributes", "expected"), CASES)
def test_dropped_operators(op, shape, attributes, expected):
    for opset in (1, 7, 21):
        np.testing.assert_allclose(run(op, shape, attributes, opset), np.array(expected, np.float32),
                                   rtol=1e-6)


def test_dynamic_slice():
    got = run("DynamicSlice", [4], starts=np.array([1]), ends=np.array([3]))
    assert got.tolist() == [-0.75, -0.5]
    got = run("DynamicSlice", [2, 2], starts=np.array([1]), ends=np.array([2]), axes=np.array([1]))
    assert got.tolist() == [[-0.75], [-0.25]]


@pytest.mark.parametrize(("attributes", "expected"), [
    ({}, [-1.3242445, -1.0834727, -0.842701, -0.6019293] * 2
         + [0.6019293, 0.842701, 1.0834727, 1.3242445] * 2),
    ({"across_channels": 1}, [
        -1.6269784, -1.410048, -1.1931175, -0.97618705, -0.7592566, -0.54232615, -0.32539567,
        -0.10846523, 0.10846523, 0.32539567, 0.54232615, 0.7592566, 0.97618705, 1.1931175, 1.410048,
        1.6269784]),
    ({"across_channels": 1, "normalize_variance": 0}, list(np.arange(16) / 4 - 1.875)),
])  # fmt: skip
def test_mean_variance_normalization_of_old(attributes, expected):
    got = run("MeanVarianceNormalization", [2, 2, 2, 2], attributes)
    np.testing.assert_allclose(got.ravel(), np.array(expected, np.float32), rtol=1e-5)


@pytest.mark.parametrize("op", ["ScaledTanh", "ParametricSoftplus"])
def test_attributes_without_a_default(op):
    with pytest.raises(sardonyx.Error, match="needs the attribute alpha"):
        run(op, [4])


def test_crop_without_a_border():
    with pytest.raises(sardonyx.Error, match="border has 0 numbers"):
        run("Crop", [1, 1, 3, 4])
