"""OrtValue, IOBinding, DLPack, sparse tensors and places, as ONNX Runtime's Python API tests use
them; every test holds of the original as well."""

import gc

import numpy as np
import pytest
import tiny_models
from both_runtimes import both, failure, quiet, state
from onnx import TensorProto, helper, numpy_helper

X = np.float32([[1, 2], [3, 4], [5, 6]])


def mul():
    """Y = X * W with a constant W [3, 2] of the values of X."""
    node = helper.make_node("Mul", ["X", "W"], ["Y"])
    return tiny_models.to_bytes([node], [tiny_models.value("X", shape=(3, 2))],
                                [tiny_models.value("Y", shape=(3, 2))],
                                [numpy_helper.from_array(X, "W")], opset=17)


@both
def test_a_value_over_an_array(ort):
    given = X.copy()
    value = ort.OrtValue.ortvalue_from_numpy(given)
    assert (value.device_name(), value.shape(), value.data_type()) == ("cpu", [3, 2], "tensor(float)")
    assert (value.element_type(), value.tensor_size_in_bytes()) == (TensorProto.FLOAT, 24)
    assert value.is_tensor() and value.has_value()
    assert not value.is_sparse_tensor() and not value.is_tensor_sequence()
    assert value.data_ptr() == given.ctypes.data
    np.testing.assert_array_equal(value.numpy(), X)
    session = ort.InferenceSession(mul())
    np.testing.assert_array_equal(session.run(["Y"], {"X": value})[0], X * X)
    result, = session.run_with_ort_values(["Y"], {"X": value})
    np.testing.assert_array_equal(result.numpy(), X * X)
    np.testing.assert_array_equal(value.numpy(), X)


@both
def test_classes_over_those_of_the_binding(ort):
    binding = state(ort)
    device = binding.OrtDevice(binding.OrtDevice.cpu(), binding.OrtDevice.default_memory(), 0)
    value = ort.OrtValue(binding.OrtValue.ortvalue_from_numpy(X, device))
    np.testing.assert_array_equal(value.numpy(), X)
    assert ort.OrtDevice(device).device_type() == 0
    sparse = binding.SparseTensor.sparse_coo_from_numpy([9], X[0], np.int64([1, 5]), device)
    assert ort.SparseTensor(sparse).values().tolist() == X[0].tolist()
    for kind in (ort.OrtValue, ort.OrtDevice, ort.SparseTensor):
        with pytest.raises((ValueError, TypeError)):
            kind("something else")


@both
def test_values_of_other_types(ort):
    values = ort.OrtValue
    half = np.arange(6, dtype=np.uint16).reshape(3, 2)
    value = values.ortvalue_from_numpy_with_onnx_type(half, TensorProto.BFLOAT16)
    assert (value.element_type(), value.data_type()) == (TensorProto.BFLOAT16, "tensor(bfloat16)")
    assert value.data_ptr() == half.ctypes.data
    value = values.ortvalue_from_shape_and_type([3, 2], np.float32)
    assert (value.shape(), value.data_type()) == ([3, 2], "tensor(float)")
    value = values.ortvalue_from_shape_and_type([3, 2], TensorProto.FLOAT16)
    assert value.element_type() == TensorProto.FLOAT16
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_DEVICE_ALLOCATOR, 0,
                               ort.OrtMemType.DEFAULT)
    value = ort.InferenceSession(mul()).create_ortvalue_from_shape_and_type([2], np.int64, "cpu")
    assert value.data_type() == "tensor(int64)"
    for wrong in ([2, -1],):
        with pytest.raises(RuntimeError):
            values.ortvalue_from_shape_and_type(wrong, np.float32)
    assert memory.name == "Cpu"


@both
def test_memory_of_another_device_is_an_error(ort):
    with pytest.raises(RuntimeError):
        ort.OrtValue.ortvalue_from_numpy(X, "cuda", 0)
    with pytest.raises(RuntimeError):
        ort.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "cuda", 0)


@both
def test_update_inplace(ort):
    value = ort.OrtValue.ortvalue_from_numpy(X.copy())
    place = value.data_ptr()
    value.update_inplace(X + 1)
    np.testing.assert_array_equal(value.numpy(), X + 1)
    value.update_inplace(ort.OrtValue.ortvalue_from_numpy(X * 2))
    np.testing.assert_array_equal(value.numpy(), X * 2)
    value.update_inplace(np.asfortranarray(X))
    np.testing.assert_array_equal(value.numpy(), X)
    value.update_inplace(X.reshape(2, 3) + 5)
    np.testing.assert_array_equal(value.numpy(), X + 5)
    assert value.data_ptr() == place and value.shape() == [3, 2]
    with pytest.raises(RuntimeError):
        value.update_inplace(X[0])


@both
@pytest.mark.parametrize("array", [X, np.int64([1, 2, 3]), np.array([True, False])])
def test_array_protocol(ort, array):
    value = ort.OrtValue.ortvalue_from_numpy(array)
    for same in (np.asarray(value), np.asarray(value, dtype=array.dtype)):
        assert same.ctypes.data == value.data_ptr() and same.dtype == array.dtype
        np.testing.assert_array_equal(same, array)
    copied = np.array(value, copy=True)
    assert copied.ctypes.data != value.data_ptr()
    other = np.asarray(value, dtype=np.float64)
    assert other.dtype == np.float64
    np.testing.assert_array_equal(other, array.astype(np.float64))


@both
def test_dlpack(ort):
    binding, value = state(ort), ort.OrtValue.ortvalue_from_numpy(X)
    assert value.__dlpack_device__() == (1, 0)
    for capsule in (value._ortvalue.to_dlpack(), value.__dlpack__()):
        assert not binding.is_dlpack_uint8_tensor(capsule)
        again = binding.OrtValue.from_dlpack(capsule, False)
        assert again.data_ptr() == value.data_ptr()
        np.testing.assert_array_equal(again.numpy(), X)
    for source in (X, value):
        again = ort.OrtValue.from_dlpack(source)
        assert again.data_ptr() == value.data_ptr() and again.shape() == [3, 2]
    np.testing.assert_array_equal(np.from_dlpack(value), X)
    bytes_ = ort.OrtValue.ortvalue_from_numpy(np.uint8([1, 2, 255]))
    assert binding.is_dlpack_uint8_tensor(bytes_.__dlpack__())


@both
def test_dlpack_refusals(ort):
    used = ort.OrtValue.ortvalue_from_numpy(X).__dlpack__()
    ort.OrtValue.from_dlpack(used)
    for wrong in (used, 5):
        with pytest.raises(TypeError, match="dltensor"):
            ort.OrtValue.from_dlpack(wrong)
    with pytest.raises(RuntimeError):
        ort.OrtValue.from_dlpack(X.T)


@both
def test_dlpack_bools_and_bytes(ort):
    for array in (np.array([True, False, True]), np.uint8([1, 2, 255])):
        again = ort.OrtValue.from_dlpack(ort.OrtValue.ortvalue_from_numpy(array)).numpy()
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again, array)


@both
@pytest.mark.parametrize("shape", [(1, 8, 0, 128), (0,), (0, 4), (4, 0)])
def test_dlpack_without_elements(ort, shape):
    array = np.zeros(shape, np.float32)
    values = state(ort).OrtValue
    assert list(values.from_dlpack(array.__dlpack__(), False).shape()) == list(shape)
    capsule = ort.OrtValue.ortvalue_from_numpy(array)._ortvalue.to_dlpack()
    assert list(values.from_dlpack(capsule, False).shape()) == list(shape)


@both
def test_vectors(ort):
    binding = state(ort)
    device = ort.OrtDevice.make("cpu", 0)._get_c_device()
    vector = binding.OrtValueVector()
    vector.reserve(4)
    vector.push_back(ort.OrtValue.ortvalue_from_numpy(X)._ortvalue)
    vector.push_back(ort.OrtValue.ortvalue_from_numpy(np.array([True]))._ortvalue.to_dlpack(), True)
    owners = [np.int64([7, 8, 9])]
    vector.push_back_batch(owners, [owners[0].ctypes.data], [np.int64], [[3]], [device])
    vector.shrink_to_fit()
    assert len(vector) == 3 and len(list(vector)) == 3
    assert list(vector.bool_tensor_indices()) == [1]
    assert [vector.element_type_at(i) for i in range(3)] == [
        TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT64]  # fmt: skip
    np.testing.assert_array_equal(vector[2].numpy(), owners[0])
    again = binding.OrtValue.from_dlpack(vector.dlpack_at(0), False)
    np.testing.assert_array_equal(again.numpy(), X)
    assert len(vector.to_dlpacks(lambda capsule: capsule)) == 3


@both
def test_a_run_on_vectors(ort):
    session, binding = ort.InferenceSession(mul()), state(ort)
    feeds, fetches = binding.OrtValueVector(), binding.OrtValueVector()
    feeds.push_back(ort.OrtValue.ortvalue_from_numpy(X)._ortvalue)
    device = ort.OrtDevice.make("cpu", 0)._get_c_device()
    session.run_with_ortvaluevector(ort.RunOptions(), ["X"], feeds, ["Y"], fetches, [device])
    np.testing.assert_array_equal(fetches[0].numpy(), X * X)


# ---- IO binding


def bound(ort):
    session = ort.InferenceSession(mul(), quiet(ort))
    return session, session.io_binding()


@both
def test_bind_an_array_and_take_the_result(ort):
    session, binding = bound(ort)
    binding.bind_cpu_input("X", X)
    binding.bind_output("Y")
    binding.synchronize_inputs()
    for _ in range(2):
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], X * X)
        value, = binding.get_outputs()
        assert value.device_name() == "cpu"
        np.testing.assert_array_equal(value.numpy(), X * X)
    assert isinstance(binding.get_outputs_as_ortvaluevector(), state(ort).OrtValueVector)
    binding.bind_cpu_input("X", X + 1)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], X * (X + 1))


@both
@pytest.mark.parametrize("element_type", [np.float32, TensorProto.FLOAT])
def test_bind_memory(ort, element_type):
    session, binding = bound(ort)
    source, target = X.copy(), np.zeros_like(X)
    binding.bind_input("X", "cpu", 0, element_type, [3, 2], source.ctypes.data)
    binding.bind_output("Y", "cpu", 0, element_type, [3, 2], target.ctypes.data)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(target, X * X)
    source += 1
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(target, X * (X + 1))
    with pytest.raises((ValueError, RuntimeError)):
        binding.bind_output("Y", "cpu", 0, None, None, target.ctypes.data)


@both
def test_bind_values(ort):
    session, binding = bound(ort)
    target = ort.OrtValue.ortvalue_from_shape_and_type([3, 2], np.float32)
    binding.bind_ortvalue_output("Y", target)
    for given in (X, X * 2):
        binding.bind_ortvalue_input("X", ort.OrtValue.ortvalue_from_numpy(given))
        session.run_with_iobinding(binding)
        np.testing.assert_array_equal(target.numpy(), X * given)


@both
def test_clear_bindings(ort):
    session, binding = bound(ort)
    binding.bind_cpu_input("X", X)
    with pytest.raises(RuntimeError, match="At least one output should be requested."):
        session.run_with_iobinding(binding)
    binding.bind_output("Y")
    session.run_with_iobinding(binding)
    binding.clear_binding_inputs()
    with pytest.raises(RuntimeError):
        session.run_with_iobinding(binding)
    binding.bind_cpu_input("X", X)
    binding.clear_binding_outputs()
    with pytest.raises(RuntimeError, match="At least one output should be requested."):
        session.run_with_iobinding(binding)
    with pytest.raises(RuntimeError, match="bad"):
        binding.bind_cpu_input("bad", X)


@both
def test_a_binding_belongs_to_its_session(ort):
    _, binding = bound(ort)
    other, _ = bound(ort)
    binding.bind_cpu_input("X", X)
    binding.bind_output("Y")
    with pytest.raises((ValueError, RuntimeError), match="session"):
        other.run_with_iobinding(binding)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint32, np.int64, np.uint64,
                                   np.int16, np.uint16, np.int8, np.uint8, np.float16, np.bool_])
def test_bind_every_type_by_the_low_level(ort, dtype):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    session = ort.InferenceSession(tiny_models.identity(kind, (None, 2)))
    low = state(ort)
    device = low.OrtDevice(low.OrtDevice.cpu(), low.OrtDevice.default_memory(), 0)
    x = np.arange(8).reshape(-1, 2).astype(dtype)
    binding = low.SessionIOBinding(session._sess)
    binding.bind_ortvalue_input("x", low.OrtValue.ortvalue_from_numpy(x, device))
    binding.bind_output("y", device)
    session._sess.run_with_iobinding(binding, None)
    y = binding.get_outputs()[0].numpy()
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)
    target = np.zeros_like(x)
    for element_type in (dtype, kind):
        target[:] = 0
        binding.bind_input("x", device, element_type, [4, 2], x.ctypes.data)
        binding.bind_output("y", device, element_type, [4, 2], target.ctypes.data)
        session._sess.run_with_iobinding(binding, None)
        np.testing.assert_array_equal(target, x)


# ---- sparse tensors


@both
@pytest.mark.parametrize("values", [np.float32([1, 2, 3]), np.array(["xyz", "yxz", "zyx"])])
def test_coo(ort, values):
    cpu, indices = ort.OrtDevice.make("cpu", 0), np.int64([3, 5, 15])
    sparse = ort.SparseTensor.sparse_coo_from_numpy([9, 9], values, indices, cpu)
    assert sparse.format() == ort.OrtSparseFormat.ORT_SPARSE_COO
    assert list(sparse.dense_shape()) == [9, 9] and sparse.device_name() == "cpu"
    kind = "float" if values.dtype == np.float32 else "string"
    assert sparse.data_type() == f"sparse_tensor({kind})"
    for each in (sparse, ort.OrtValue.ort_value_from_sparse_tensor(sparse).as_sparse_tensor()):
        got, places = each.values(), each.as_coo_view().indices()
        gc.collect()
        assert got.tolist() == values.tolist() and places.tolist() == indices.tolist()
        assert not places.flags.writeable and (kind == "string" or not got.flags.writeable)
    with pytest.raises(RuntimeError, match=r"does not contain CSR\(C\) format"):
        sparse.as_csrc_view()
    with pytest.raises(RuntimeError):
        sparse.to_cuda(ort.OrtDevice.make("cuda", 0))


@both
def test_coo_by_row_and_column(ort):
    cpu, values = ort.OrtDevice.make("cpu", 0), np.float32([1, 2])
    wanted = [[0, 1], [2, 2]]
    for indices in (np.int64(wanted), np.int64(wanted).ravel()):
        sparse = ort.SparseTensor.sparse_coo_from_numpy([3, 3], values, indices, cpu)
        assert sparse.as_coo_view().indices().tolist() == wanted
    with pytest.raises(RuntimeError):
        ort.SparseTensor.sparse_coo_from_numpy([3, 3], values, np.int64([1, 2, 3]), cpu)


@both
@pytest.mark.parametrize("values", [np.float32([1, 2, 3]), np.array(["xyz", "yxz", "zyx"])])
def test_csr(ort, values):
    cpu = ort.OrtDevice.make("cpu", 0)
    inner, outer = np.int64([1, 1, 1]), np.int64([0, 1, 2, 3, 3, 3, 3, 3, 3, 3])
    make = ort.SparseTensor.sparse_csr_from_numpy
    sparse = make([9, 9], values, inner, outer, cpu)
    value = ort.OrtValue.ort_value_from_sparse_tensor(sparse)
    assert value.is_sparse_tensor() and value.shape() == [9, 9]
    for each in (sparse, value.as_sparse_tensor()):
        assert each.format() == ort.OrtSparseFormat.ORT_SPARSE_CSRC
        view = each.as_csrc_view()
        assert view.inner().tolist() == inner.tolist() and view.outer().tolist() == outer.tolist()
        assert not view.inner().flags.writeable and not view.outer().flags.writeable
        assert each.values().tolist() == values.tolist()
    with pytest.raises(RuntimeError, match="does not contain COO"):
        sparse.as_coo_view()
    with pytest.raises(RuntimeError):
        make([9, 9], values, inner[:2], outer, cpu)
    with pytest.raises(RuntimeError):
        make([9, 9], values, inner, outer[:-1], cpu)


@both
def test_blocks(ort):
    """Two blocks of 2 by 2 in a matrix of 4 by 6: at (0, 0) and (2, 4)."""
    make = state(ort).SparseTensor.blocksparse_from_numpy
    cpu = ort.OrtDevice.make("cpu", 0)
    device = cpu._get_c_device() if hasattr(cpu, "_get_c_device") else cpu
    values = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    places = np.int32([[0, 1], [0, 2]])
    sparse = ort.SparseTensor(make([4, 6], values, places, device))
    value = ort.OrtValue.ort_value_from_sparse_tensor(sparse)
    for each in (sparse, value.as_sparse_tensor()):
        assert each.format() == ort.OrtSparseFormat.ORT_SPARSE_BLOCK_SPARSE
        assert list(each.dense_shape()) == [4, 6] and each.values().tolist() == values.tolist()
        each.as_blocksparse_view()
    for view, name in ((sparse.as_coo_view, "COO"), (sparse.as_csrc_view, "CSR")):
        with pytest.raises(RuntimeError, match=f"does not contain {name}"):
            view()
    coo = ort.SparseTensor.sparse_coo_from_numpy([9], values[0, 0], np.int64([1, 2]), cpu)
    with pytest.raises(RuntimeError, match="does not contain BlockSparse format"):
        coo.as_blocksparse_view()
    for shape, elements, where in (([4, 6], values.ravel(), places), ([4, 6], values, places[0]),
                                   ([4, 6], values, np.zeros((2, 3), np.int32))):
        with pytest.raises(RuntimeError):
            make(shape, elements, where, device)


@both
def test_sparse_values_are_no_tensors(ort):
    cpu = ort.OrtDevice.make("cpu", 0)
    sparse = ort.SparseTensor.sparse_coo_from_numpy([3], np.float32([1]), np.int64([0]), cpu)
    value = ort.OrtValue.ort_value_from_sparse_tensor(sparse)
    for name in ("data_ptr", "numpy", "tensor_size_in_bytes"):
        with pytest.raises(RuntimeError):
            getattr(value, name)()


# ---- places


@both
def test_devices(ort):
    cpu, cuda = ort.OrtDevice.make("cpu", 0), ort.OrtDevice.make("cuda", 1)
    assert (cpu.device_type(), cpu.device_id(), cpu.device_vendor_id(), cpu.device_mem_type()) == (
        0, 0, ort.OrtDeviceVendorId.NONE, 0)  # fmt: skip
    assert (cuda.device_type(), cuda.device_id(), cuda.device_vendor_id()) == (
        1, 1, ort.OrtDeviceVendorId.NVIDIA)  # fmt: skip
    gpu = ort.OrtDevice.make("gpu", 0, ort.OrtDeviceVendorId.INTEL)
    assert (gpu.device_type(), gpu.device_vendor_id()) == (1, 0x8086)
    kinds = state(ort).OrtDevice
    assert [getattr(kinds, name)() for name in ("cpu", "gpu", "cuda", "fpga", "npu", "cann", "dml",
                                                "webgpu")] == [0, 1, 1, 2, 3, 3, 4, 1]
    low = kinds(kinds.gpu(), kinds.default_memory(), 0x10DE, 2)
    assert (low.device_type(), low.vendor_id(), low.device_id(), low.mem_type()) == (1, 0x10DE, 2, 0)
    with pytest.raises(Exception, match="Unsupported device type: abacus"):
        ort.OrtDevice.make("abacus", 0)


@both
def test_memory_infos(ort):
    arena, default = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, ort.OrtMemType.DEFAULT
    old = ort.OrtMemoryInfo("Cpu", arena, 0, default)
    new = ort.OrtMemoryInfo.create_v2("Test", ort.OrtMemoryInfoDeviceType.CPU, 0, 0,
                                      ort.OrtDeviceMemoryType.DEFAULT, 128, arena)
    for info, name in ((old, "Cpu"), (new, "Test")):
        assert (info.name, info.device_id, info.mem_type, info.allocator_type) == (
            name, 0, default, arena)  # fmt: skip
        assert info.device_mem_type == ort.OrtDeviceMemoryType.DEFAULT
        assert info.device_vendor_id == 0
    with pytest.raises(RuntimeError):
        ort.OrtMemoryInfo("Abacus", arena, 0, default)


@both
def test_arenas(ort):
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                               ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, None)
    shared = ort.SessionOptions()
    shared.add_session_config_entry("session.use_env_allocators", "1")
    for options in (shared, ort.SessionOptions()):
        ort.InferenceSession(mul(), options)
    arena = ort.OrtArenaCfg({"max_mem": 64, "arena_extend_strategy": 1})
    assert (arena.max_mem, arena.arena_extend_strategy, arena.initial_chunk_size_bytes) == (64, 1, -1)
    assert ort.OrtArenaCfg(8, -1, -1, 3).max_dead_bytes_per_chunk == 3
    with pytest.raises((RuntimeError, ValueError), match="Invalid OrtArenaCfg option: max_memory"):
        ort.OrtArenaCfg({"max_memory": 1})
    with pytest.raises(TypeError):
        ort.OrtArenaCfg(1, 2)
    with pytest.raises(failure(ort, "InvalidArgument"), match="Nobody"):
        ort.create_and_register_allocator_v2("Nobody", memory, {}, None)


@both
def test_what_only_providers_make(ort):
    for name in ("OrtSyncStream", "OrtEpContextData", "OrtEpContextDataBuffer"):
        with pytest.raises(TypeError, match="No constructor defined!"):
            getattr(ort, name)()
    with pytest.raises(RuntimeError):
        ort.get_ep_devices()[0].create_sync_stream()
