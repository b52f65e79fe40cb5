"""Values in and out: dtypes, layouts, strings, sequences, optionals, OrtValue, DLPack, IOBinding."""

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
import tiny_models
from onnx import TensorProto, helper

import sardonyx as ort

X = np.arange(6, dtype=np.float32).reshape(2, 3)

NUMBERS = [
    (TensorProto.FLOAT, np.float32, "float"), (TensorProto.DOUBLE, np.float64, "double"),
    (TensorProto.FLOAT16, np.float16, "float16"), (TensorProto.INT8, np.int8, "int8"),
    (TensorProto.INT16, np.int16, "int16"), (TensorProto.INT32, np.int32, "int32"),
    (TensorProto.INT64, np.int64, "int64"), (TensorProto.UINT8, np.uint8, "uint8"),
    (TensorProto.UINT16, np.uint16, "uint16"), (TensorProto.UINT32, np.uint32, "uint32"),
    (TensorProto.UINT64, np.uint64, "uint64"), (TensorProto.BOOL, np.bool_, "bool"),
    (TensorProto.COMPLEX64, np.complex64, "complex64"),
    (TensorProto.COMPLEX128, np.complex128, "complex128"),
    (TensorProto.BFLOAT16, ml_dtypes.bfloat16, "bfloat16"),
    (TensorProto.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn, "float8e4m3fn"),
    (TensorProto.FLOAT8E4M3FNUZ, ml_dtypes.float8_e4m3fnuz, "float8e4m3fnuz"),
    (TensorProto.FLOAT8E5M2, ml_dtypes.float8_e5m2, "float8e5m2"),
    (TensorProto.FLOAT8E5M2FNUZ, ml_dtypes.float8_e5m2fnuz, "float8e5m2fnuz"),
    (TensorProto.INT4, ml_dtypes.int4, "int4"), (TensorProto.UINT4, ml_dtypes.uint4, "uint4"),
    (TensorProto.FLOAT4E2M1, ml_dtypes.float4_e2m1fn, "float4e2m1"),
]
IDS = [name for _, _, name in NUMBERS]


def sample(dtype, shape=(3, 3)):
    """0, 1, 2, ... up to 6, over and over: exact in every type of the specification but bool."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape) % 5
    return (numbers % 2 if dtype is np.bool_ else numbers).astype(dtype)


@pytest.mark.parametrize("onnx_type, dtype, name", NUMBERS, ids=IDS)
def test_every_dtype_goes_through_a_session(onnx_type, dtype, name):
    session = ort.InferenceSession(tiny_models.identity(onnx_type, ("N", 3)))
    assert session.get_inputs()[0].type == f"tensor({name})"
    x = sample(dtype)
    y = session.run(None, {"x": x})[0]
    assert y.dtype == x.dtype and y.shape == x.shape
    assert y.tobytes() == x.tobytes()


@pytest.mark.parametrize("onnx_type, dtype, name", NUMBERS, ids=IDS)
def test_every_dtype_as_ort_value(onnx_type, dtype, name):
    x = sample(dtype)
    value = ort.OrtValue.ortvalue_from_numpy(x)
    assert value.data_type() == f"tensor({name})"
    assert value.element_type() == onnx_type
    assert value.shape() == [3, 3]
    assert value.is_tensor() and not value.is_tensor_sequence() and value.has_value()
    assert value.numpy().dtype == x.dtype
    assert value.numpy().tobytes() == x.tobytes()


@pytest.mark.parametrize("make", [
    lambda x: np.asfortranarray(x), lambda x: np.stack([x, x], axis=-1)[..., 0],
    lambda x: x[::-1][::-1], lambda x: x.astype(">f4"), lambda x: np.repeat(x, 2, axis=0)[::2],
    lambda x: np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
])
def test_odd_layouts_are_copied(make):
    session = ort.InferenceSession(tiny_models.add())
    odd = make(X)
    np.testing.assert_array_equal(session.run(None, {"x": odd, "y": odd})[0], X + X)


def test_read_only_and_empty_and_scalar_arrays():
    session = ort.InferenceSession(tiny_models.add())
    frozen = X.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(session.run(None, {"x": frozen, "y": frozen})[0], X + X)
    empty = np.zeros((0, 3), np.float32)
    assert session.run(None, {"x": empty, "y": empty})[0].shape == (0, 3)
    scalar = ort.InferenceSession(tiny_models.identity(shape=()))
    y = scalar.run(None, {"x": np.float32(2)})[0]
    assert y.shape == () and y == 2


@pytest.mark.parametrize("x", [
    np.array([["a", "Grüße"], ["", "日本"]]), np.array([["a", "b"]], dtype=object),
    np.array([[b"a", b"\xff\x00z"]], dtype=object), np.array([[b"a", b"bc"]]),
])
def test_strings(x):
    session = ort.InferenceSession(tiny_models.identity(TensorProto.STRING, ("N", 2)))
    y = session.run(None, {"x": x})[0]
    wanted = [each.decode("utf-8", "surrogateescape") if isinstance(each, bytes) else str(each)
              for each in x.ravel()]
    assert y.dtype == object and y.shape == x.shape and list(y.ravel()) == wanted


def test_sequences():
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    made = ort.InferenceSession(tiny_models.to_bytes(
        [helper.make_node("SequenceConstruct", ["x", "x"], ["s"])], [tiny_models.value("x")],
        [sequence]))
    assert made.get_outputs()[0].type == "seq(tensor(float))"
    items = made.run(None, {"x": X})[0]
    assert isinstance(items, list) and len(items) == 2
    items[0][:] = 0  # does not write through to the input, or to the other item
    np.testing.assert_array_equal(items[1], np.arange(6).reshape(2, 3))
    value = made.run_with_ort_values(None, {"x": ort.OrtValue.ortvalue_from_numpy(X)})[0]
    assert value.data_type() == "seq(tensor(float))" and value.is_tensor_sequence()
    with pytest.raises(RuntimeError):
        value.numpy()

    taken = ort.InferenceSession(tiny_models.to_bytes(
        [helper.make_node("SequenceLength", ["s"], ["n"])], [sequence],
        [tiny_models.value("n", TensorProto.INT64, ())]))
    assert taken.run(None, {"s": [X, X, X]})[0] == 3
    assert taken.run(None, {"s": []})[0] == 0
    with pytest.raises(ort.InvalidArgument) as caught:
        taken.run(None, {"s": [X.astype(np.float64)]})
    assert "Actual: (seq(double)) , expected: (seq(float))" in str(caught.value)


def test_optionals():
    tensor_type = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    optional = helper.make_value_info("o", helper.make_optional_type_proto(tensor_type))
    session = ort.InferenceSession(tiny_models.to_bytes(
        [helper.make_node("OptionalHasElement", ["o"], ["b"])], [optional],
        [tiny_models.value("b", TensorProto.BOOL, ())]))
    assert session.run(None, {"o": X})[0]
    assert not session.run(None, {"o": None})[0]


def test_inputs_are_not_copied():
    x = X.copy()
    value = ort.OrtValue.ortvalue_from_numpy(x)
    assert value.data_ptr() == x.ctypes.data
    x[0, 0] = 42
    assert value.numpy()[0, 0] == 42
    assert value.numpy().ctypes.data == x.ctypes.data


def test_values_keep_arrays_alive_and_let_them_go():
    class Traced(np.ndarray):
        pass

    x = X.copy().view(Traced)
    gone = weakref.ref(x)
    value = ort.OrtValue.ortvalue_from_numpy(x)
    view = value.numpy()
    del x, value
    gc.collect()
    assert gone() is not None
    np.testing.assert_array_equal(view, X)
    del view
    gc.collect()
    assert gone() is None


def test_a_run_lets_its_inputs_go():
    session = ort.InferenceSession(tiny_models.identity())

    class Traced(np.ndarray):
        pass

    x = X.copy().view(Traced)
    gone = weakref.ref(x)
    y = session.run(None, {"x": x})
    del x
    gc.collect()
    assert gone() is None
    np.testing.assert_array_equal(y[0], X)


def test_ort_value_makers():
    value = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    assert not value.numpy().any() and value.tensor_size_in_bytes() == 24
    assert ort.OrtValue.ortvalue_from_shape_and_type([2], TensorProto.BFLOAT16).data_type() == \
        "tensor(bfloat16)"
    raw = np.array([0x38, 0x40], np.uint8)
    typed = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, TensorProto.FLOAT8E4M3FN)
    assert typed.data_type() == "tensor(float8e4m3fn)"
    np.testing.assert_array_equal(typed.numpy().astype(np.float32), [1, 2])
    with pytest.raises(ort.InvalidArgument):
        ort.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, TensorProto.FLOAT)
    with pytest.raises(ort.InvalidArgument):
        ort.OrtValue.ortvalue_from_shape_and_type([-1], np.float32)
    with pytest.raises(ort.InvalidArgument, match="there is no device 'cuda'"):
        ort.OrtValue.ortvalue_from_numpy(X, "cuda", 0)


def test_update_inplace():
    value = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    value.update_inplace(X)
    np.testing.assert_array_equal(value.numpy(), X)
    value.update_inplace(ort.OrtValue.ortvalue_from_numpy(X + 1))
    np.testing.assert_array_equal(value.numpy(), X + 1)
    for wrong in (X[0], X.astype(np.float64)):
        with pytest.raises(ort.InvalidArgument):
            value.update_inplace(wrong)


def test_array_protocol():
    value = ort.OrtValue.ortvalue_from_numpy(X)
    assert np.asarray(value).ctypes.data == value.data_ptr()
    np.testing.assert_array_equal(np.asarray(value, dtype=np.float64), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8, np.bool_,
                                   np.complex64])
def test_dlpack_to_numpy_and_back(dtype):
    value = ort.OrtValue.ortvalue_from_numpy(sample(dtype))
    assert value.__dlpack_device__() == (1, 0)
    array = np.from_dlpack(value)
    assert array.dtype == dtype and array.ctypes.data == value.data_ptr()
    back = ort.OrtValue.from_dlpack(array.copy())
    assert back.numpy().dtype == dtype
    np.testing.assert_array_equal(back.numpy(), array)


def test_dlpack_lifetimes():
    array = X.copy()
    value = ort.OrtValue.from_dlpack(array)
    assert value.data_ptr() == array.ctypes.data
    del array
    gc.collect()
    np.testing.assert_array_equal(value.numpy(), X)
    capsule = value.to_dlpack()
    del value
    gc.collect()
    again = ort.OrtValue.from_dlpack(capsule)
    np.testing.assert_array_equal(again.numpy(), X)
    with pytest.raises(TypeError, match="unused"):
        ort.OrtValue.from_dlpack(capsule)


def test_dlpack_refusals():
    with pytest.raises(ort.InvalidArgument, match="contiguous"):
        ort.OrtValue.from_dlpack(np.zeros((4, 4), np.float32)[:, ::2])
    with pytest.raises(ort.InvalidArgument, match="string"):
        ort.OrtValue.ortvalue_from_numpy(np.array(["a"])).to_dlpack()
    assert ort.OrtValue.from_dlpack(np.ones(2, np.uint8), True).data_type() == "tensor(bool)"


def test_io_binding():
    session = ort.InferenceSession(tiny_models.add())
    binding = session.io_binding()
    binding.bind_cpu_input("x", X)
    binding.bind_ortvalue_input("y", ort.OrtValue.ortvalue_from_numpy(X))
    binding.bind_output("z")
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], X + X)
    np.testing.assert_array_equal(binding.get_outputs()[0].numpy(), X + X)
    assert len(binding.get_outputs_as_ortvaluevector()) == 1


def test_io_binding_writes_where_it_is_told():
    session = ort.InferenceSession(tiny_models.add())
    z = np.zeros((2, 3), np.float32)
    binding = session.io_binding()
    for name in ("x", "y"):
        binding.bind_input(name, "cpu", 0, np.float32, X.shape, X.ctypes.data)
    binding.bind_output("z", "cpu", 0, np.float32, z.shape, z.ctypes.data)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(z, X + X)
    value = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    binding.bind_ortvalue_output("z", value)
    session.run_with_iobinding(binding, ort.RunOptions())
    np.testing.assert_array_equal(value.numpy(), X + X)


def test_io_binding_of_a_copied_value():
    session = ort.InferenceSession(tiny_models.identity())
    y = np.zeros((2, 3), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", X)
    binding.bind_output("y", "cpu", 0, np.float32, y.shape, y.ctypes.data)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(y, X)


def test_io_binding_errors():
    session = ort.InferenceSession(tiny_models.add())
    binding = session.io_binding()
    with pytest.raises(ort.InvalidArgument):
        binding.bind_cpu_input("other", X)
    with pytest.raises(ort.InvalidArgument):
        binding.bind_output("other")
    with pytest.raises(ort.InvalidArgument, match="there is no device 'cuda'"):
        binding.bind_output("z", "cuda")
    binding.bind_cpu_input("x", X)
    binding.bind_cpu_input("y", X)
    with pytest.raises(ort.InvalidArgument, match="At least one output should be requested."):
        session.run_with_iobinding(binding)
    wrong = np.zeros((2, 2), np.float32)
    binding.bind_output("z", "cpu", 0, np.float32, wrong.shape, wrong.ctypes.data)
    with pytest.raises(ort.InvalidArgument, match="Got invalid dimensions for output: z for the"):
        session.run_with_iobinding(binding)
    assert not wrong.any()
    binding.clear_binding_outputs()
    binding.clear_binding_inputs()
    binding.bind_output("z")
    with pytest.raises(ort.InvalidArgument, match="Missing Input: x"):
        session.run_with_iobinding(binding)


def test_value_vectors():
    session = ort.InferenceSession(tiny_models.add())
    feeds, fetches = ort.OrtValueVector(), ort.OrtValueVector()
    for _ in range(2):
        feeds.push_back(ort.OrtValue.ortvalue_from_numpy(X))
    session.run_with_ortvaluevector(ort.RunOptions(), ["x", "y"], feeds, ["z"], fetches, [])
    assert len(fetches) == 1 and fetches.element_type_at(0) == TensorProto.FLOAT
    np.testing.assert_array_equal(fetches[0].numpy(), X + X)
    assert [value.shape() for value in feeds] == [[2, 3], [2, 3]]
    with pytest.raises(IndexError):
        fetches[1]


def test_sparse_tensors():
    values, indices = np.float32([1, 2, 3]), np.int64([0, 4, 8])
    sparse = ort.SparseTensor.sparse_coo_from_numpy([3, 3], values, indices)
    assert sparse.dense_shape() == [3, 3] and sparse.data_type() == "sparse_tensor(float)"
    assert sparse.format() == ort.OrtSparseFormat.ORT_SPARSE_COO
    np.testing.assert_array_equal(sparse.values(), values)
    np.testing.assert_array_equal(sparse.as_coo_view().indices(), indices)
    value = ort.OrtValue.ort_value_from_sparse_tensor(sparse)
    assert value.is_sparse_tensor() and not value.is_tensor()
    assert value.as_sparse_tensor().dense_shape() == [3, 3]
    with pytest.raises(ort.InvalidArgument):
        ort.SparseTensor.sparse_coo_from_numpy([3, 3], values, indices[:2])
    for outer in ([0, 1, 2], [0, 2, 1, 3], [1, 1, 2, 3]):
        with pytest.raises(ort.InvalidArgument, match="outer"):
            ort.SparseTensor.sparse_csr_from_numpy([3, 3], values, np.int64([0, 1, 2]),
                                                   np.int64(outer))
    with pytest.raises(ort.InvalidArgument, match=r"index 3 is outside of \[0, 3\)"):
        ort.SparseTensor.sparse_csr_from_numpy([3, 3], values, np.int64([0, 1, 3]),
                                               np.int64([0, 1, 2, 3]))


def test_blocks_for_models():
    """ONNX Runtime's view fails to give its indices, and takes blocks outside of the matrix."""
    make = ort.SparseTensor.blocksparse_from_numpy
    values = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    places = np.int32([[0, 1], [0, 2]])
    sparse = make([4, 6], values, places)
    indices = sparse.as_blocksparse_view().indices()
    assert indices.tolist() == places.tolist() and indices.dtype == np.int32
    coo = ort.OrtValue.ort_value_from_sparse_tensor(sparse).to_python()
    assert coo.values().tolist() == values.ravel().tolist()
    assert coo.as_coo_view().indices().tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1], [2, 4], [2, 5], [3, 4], [3, 5]]  # fmt: skip
    for outside in ([[0, 2], [0, 2]], [[0, 1], [0, 3]], [[-1, 1], [0, 2]]):
        with pytest.raises(ort.InvalidArgument, match="block-sparse"):
            make([4, 6], values, np.int32(outside))


def test_csr_is_turned_into_coo_for_models():
    csr = ort.SparseTensor.sparse_csr_from_numpy(
        [3, 3], np.float32([1, 2, 3]), np.int64([2, 0, 1]), np.int64([0, 1, 3, 3]))
    coo = ort.OrtValue.ort_value_from_sparse_tensor(csr).to_python()
    assert coo.format() == ort.OrtSparseFormat.ORT_SPARSE_COO
    assert coo.as_coo_view().indices().tolist() == [2, 3, 4]


def test_places():
    device = ort.OrtDevice.make("cpu", 0)
    assert (device.device_type(), device.device_id()) == (0, 0)
    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                             ort.OrtMemType.DEFAULT)
    assert (info.name, info.device_id) == ("Cpu", 0)
    session = ort.InferenceSession(tiny_models.add())
    assert [each.name for each in session.get_input_memory_infos()] == ["Cpu", "Cpu"]
