"""RoiAlign of many channels at once beside the onnx package's ReferenceEvaluator."""

import numpy as np
import onnx.reference
import pytest
from onnx import TensorProto, helper

import sardonyx


def model(shape, count, **attributes):
    def value(name, dtype, dims):
        return helper.make_tensor_value_info(name, dtype, dims)

    inputs = [value("x", TensorProto.FLOAT, shape), value("rois", TensorProto.FLOAT, [count, 4]),
              value("which", TensorProto.INT64, [count])]  # fmt: skip
    node = helper.make_node("RoiAlign", ["x", "rois", "which"], ["y"], **attributes)
    graph = helper.make_graph([node], "net", inputs, [value("y", TensorProto.FLOAT, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("sampling", [0, 2, 9])
@pytest.mark.parametrize("channels", [16, 35])
def test_roi_align(mode, coordinates, sampling, channels):
    rng = np.random.default_rng(5)
    starts = rng.uniform(-2, 8, (9, 2))
    rois = np.concatenate([starts, starts + rng.uniform(0, 9, (9, 2))], 1).astype(np.float32)
    feeds = {"x": rng.standard_normal((2, channels, 9, 11)).astype(np.float32), "rois": rois,
             "which": rng.integers(0, 2, 9)}  # fmt: skip
    net = model([2, channels, 9, 11], 9, mode=mode, coordinate_transformation_mode=coordinates,
                sampling_ratio=sampling, output_height=3, output_width=4,
                spatial_scale=0.75)  # fmt: skip
    (wanted,) = onnx.reference.ReferenceEvaluator(net).run(None, feeds)
    for threads in (1, 2):
        options = sardonyx.SessionOptions()
        options.intra_op_num_threads = threads
        (y,) = sardonyx.InferenceSession(net.SerializeToString(), options).run(None, feeds)
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)


def test_region_of_a_missing_picture():
    net = model([1, 20, 9, 9], 60, output_height=2, output_width=2, sampling_ratio=2)
    feeds = {"x": np.zeros((1, 20, 9, 9), np.float32), "rois": np.ones((60, 4), np.float32),
             "which": np.full(60, 3)}  # fmt: skip
    session = sardonyx.InferenceSession(net.SerializeToString())
    with pytest.raises(sardonyx.Error, match="batch_indices.0. is 3, but the batch is 1"):
        session.run(None, feeds)
