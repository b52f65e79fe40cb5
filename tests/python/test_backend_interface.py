"""sardonyx.backend is a backend as the onnx package wants one: its own test machinery runs over it
(a sample: tests/conformance runs all cases), and what ONNX Runtime's backend does holds here too."""

import re
import unittest

import numpy as np
import onnx
import onnx.backend.base
import onnx.backend.test
import onnxruntime.backend
import pytest
import tiny_models
from onnx import helper

import sardonyx
import sardonyx.backend

SAMPLE = (r"^test_(abs|add|add_bcast|and2d|argmax_default_axis_example|averagepool_2d_pads|"
          r"basic_conv_with_padding|batchnorm_example|cast_FLOAT_to_DOUBLE|concat_2d_axis_1|"
          r"constant|dropout_default|gemm_all_attributes|if|if_seq|if_opt|loop11|loop13_seq|"
          r"lstm_defaults|matmul_2d|nonzero_example|optional_has_element_tensor_input|"
          r"reduce_sum_negative_axes_keepdims_example|resize_upsample_scales_nearest|"
          r"sequence_insert_at_back|softmax_axis_0|strnormalizer_nostopwords_nochangecase|"
          r"top_k|training_dropout_default|unique_sorted_with_axis_3d|where_example)_cpu$")

machinery = onnx.backend.test.BackendTest(sardonyx.backend.Backend, __name__)
machinery.include(SAMPLE)
cases = machinery.test_cases
for case_name, case in cases.items():
    for test in [each for each in vars(case) if each.startswith("test_")]:
        if not re.match(SAMPLE, test):
            delattr(case, test)  # rather than skipped: there are thousands
    globals()[case_name] = case
del case

both = pytest.mark.parametrize("backend", [onnxruntime.backend, sardonyx.backend],
                               ids=["original", "ours"])
X = np.ones((2, 3), np.float32)


def relu():
    node = helper.make_node("Relu", ["x"], ["y"])
    return tiny_models.model([node], [tiny_models.value("x")], [tiny_models.value("y")], opset=17)


def test_the_sample_is_as_large_as_it_says():
    found = {test for case in cases.values() for test in vars(case)
             if test.startswith("test_")}
    assert len(found) == SAMPLE.count("|") + 1


@both
def test_devices(backend):
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA") and not backend.supports_device("GPU")
    assert backend.is_compatible(relu(), "CPU") and backend.is_compatible(relu())
    assert not backend.is_compatible(relu(), "CUDA")
    with pytest.raises(RuntimeError, match="Incompatible device expected 'CUDA', got 'CPU'"):
        backend.prepare(relu().SerializeToString(), "CUDA")


@both
def test_every_form_of_a_model(backend, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(relu(), path)
    session_class = (sardonyx if backend is sardonyx.backend else onnxruntime).InferenceSession
    forms = [relu(), relu().SerializeToString(), str(path), session_class(str(path))]
    for form in forms:
        rep = backend.prepare(form, "CPU")
        assert backend.prepare(rep) is rep
        for inputs in (X, [X]):
            np.testing.assert_array_equal(rep.run(inputs)[0], X)
            np.testing.assert_array_equal(backend.run(form, inputs)[0], X)


@both
def test_options_by_keyword(backend):
    rep = backend.prepare(relu(), intra_op_num_threads=1, logid="me")
    assert rep._session.get_session_options().logid == "me"
    np.testing.assert_array_equal(rep.run(X, logid="run", only_execute_path_to_fetches=False)[0], X)
    np.testing.assert_array_equal(backend.run(relu(), X, intra_op_num_threads=1, logid="me")[0], X)
    with pytest.raises(RuntimeError, match="'optimized_model_filepath' is not permitted"):
        backend.prepare(relu(), optimized_model_filepath="x.onnx")
    with pytest.raises(RuntimeError, match="'terminate' is not permitted"):
        rep.run(X, terminate=True)


@both
def test_what_is_wrong(backend):
    add = onnx.load_from_string(tiny_models.add())
    with pytest.raises(RuntimeError, match="Model expect 2 inputs"):
        backend.prepare(add).run(X)
    np.testing.assert_array_equal(backend.prepare(add).run([X, X])[0], X + X)
    newer = relu()
    newer.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
    with pytest.raises((unittest.SkipTest, onnx.checker.ValidationError)):
        backend.prepare(newer)
    broken = relu()
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(onnx.checker.ValidationError):
        backend.prepare(broken)


def test_a_single_node():
    node = helper.make_node("Add", ["a", "b"], ["c"])
    outputs = sardonyx.backend.run_node(node, [X, X])
    np.testing.assert_array_equal(outputs[0], X + X)
    assert outputs._fields == ("output_0",)
    top = helper.make_node("TopK", ["x", "k"], ["v", "i"])
    values, indices = sardonyx.backend.run_node(top, [X, np.int64([1])])
    assert values.tolist() == [[1], [1]] and indices.tolist() == [[0], [0]]
    with pytest.raises(sardonyx.InvalidArgument, match="'nonsense' is not permitted"):
        sardonyx.backend.run_model(relu(), X, nonsense=1)
