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


@pytest.mark.parametrize("ask", [
    lambda options: options.register_custom_ops_library("x.so"),
    lambda options: options.add_free_dimension_override_by_denotation("a", 1),
    lambda options: ort.RunOptions().add_active_adapter(None),
    lambda options: ort.set_seed(1),
])
def test_what_is_missing_says_so(ask):
    with pytest.raises(ort.NotImplemented):
        ask(ort.SessionOptions())


def test_optimized_model_is_not_silently_left_out(tmp_path):
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "out.onnx")
    with pytest.raises(ort.NotImplemented):
        ort.InferenceSession(tiny_models.add(), options)


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
    assert not hasattr(ort, "LoraAdapter")
    with pytest.raises(AttributeError, match="ONNX Runtime's 'ModelCompiler'"):
        ort.ModelCompiler
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


def test_backend():
    import numpy as np
    import onnx

    import sardonyx.backend as backend

    assert backend.supports_device("CPU") and not backend.supports_device("CUDA:0")
    model = onnx.load_from_string(tiny_models.add())
    assert backend.is_compatible(model)
    x = np.ones((2, 3), np.float32)
    for prepared in (backend.prepare(model), backend.prepare(tiny_models.add())):
        for inputs in ([x, x], {"x": x, "y": x}):
            np.testing.assert_array_equal(prepared.run(inputs)[0], x + x)
    np.testing.assert_array_equal(backend.run_model(model, [x, x])[0], x + x)
    node = helper.make_node("Add", ["a", "b"], ["c"])
    np.testing.assert_array_equal(backend.run_node(node, [x, x])[0], x + x)
    with pytest.raises(ort.InvalidArgument):
        backend.prepare(model, "CUDA")
    with pytest.raises(ort.InvalidArgument):
        backend.prepare(model).run([x])


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
    with pytest.raises(ort.InvalidArgument, match="nobody"):
        ort.InferenceSession(path, options)
    options = ort.SessionOptions()
    options.add_initializer("w", ort.OrtValue.ortvalue_from_numpy(np.zeros(3, "f4")))
    with pytest.raises(ort.InvalidArgument, match="float32 2"):
        ort.InferenceSession(path, options)
