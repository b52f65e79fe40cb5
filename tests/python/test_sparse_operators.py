"""SparseToDenseMatMul on sparse inputs (COO and CSR) and on a sparse initializer, by numpy; in 32 bits
beside ONNX Runtime, which has alpha there alone."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

import sardonyx

ROWS, COLUMNS = np.array([0, 2, 2, 1]), np.array([1, 3, 0, 2])
SHAPE = [3, 4]


def dense(values):
    whole = np.zeros(SHAPE, values.dtype)
    whole[ROWS, COLUMNS] = values
    return whole


def model(dtype, initializer=None, **attributes):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    node = helper.make_node("SparseToDenseMatMul", ["a", "b"], ["y"], domain="com.microsoft",
                            **attributes)
    a = helper.make_sparse_tensor_value_info("a", kind, ["r", "c"])
    b = helper.make_tensor_value_info("b", kind, ["m", "n"])
    graph = helper.make_graph(
        [node], "sparse", [b] if initializer is not None else [a, b],
        [helper.make_tensor_value_info("y", kind, None)],
        sparse_initializer=[] if initializer is None else [initializer])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def coo(ort, values):
    indices = np.stack([ROWS, COLUMNS], axis=1).ravel()
    sparse = ort.SparseTensor.sparse_coo_from_numpy(
        np.array(SHAPE), values, indices, ort.OrtDevice.make("cpu", 0))
    return ort.OrtValue.ort_value_from_sparse_tensor(sparse)


def csr(ort, values):
    order = np.lexsort((COLUMNS, ROWS))
    outer = np.concatenate([[0], np.cumsum(np.bincount(ROWS, minlength=SHAPE[0]))])
    sparse = ort.SparseTensor.sparse_csr_from_numpy(
        np.array(SHAPE), values[order], COLUMNS[order], outer, ort.OrtDevice.make("cpu", 0))
    return ort.OrtValue.ort_value_from_sparse_tensor(sparse)


def run(ort, data, a, b):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    feeds = {"a": a, "b": ort.OrtValue.ortvalue_from_numpy(b)}
    return session.run_with_ort_values(None, feeds)[0].numpy()


@pytest.mark.parametrize("make", [coo, csr])
@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint64])
def test_sparse_input(make, trans_a, trans_b, dtype):
    values = np.array([2, 3, 5, 7], dtype)
    depth = SHAPE[0] if trans_a else SHAPE[1]
    b = np.arange(depth * 6, dtype=dtype).reshape(depth, 6)
    alpha = 2.5 if dtype == np.float32 else 1.0
    whole = dense(values).T if trans_a else dense(values)
    wanted = (alpha * (whole @ b)).astype(dtype)
    given = np.ascontiguousarray(b.T) if trans_b else b
    data = model(dtype, alpha=alpha, transA=trans_a, transB=trans_b)
    got = run(sardonyx, data, make(sardonyx, values), given)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    theirs = run(onnxruntime, data, make(onnxruntime, values), given)
    np.testing.assert_allclose(got, theirs, rtol=1e-6)


def test_alpha_in_64_bits():
    values, b = np.array([2.0, 3, 5, 7]), np.arange(24.0).reshape(4, 6)
    got = run(sardonyx, model(np.float64, alpha=0.5), coo(sardonyx, values), b)
    np.testing.assert_allclose(got, 0.5 * (dense(values) @ b))


def test_sparse_initializer():
    values, b = np.array([2, 3, 5, 7], np.float32), np.arange(24, dtype=np.float32).reshape(4, 6)
    b[3, 0] = np.inf  # meets what row 2 holds, and no zero of the others
    order = np.lexsort((COLUMNS, ROWS))
    held = onnx.numpy_helper.from_array(values[order], "a")
    where = onnx.numpy_helper.from_array(np.stack([ROWS, COLUMNS], axis=1)[order], "where")
    data = model(np.float32, helper.make_sparse_tensor(held, where, SHAPE))
    got = sardonyx.InferenceSession(data).run(None, {"b": b})[0]
    wanted = np.zeros((3, 6), np.float32)
    for row, column, value in zip(ROWS, COLUMNS, values):
        wanted[row] += value * b[column]
    np.testing.assert_allclose(got, wanted)


def test_wrong_index():
    sparse = sardonyx.SparseTensor.sparse_coo_from_numpy(
        np.array(SHAPE), np.array([1], np.float32), np.array([0, 4]),
        sardonyx.OrtDevice.make("cpu", 0))
    value = sardonyx.OrtValue.ort_value_from_sparse_tensor(sparse)
    with pytest.raises(sardonyx.InvalidArgument, match=r"outside of its shape"):
        run(sardonyx, model(np.float32), value, np.ones((4, 2), np.float32))
