"""SessionOptions, RunOptions, enums, exceptions, functions of the module."""

import numpy as np
import onnx
import pytest
import tiny_models
from onnx import TensorProto, helper

import sardonyx as ort


def test_defaults_of_session_options():
    options = ort.SessionOptions()
    assert options.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert options.execution_order == ort.ExecutionOrder.DEFAULT
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (0, 0)
    assert options.enable_cpu_mem_arena and options.enable_mem_pattern and options.enable_mem_reuse
    assert not options.enable_profiling
    assert options.use_per_session_threads
    assert (options.log_severity_level, options.log_verbosity_level, options.logid) == (-1, 0, "")
    assert options.optimized_model_filepath == ""
    assert not options.has_providers()


@pytest.mark.parametrize("name, setting", [
    ("intra_op_num_threads", 1), ("inter_op_num_threads", 2), ("enable_profiling", True),
    ("profile_file_prefix", "p"), ("enable_cpu_mem_arena", False), ("enable_mem_pattern", False),
    ("enable_mem_reuse", False), ("log_severity_level", 1), ("log_verbosity_level", 3),
    ("logid", "me"), ("use_per_session_threads", False), ("use_deterministic_compute", True),
    ("execution_mode", ort.ExecutionMode.ORT_PARALLEL),
    ("execution_order", ort.ExecutionOrder.PRIORITY_BASED),
    ("graph_optimization_level", ort.GraphOptimizationLevel.ORT_ENABLE_BASIC),
    ("memory_limit", 1 << 20), ("plan_limit", 3), ("nesting_limit", 10),
])
def test_properties_are_kept(name, setting):
    options = ort.SessionOptions()
    setattr(options, name, setting)
    assert getattr(options, name) == setting
    if name not in ("memory_limit", "profile_file_prefix"):
        session = ort.InferenceSession(tiny_models.add(), options)
        assert getattr(session.get_session_options(), name) == setting


def test_threads():
    for threads in (1, 2, 3):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        assert ort.InferenceSession(tiny_models.add(), options).threads == threads
    with pytest.raises(ort.InvalidArgument):
        ort.SessionOptions().intra_op_num_threads = -1


def test_config_entries():
    options = ort.SessionOptions()
    options.add_session_config_entry("session.some.key", "1")
    assert options.get_session_config_entry("session.some.key") == "1"
    with pytest.raises(RuntimeError,
                       match="SessionOptions does not have configuration with key: other"):
        options.get_session_config_entry("other")
    with pytest.raises(RuntimeError, match="Config key is empty"):
        options.add_session_config_entry("", "1")


def test_dim_overrides():
    options = ort.SessionOptions()
    options.add_free_dimension_override_by_name("N", 4)
    session = ort.InferenceSession(tiny_models.add(), options)
    assert session.get_inputs()[0].shape == [4, 3]


def test_run_options():
    options = ort.RunOptions()
    assert (options.terminate, options.logid, options.training_mode) == (False, "", False)
    options.logid = "me"
    options.add_run_config_entry("a", "b")
    assert options.get_run_config_entry("a") == "b"
    with pytest.raises(RuntimeError, match="RunOptions does not have configuration with key: c"):
        options.get_run_config_entry("c")


def test_enum_values():
    level = ort.GraphOptimizationLevel
    assert [int(each) for each in (level.ORT_DISABLE_ALL, level.ORT_ENABLE_BASIC,
                                   level.ORT_ENABLE_EXTENDED, level.ORT_ENABLE_LAYOUT,
                                   level.ORT_ENABLE_ALL)] == [0, 1, 2, 3, 99]
    assert int(ort.OrtSparseFormat.ORT_SPARSE_COO) == 1


def test_exceptions_have_one_base():
    names = ("Fail", "InvalidArgument", "NoSuchFile", "NoModel", "EngineError", "RuntimeException",
             "InvalidProtobuf", "ModelLoaded", "NotImplemented", "InvalidGraph", "EPFail",
             "ModelLoadCanceled", "ModelRequiresCompilation", "NotFound", "DeviceReset")
    for code, name in enumerate(names, 1):
        each = getattr(ort, name)
        assert issubclass(each, ort.Error) and issubclass(each, RuntimeError)
        assert each.code == code
        assert getattr(ort.capi.onnxruntime_pybind11_state, name) is each
        assert getattr(ort.capi._pybind_state, name) is each


def test_dim_overrides_by_denotation():
    model = onnx.load_from_string(tiny_models.add())
    for argument in (*model.graph.input, *model.graph.output):
        argument.type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    options = ort.SessionOptions()
    options.add_free_dimension_override_by_denotation("DATA_BATCH", 5)
    session = ort.InferenceSession(model.SerializeToString(), options)
    assert [each.shape for each in session.get_inputs()] == [[5, 3], [5, 3]]
    with pytest.raises(ort.InvalidArgument):
        options.add_free_dimension_override_by_denotation("", 5)


def random_model():
    node = helper.make_node("RandomUniform", [], ["y"], shape=[8])
    return tiny_models.to_bytes([node], [], [tiny_models.value("y", shape=(8,))])


def test_seed():
    def numbers(seed):
        ort.set_seed(seed)
        session = ort.InferenceSession(random_model())
        return [session.run(None, {})[0] for _ in range(2)]

    first, again, other = numbers(7), numbers(7), numbers(8)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other) and not np.array_equal(first[0], first[1])


def test_global_thread_pool_sizes():
    chosen = ort.InferenceSession(tiny_models.add()).threads
    try:
        ort.set_global_thread_pool_sizes(3, 1)
        assert ort.InferenceSession(tiny_models.add()).threads == 3
        options = ort.SessionOptions()
        options.intra_op_num_threads = 2
        assert ort.InferenceSession(tiny_models.add(), options).threads == 2
    finally:
        ort.set_global_thread_pool_sizes()
    assert ort.InferenceSession(tiny_models.add()).threads == chosen


def test_registered_arena_limits_the_sessions_that_use_it():
    weights = np.ones((1000, 1000), np.float32)
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                               ort.OrtMemType.DEFAULT)
    shared = ort.SessionOptions()
    shared.add_session_config_entry("session.use_env_allocators", "1")
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": 1_000_000}))
        with pytest.raises(ort.Error, match="limit"):
            ort.InferenceSession(tiny_models.matmul(weights), shared)
        ort.InferenceSession(tiny_models.matmul(weights))
    finally:
        ort.create_and_register_allocator(memory, None)
    ort.InferenceSession(tiny_models.matmul(weights), shared)
    assert ort.OrtArenaCfg(8, -1, -1, 3).max_dead_bytes_per_chunk == 3
    with pytest.raises(ValueError, match="max_memory"):
        ort.OrtArenaCfg({"max_memory": 1})


def test_devices():
    device, = ort.get_ep_devices()
    assert device.ep_name == "CPUExecutionProvider"
    assert device.device.type == ort.OrtHardwareDeviceType.CPU
    options = ort.SessionOptions()
    options.add_provider_for_devices([device], {})
    options.set_provider_selection_policy(ort.OrtExecutionProviderDevicePolicy.PREFER_CPU)
    session = ort.InferenceSession(tiny_models.add(), options)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_input_epdevices() == [device, device]
    part, = session.get_provider_graph_assignment_info()
    assert part.ep_name == "CPUExecutionProvider"
    assert [(node.name, node.op_type) for node in part.get_nodes()] == [("add0", "Add")]
    with pytest.raises(ort.NotImplemented, match="mine"):
        ort.register_execution_provider_library("mine", "libmine.so")


def test_disabled_kernels():
    weights = np.random.default_rng(0).standard_normal((32, 32, 3, 3)).astype("f4")
    conv = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    model = tiny_models.to_bytes(
        [conv], [tiny_models.value("x", shape=(1, 32, 20, 20))],
        [tiny_models.value("y", shape=None)],
        [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)])
    x = np.random.default_rng(1).standard_normal((1, 32, 20, 20)).astype("f4")
    results = []
    for names in ([], ["winograd"]):
        options = ort.SessionOptions()
        options.disabled_kernels = names
        results.append(ort.InferenceSession(model, options).run(None, {"x": x})[0])
    assert not np.array_equal(*results)
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)
    options.disabled_kernels = ["winograd", "vinograd"]
    with pytest.raises(ort.InvalidArgument, match="vinograd"):
        ort.InferenceSession(model, options)


def test_matmul_precision():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((70, 40)).astype("f4")
    x = rng.standard_normal((5, 70)).astype("f4")
    model = tiny_models.matmul(weights)

    def rounded(numbers):  # to bf16, to nearest even
        bits = numbers.view("u4")
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view("f4").astype("f8")

    def run(**settings):
        options = ort.SessionOptions()
        for name, value in settings.items():
            if name == "config":
                options.add_session_config_entry("sardonyx.matmul_precision", value)
            else:
                setattr(options, name, value)
        return ort.InferenceSession(model, options).run(None, {"x": x})[0]

    assert ort.SessionOptions().matmul_precision == "f32"
    exact = x.astype("f8") @ weights.astype("f8")
    np.testing.assert_allclose(run(), exact, rtol=1e-5, atol=1e-5)
    for settings in ({"matmul_precision": "f16"}, {"config": "half"}):
        with pytest.raises(ort.InvalidArgument, match="must be 'f32' or 'bf16'"):
            run(**settings)
    with pytest.raises(ort.NotImplemented, match="bf16 products cannot be had"):
        run(matmul_precision="bf16", tier=ort.machine()["tiers"][-1])
    if not {"AVX-512 BF16"} <= set(ort.machine()["features"]):
        pytest.skip("this machine has no bf16 products")
    for settings in ({"matmul_precision": "bf16"}, {"config": "bf16"}):
        result = run(**settings)
        np.testing.assert_allclose(result, rounded(x) @ rounded(weights), rtol=1e-5, atol=1e-5)
        assert np.abs(result - exact).max() > 1e-3
    np.testing.assert_array_equal(run(matmul_precision="bf16", config="f32"), run())


def test_denormals_are_zeros_unless_config_says_otherwise():
    x = np.array([[1e-40, 1, 0]], "f4")
    results = []
    for value in (None, "1", "0"):
        options = ort.SessionOptions()
        if value is not None:
            options.add_session_config_entry("session.set_denormal_as_zero", value)
        results.append(ort.InferenceSession(tiny_models.add(), options).run(None, {"x": x, "y": x}))
    for (result,), expected in zip(results, (0, 0, x[0, 0] + x[0, 0])):
        assert result.tolist() == [[expected, 2, 0]]


def test_large_products_keep_denormals_where_sums_do():
    """Tiles of bf16, which multiply f32 where there are some, know no denormals."""
    weights = np.eye(256, dtype="f4") * np.float32(1e30)
    options = ort.SessionOptions()
    options.add_session_config_entry("session.set_denormal_as_zero", "0")
    x = np.full((256, 256), 1e-39, "f4")
    (y,) = ort.InferenceSession(tiny_models.matmul(weights), options).run(None, {"x": x})
    np.testing.assert_allclose(y, x.astype("f8") * 1e30, rtol=1e-6)


def test_load_cancellation():
    options = ort.SessionOptions()
    options.set_load_cancellation_flag(True)
    with pytest.raises(ort.ModelLoadCanceled):
        ort.InferenceSession(tiny_models.add(), options)


def test_module_functions(capsys):
    assert ort.__version__ == ort.get_version_string()
    assert ort.__version__ in ort.get_build_info()
    ort.set_default_logger_severity(3)
    ort.set_default_logger_severity(2)
    ort.set_default_logger_verbosity(0)
    with pytest.raises(ort.InvalidArgument):
        ort.set_default_logger_severity(7)
    machine = ort.machine()
    assert machine["threads"] >= 1 and machine["tier"] in machine["tiers"]
    ort.print_debug_info()
    assert "tier" in capsys.readouterr().out


def test_absent_names_say_so():
    assert not hasattr(ort, "transformers")
    with pytest.raises(AttributeError, match="ONNX Runtime's 'quantization'"):
        ort.quantization
    with pytest.raises(AttributeError, match="no attribute 'nothing_like_it'"):
        ort.nothing_like_it


def test_copy_tensors():
    import numpy as np

    source = ort.OrtValue.ortvalue_from_numpy(np.float32([1, 2]))
    target = ort.OrtValue.ortvalue_from_shape_and_type([2], np.float32)
    ort.copy_tensors([source], [target])
    np.testing.assert_array_equal(target.numpy(), [1, 2])
    with pytest.raises(ort.InvalidArgument):
        ort.copy_tensors([source], [])


@pytest.mark.parametrize("tier", ort.machine()["tiers"])
def test_every_tier_of_the_machine_runs(tier):
    import numpy as np

    weights = np.random.default_rng(0).random((3, 5), np.float32)
    options = ort.SessionOptions()
    options.tier = tier
    x = np.float32([[1, 2, 3]])
    y = ort.InferenceSession(tiny_models.matmul(weights), options).run(None, {"x": x})[0]
    np.testing.assert_allclose(y, x @ weights, rtol=1e-6)


def test_initializers_are_replaced_at_load(tmp_path):
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], np.array([1, 2], "f4").tobytes(),
                                 raw=True)
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
                              [weights])
    path = str(tmp_path / "model.onnx")
    onnx.save_model(helper.make_model(graph, ir_version=8,
                                      opset_imports=[helper.make_opsetid("", 17)]),
                    path, save_as_external_data=True, location="gone.bin", size_threshold=0)
    (tmp_path / "gone.bin").unlink()
    with pytest.raises(ort.Error):
        ort.InferenceSession(path)
    options = ort.SessionOptions()
    value = ort.OrtValue.ortvalue_from_numpy(np.array([10, 100], "f4"))
    options.add_external_initializers(["w"], [value])
    x = np.array([3, 4], "f4")
    assert ort.InferenceSession(path, options).run(None, {"x": x})[0].tolist() == [30, 400]
    options = ort.SessionOptions()
    options.add_initializer("nobody", value)
    with pytest.raises(ort.Fail, match="nobody"):
        ort.InferenceSession(path, options)
    options = ort.SessionOptions()
    options.add_initializer("w", ort.OrtValue.ortvalue_from_numpy(np.zeros(3, "f4")))
    with pytest.raises(ort.InvalidArgument, match="float32 2"):
        ort.InferenceSession(path, options)
