"""Sessions as ONNX Runtime's Python API tests use them; every test holds of the original as well."""

import json
import pathlib
import pickle
import re
import threading

import numpy as np
import onnx
import pytest
import tiny_models
from both_runtimes import both, failure, quiet, state
from onnx import TensorProto, helper, numpy_helper

X = np.float32([[1, 2], [3, 4], [5, 6]])


def mul():
    """Y = X * W with a constant W [3, 2] of the values of X."""
    node = helper.make_node("Mul", ["X", "W"], ["Y"], name="mul")
    return tiny_models.to_bytes([node], [tiny_models.value("X", shape=(3, 2))],
                                [tiny_models.value("Y", shape=(3, 2))],
                                [numpy_helper.from_array(X, "W")], opset=17)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "mul.onnx"
    path.write_bytes(mul())
    return path


@both
@pytest.mark.parametrize("source", [str, pathlib.Path, pathlib.Path.read_bytes])
def test_path_and_bytes(ort, model, source):
    session = ort.InferenceSession(source(model), providers=["CPUExecutionProvider"])
    assert [(each.name, each.type, each.shape) for each in session.get_inputs()] == [
        ("X", "tensor(float)", [3, 2])]  # fmt: skip
    assert [(each.name, each.shape) for each in session.get_outputs()] == [("Y", [3, 2])]
    np.testing.assert_array_equal(session.run(["Y"], {"X": X})[0], X * X)
    np.testing.assert_array_equal(session.run([], {"X": X.tolist()})[0], X * X)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_provider_options() == {"CPUExecutionProvider": {}}


@both
def test_what_is_no_model(ort, tmp_path):
    options = quiet(ort)
    with pytest.raises(TypeError, match="Unable to load from type '<class 'int'>'"):
        ort.InferenceSession(5)
    with pytest.raises(state(ort).NoSuchFile):
        ort.InferenceSession(str(tmp_path / "gone.onnx"), options)
    with pytest.raises(state(ort).InvalidProtobuf):
        ort.InferenceSession(b"no model", options)


@both
@pytest.mark.parametrize("feed, text", [
    ({"X": X.astype(np.float64)},
     "Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))"),
    ({"X": X[0]}, "Invalid rank for input: X Got: 1 Expected: 2"),
    ({"X": X[:, :1]}, "Got invalid dimensions for input: X for the following indices\n"
                      " index: 1 Got: 1 Expected: 2"),
    ({"X": X, "Z": X}, "Invalid input name: Z"),
])
def test_wrong_inputs(ort, feed, text):
    with pytest.raises(state(ort).InvalidArgument) as caught:
        ort.InferenceSession(mul(), quiet(ort)).run(None, feed)
    assert text in str(caught.value)


@both
def test_missing_inputs_and_wrong_outputs(ort):
    session = ort.InferenceSession(mul(), quiet(ort))
    text = r"Required inputs \(\['X'\]\) are missing from input feed \(\['x'\]\)."
    with pytest.raises(ValueError, match=text):
        session.run(None, {"x": X})
    with pytest.raises(ValueError, match=r"\['X'\]"):
        session.run_with_ort_values(None, {})
    with pytest.raises(state(ort).InvalidArgument, match="Invalid output name:bad"):
        session.run(["bad"], {"X": X})
    with pytest.raises(TypeError):
        session.run("Y", {"X": X})
    with pytest.raises(RuntimeError, match="Unable to handle object of type <class 'int'>"):
        session.run(None, {"X": 5})


@both
def test_layouts(ort):
    session = ort.InferenceSession(mul())
    swapped = np.ascontiguousarray(X[:, ::-1])[:, ::-1]
    assert not swapped.flags.c_contiguous
    np.testing.assert_array_equal(session.run(None, {"X": swapped})[0], X * X)
    np.testing.assert_array_equal(session.run(None, {"X": np.asfortranarray(X)})[0], X * X)


@both
def test_unknown_dims_may_differ_whatever_they_are_called(ort):
    for word in ("?", "None", "-1"):
        node = helper.make_node("Identity", ["x"], ["y"])
        model = tiny_models.to_bytes([node], [tiny_models.value("x", shape=(word, 3, word))],
                                     [tiny_models.value("y", shape=(word, 3, word))], opset=17)
        session = ort.InferenceSession(model)
        assert session.get_inputs()[0].shape == [word, 3, word]
        assert session.run(None, {"x": np.zeros((1, 3, 5), "f4")})[0].shape == (1, 3, 5)


STRINGS = {
    "str": np.array(["this", "is", "identity", "test"]).reshape(2, 2),
    "unicode": np.array(["Olá", "你好", "여보세요", "hello"]).reshape(2, 2),
    "object": np.array(["this", "is", "identity", "test"], object).reshape(2, 2),
    "bytes": np.array([b"this", b"is", b"identity", b"test"], "S12").reshape(2, 2),
    "void": np.array([b"must", b"have", b"same", b"size"], np.void).reshape(2, 2),
}


@both
@pytest.mark.parametrize("kind", STRINGS)
def test_strings(ort, kind):
    session = ort.InferenceSession(tiny_models.identity(TensorProto.STRING, (2, 2)), quiet(ort))
    given = STRINGS[kind]
    wanted = [[each.decode() if isinstance(each, bytes) else str(each) for each in row]
              for row in given.tolist()]
    got = session.run([], {"x": given})[0]
    assert got.dtype == object and got.tolist() == wanted
    if kind == "str":
        assert session.run([], {"x": given.tolist()})[0].tolist() == wanted


@both
def test_objects_among_strings(ort):
    """Columns of tables have numbers and None in them; they are taken as Python prints them."""
    session = ort.InferenceSession(tiny_models.identity(TensorProto.STRING, (4,)), quiet(ort))
    given = np.array(["a", 1, None, 2.5], object)
    assert session.run(None, {"x": given})[0].tolist() == ["a", "1", "None", "2.5"]
    numbers = ort.InferenceSession(tiny_models.identity(shape=(2,)), quiet(ort))
    text = "Unexpected input data type. Actual: (tensor(string)) , expected: (tensor(float))"
    with pytest.raises(state(ort).InvalidArgument, match=re.escape(text)):
        numbers.run(None, {"x": np.array([1.0, 2.0], object)})
    for kind in ("M8[D]", "m8[s]"):
        with pytest.raises(RuntimeError, match="datetime64|timedelta64|Numpy_type"):
            numbers.run(None, {"x": np.zeros(2, kind)})


@both
def test_bools(ort):
    node = helper.make_node("And", ["a", "b"], ["c"])
    values = [tiny_models.value(name, TensorProto.BOOL, (2, 2)) for name in "abc"]
    session = ort.InferenceSession(tiny_models.to_bytes([node], values[:2], values[2:]))
    a, b = np.array([[True, True], [False, False]]), np.array([[True, False], [True, False]])
    np.testing.assert_array_equal(session.run(None, {"a": a, "b": b})[0], a & b)
    assert session.get_outputs()[0].type == "tensor(bool)"


def sequence_value(name, dtype):
    return helper.make_tensor_sequence_value_info(name, dtype, None)


@both
def test_sequences(ort):
    construct = helper.make_node("SequenceConstruct", ["a", "b"], ["s"])
    tensors = [tiny_models.value(name, TensorProto.INT64, (2, 3)) for name in "ab"]
    model = tiny_models.to_bytes([construct], tensors, [sequence_value("s", TensorProto.INT64)])
    session = ort.InferenceSession(model)
    assert session.get_outputs()[0].type == "seq(tensor(int64))"
    a, b = np.arange(6).reshape(2, 3), np.ones((2, 3), np.int64)
    got, = session.run(None, {"a": a, "b": b})
    np.testing.assert_array_equal(got, [a, b])

    insert = helper.make_node("SequenceInsert", ["s", "x"], ["t"])
    model = tiny_models.to_bytes([insert], [sequence_value("s", TensorProto.INT64), tensors[0]],
                                 [sequence_value("t", TensorProto.INT64)])
    model = onnx.load_from_string(model)
    model.graph.input[1].name = "x"
    session = ort.InferenceSession(model.SerializeToString())
    np.testing.assert_array_equal(session.run(None, {"s": [], "x": a})[0], [a])
    np.testing.assert_array_equal(session.run(None, {"s": [b], "x": a})[0], [b, a])

    length = helper.make_node("SequenceLength", ["s"], ["n"])
    model = tiny_models.to_bytes([length], [sequence_value("s", TensorProto.FLOAT)],
                                 [tiny_models.value("n", TensorProto.INT64, ())])
    session = ort.InferenceSession(model, quiet(ort))
    assert session.run(None, {"s": [X, X]})[0] == 2
    with pytest.raises(RuntimeError, match="type"):
        session.run(None, {"s": [X, a]})


@both
def test_optional_inputs(ort):
    kind = helper.make_optional_type_proto(
        helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [5])))
    values = [helper.make_value_info(name, kind) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    model = tiny_models.to_bytes([node], values[:1], values[1:], opset=17)
    session = ort.InferenceSession(model)
    x = [np.arange(5, dtype=np.float32)]
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x)
    assert session.get_inputs()[0].type == "optional(seq(tensor(float)))"


@both
def test_an_optional_input_may_be_left_out(ort):
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [5]))
    node = helper.make_node("OptionalHasElement", ["x"], ["y"])
    model = tiny_models.to_bytes([node], [helper.make_value_info("x", kind)],
                                 [tiny_models.value("y", TensorProto.BOOL, ())], opset=18)
    session = ort.InferenceSession(model)
    x, = session.get_inputs()
    assert (x.type, x.shape) == ("optional(tensor(float))", [5])
    for feed, wanted in (({}, False), ({"x": None}, False), ({"x": np.ones(5, np.float32)}, True)):
        assert session.run(None, feed)[0] == wanted


@both
def test_outputs_are_apart_from_inputs(ort):
    add = helper.make_node("Add", ["x", "ten"], ["z"])
    x = tiny_models.value("x", shape=(2, 2))
    model = tiny_models.to_bytes([add], [x], [tiny_models.value("z", shape=(2, 2)), x],
                                 [numpy_helper.from_array(np.float32(10), "ten")])
    session = ort.InferenceSession(model)
    kept = []
    for run in range(5):
        given = np.full((2, 2), run, np.float32)
        kept.append(session.run(None, {"x": given}))
        assert not np.shares_memory(kept[-1][1], given)
    for run, (z, same) in enumerate(kept):
        assert (z == run + 10).all() and (same == run).all()
    assert kept[0][0].base is not None  # a session's own memory is not copied again


@both
def test_threads_share_a_session(ort):
    session = ort.InferenceSession(mul())
    failures = []

    def work(name):
        options = ort.RunOptions()
        options.logid = name
        for _ in range(20):
            if not np.array_equal(session.run([], {"X": X}, run_options=options)[0], X * X):
                failures.append(name)

    threads = [threading.Thread(target=work, args=(f"thread {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@both
def test_run_async(ort):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(mul(), options)
    done, seen = threading.Event(), []

    def callback(results, user_data, error):
        seen.append((results, user_data, error))
        done.set()

    data = object()
    session.run_async(["Y"], {"X": X}, callback, data)
    assert done.wait(20)
    (results, user_data, error), = seen
    np.testing.assert_array_equal(results[0], X * X)
    assert user_data is data and error == ""


@both
def test_terminate(ort):
    session, options = ort.InferenceSession(mul(), quiet(ort)), ort.RunOptions()
    options.terminate = True
    with pytest.raises(state(ort).Fail, match="Exiting due to terminate flag being set to true."):
        session.run(None, {"X": X}, options)
    options.terminate = 0
    session.run(None, {"X": X}, options)


@both
def test_run_options(ort):
    session, options = ort.InferenceSession(mul()), ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    assert options.get_run_config_entry("memory.enable_memory_arena_shrinkage") == "cpu:0"
    np.testing.assert_array_equal(session.run([], {"X": X}, options)[0], X * X)
    with pytest.raises(RuntimeError, match="RunOptions does not have configuration with key: no"):
        options.get_run_config_entry("no")


@both
def test_only_the_path_to_the_fetches(ort):
    nodes = [helper.make_node("Add", ["a", "b"], ["s"]), helper.make_node("Sub", ["a", "b"], ["d"]),
             helper.make_node("Neg", ["s"], ["y0"]), helper.make_node("Neg", ["d"], ["y1"])]
    values = {name: tiny_models.value(name, shape=(10,)) for name in ("a", "b", "y0", "y1")}
    model = tiny_models.to_bytes(nodes, [values["a"], values["b"]], [values["y0"], values["y1"]])
    options = ort.RunOptions()
    options.only_execute_path_to_fetches = True
    a, b = np.ones(10, np.float32), np.full(10, 3, np.float32)
    session = ort.InferenceSession(model)
    for name, wanted in (("y0", -(a + b)), ("y1", -(a - b))):
        np.testing.assert_array_equal(session.run([name], {"a": a, "b": b}, options)[0], wanted)


@both
def test_profile(ort, tmp_path):
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    starts = []
    for _ in range(2):
        session = ort.InferenceSession(mul(), options)
        starts.append(session.get_profiling_start_time_ns())
        session.run([], {"X": X})
        name = session.end_profiling()
        assert name.startswith(str(tmp_path / "profile")) and name.endswith(".json")
        lines = pathlib.Path(name).read_text().splitlines()
        assert "[" in lines[0] and "]" in lines[-1]
        for event in json.loads("\n".join(lines)):
            assert {"pid", "dur", "ts", "ph", "name", "args"} <= event.keys() and event["ph"] == "X"
        pathlib.Path(name).unlink()
    assert starts == sorted(starts)


@both
def test_options_of_sessions(ort):
    options = ort.SessionOptions()
    assert options.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert options.execution_order == ort.ExecutionOrder.DEFAULT
    for name, value in (("graph_optimization_level", ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
                        ("execution_mode", ort.ExecutionMode.ORT_PARALLEL),
                        ("execution_order", ort.ExecutionOrder.PRIORITY_BASED),
                        ("logid", "me"), ("inter_op_num_threads", 2)):
        setattr(options, name, value)
        assert getattr(options, name) == value
        assert getattr(ort.InferenceSession(mul(), options).get_session_options(), name) == value
    with pytest.raises(TypeError):
        options.graph_optimization_level = "all"
    for flag in ("enable_profiling", "enable_mem_pattern", "use_per_session_threads"):
        for value in (0, 1, np.bool_(False), np.bool_(True), None, True):
            setattr(options, flag, value)
            assert getattr(options, flag) is bool(value)
        with pytest.raises(TypeError):
            setattr(options, flag, "yes")
    options.intra_op_num_threads = np.int64(2)
    assert options.intra_op_num_threads == 2
    with pytest.raises(AttributeError):
        options.no_such_option = 1


@both
def test_config_entries(ort):
    options = ort.SessionOptions()
    options.add_session_config_entry("KEY", "VALUE")
    assert options.get_session_config_entry("KEY") == "VALUE"
    text = "SessionOptions does not have configuration with key: OTHER"
    with pytest.raises(RuntimeError, match=text):
        options.get_session_config_entry("OTHER")
    with pytest.raises(RuntimeError, match="Config key is empty"):
        options.add_session_config_entry("", "VALUE")


@both
def test_dim_overrides(ort):
    node = helper.make_node("Abs", ["x"], ["y"])
    model = tiny_models.model([node], [tiny_models.value("x", shape=("A", "B", 5))],
                              [tiny_models.value("y", shape=("A", "B", 5))], opset=17)
    for index, name in enumerate(("DATA_BATCH", "DATA_CHANNEL")):
        model.graph.input[0].type.tensor_type.shape.dim[index].denotation = name
    by_name, by_denotation = ort.SessionOptions(), ort.SessionOptions()
    by_name.add_free_dimension_override_by_name("A", 4)
    by_name.add_free_dimension_override_by_name("B", 6)
    by_denotation.add_free_dimension_override_by_denotation("DATA_BATCH", 3)
    by_denotation.add_free_dimension_override_by_denotation("DATA_CHANNEL", 5)
    for options, shape in ((by_name, [4, 6, 5]), (by_denotation, [3, 5, 5])):
        session = ort.InferenceSession(model.SerializeToString(), options)
        assert session.get_inputs()[0].shape == shape


@both
def test_initializers_from_the_caller(ort):
    options = ort.SessionOptions()
    other = ort.OrtValue.ortvalue_from_numpy(X + 1)
    options.add_initializer("W", other)
    session = ort.InferenceSession(mul(), options, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(["Y"], {"X": X})[0], X * (X + 1))


def model_with_external_data(tmp_path, raw):
    """Y = X * W, W in weights.bin, which is not written when `raw` is None."""
    model = onnx.load_from_string(mul())
    path = tmp_path / "model.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin",
                    size_threshold=0)
    if raw is None:
        (tmp_path / "weights.bin").unlink()
    return str(path)


@both
def test_external_data_from_the_caller(ort, tmp_path):
    path = model_with_external_data(tmp_path, None)
    values, files = ort.SessionOptions(), ort.SessionOptions()
    values.add_external_initializers(["W"], [ort.OrtValue.ortvalue_from_numpy(X)])
    raw = X.tobytes()
    files.add_external_initializers_from_files_in_memory(["weights.bin"], [raw], [len(raw)])
    for options in (values, files):
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        np.testing.assert_array_equal(session.run(None, {"X": X})[0], X * X)


@both
def test_optimized_model_and_its_external_data(ort, tmp_path):
    source = model_with_external_data(tmp_path, b"")
    options = quiet(ort)
    target = tmp_path / "written" / "model.onnx"
    target.parent.mkdir()
    options.optimized_model_filepath = str(target)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    prefix = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(prefix + "file_name", "own.bin")
    options.add_session_config_entry(prefix + "min_size_in_bytes", "10")
    ort.InferenceSession(source, options)
    assert (target.parent / "own.bin").stat().st_size >= X.nbytes
    np.testing.assert_array_equal(
        ort.InferenceSession(str(target)).run(None, {"X": X})[0], X * X)


def with_config(tmp_path, **options):
    model = onnx.load_from_string(mul())
    helper.set_model_props(model, {"ort_config": json.dumps({"session_options": options})})
    path = tmp_path / "configured.onnx"
    onnx.save_model(model, path)
    return str(path)


@both
def test_options_in_the_model(ort, tmp_path, monkeypatch):
    path = with_config(tmp_path, intra_op_num_threads=2, inter_op_num_threads=5,
                       graph_optimization_level=1, enable_profiling=0)
    given = quiet(ort)
    given.intra_op_num_threads = 7
    assert ort.InferenceSession(path, given).get_session_options().intra_op_num_threads == 7
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    for options in (None, given):
        found = ort.InferenceSession(path, options).get_session_options()
        assert (found.intra_op_num_threads, found.inter_op_num_threads) == (2, 5)
        assert found.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        assert found.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    for wrong, text in (({"intra_op_num_threads": "x"}, "must be an integer"),
                        ({"execution_mode": 7}, "Unsupported execution_mode value in ORT config: 7")):
        with pytest.raises(RuntimeError, match=text):
            ort.InferenceSession(with_config(tmp_path, **wrong), quiet(ort))


@both
def test_metadata(ort):
    model = onnx.load_from_string(mul())
    model.producer_name, model.domain, model.model_version = "maker", "a.b", 7
    model.doc_string, model.graph.name, model.graph.doc_string = "about", "named", "graph"
    helper.set_model_props(model, {"key": "value", "other": ""})
    meta = ort.InferenceSession(model.SerializeToString()).get_modelmeta()
    assert (meta.producer_name, meta.domain, meta.version) == ("maker", "a.b", 7)
    assert (meta.description, meta.graph_name, meta.graph_description) == ("about", "named", "graph")
    assert meta.custom_metadata_map == {"key": "value", "other": ""}


@both
def test_places_of_inputs_and_outputs(ort):
    session = ort.InferenceSession(mul())
    for infos in (session.get_input_memory_infos(), session.get_output_memory_infos()):
        assert [(each.name, each.device_id, each.mem_type) for each in infos] == [
            ("Cpu", 0, ort.OrtMemType.DEFAULT)]  # fmt: skip
    device, = session.get_input_epdevices()
    assert device.ep_name == "CPUExecutionProvider"
    assert session.get_tuning_results() == []
    session.set_tuning_results([])


@both
def test_nodes_of_providers(ort):
    options = ort.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    part, = ort.InferenceSession(mul(), options).get_provider_graph_assignment_info()
    assert part.ep_name == "CPUExecutionProvider"
    assert [(node.name, node.domain, node.op_type) for node in part.get_nodes()] == [
        ("mul", "", "Mul")]  # fmt: skip


@both
def test_providers(ort):
    for providers in (None, [], ["CPUExecutionProvider"], ("CPUExecutionProvider",),
                      [("CPUExecutionProvider", {"a": 1})]):
        if ort.__name__ == "onnxruntime" and providers and isinstance(providers[0], tuple):
            continue  # its own provider refuses options that it does not know
        session = ort.InferenceSession(mul(), providers=providers)
        assert session.get_providers() == ["CPUExecutionProvider"]
    session.set_providers(["CPUExecutionProvider"])
    for wrong in ([3], [("CPUExecutionProvider", 1)]):
        with pytest.raises(ValueError):
            ort.InferenceSession(mul(), providers=wrong, enable_fallback=0)
    for options in ([{}, {}], ["a"]):
        with pytest.raises(ValueError):
            ort.InferenceSession(mul(), providers=["CPUExecutionProvider"],
                                 provider_options=options, enable_fallback=0)
    session.disable_fallback()
    with pytest.raises(RuntimeError, match="Unknown Provider Type: InvalidProvider"):
        ort.InferenceSession(mul(), providers=["InvalidProvider"], enable_fallback=0)


@both
def test_disabled_optimizers_are_names_of_its_passes(ort):
    session = ort.InferenceSession(mul(), disabled_optimizers=["ConstantFolding"])
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], X * X)


@both
def test_devices_choose_a_provider(ort):
    device = ort.get_ep_devices()[0]
    assert device.ep_name == "CPUExecutionProvider" and device.ep_options == {}
    assert device.device.type == ort.OrtHardwareDeviceType.CPU
    chosen = []

    def delegate(devices, model_metadata, runtime_metadata, most):
        chosen.append((len(devices), dict(runtime_metadata), most >= 1))
        return [each for each in devices if each.ep_name == "CPUExecutionProvider"]

    by_device, by_policy, by_delegate = (ort.SessionOptions() for _ in range(3))
    by_device.add_provider_for_devices([device], {})
    by_policy.set_provider_selection_policy(ort.OrtExecutionProviderDevicePolicy.PREFER_CPU)
    by_delegate.set_provider_selection_policy_delegate(delegate)
    assert by_device.has_providers()
    for options in (by_device, by_policy, by_delegate):
        assert ort.InferenceSession(mul(), options).get_providers() == ["CPUExecutionProvider"]
    assert chosen and chosen[0][0] >= 1 and chosen[0][2]


@both
def test_compatibility_of_compiled_models(ort, model):
    binding = state(ort)
    hardware = binding.get_hardware_devices()
    details = binding.get_hardware_device_ep_incompatibility_details
    assert details("CPUExecutionProvider", hardware[0])["reasons_bitmask"] == 0
    with pytest.raises(binding.InvalidArgument, match="nobody"):
        details("nobody", hardware[0])
    judge = binding.get_model_compatibility_for_ep_devices
    assert judge(ort.get_ep_devices(), "any") == (
        binding.OrtCompiledModelCompatibility.EP_NOT_APPLICABLE)
    with pytest.raises(RuntimeError, match="Invalid argument"):
        judge([], "any")
    name = "CPUExecutionProvider"
    assert binding.get_compatibility_info_from_model(str(model), name) is None
    marked = onnx.load_from_string(mul())
    helper.set_model_props(marked, {f"ep_compatibility_info.{name}": "mine"})
    given = marked.SerializeToString()
    assert binding.get_compatibility_info_from_model_bytes(given, name) == "mine"


@both
def test_nothing_of_a_session_is_pickled(ort):
    session = ort.InferenceSession(mul())
    for each in (session, session.get_inputs()[0], ort.SessionOptions(), ort.RunOptions(),
                 session.get_modelmeta(), ort.OrtValue.ortvalue_from_numpy(X)):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(each)
    level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert pickle.loads(pickle.dumps(level)) == level

    class Picklable(ort.InferenceSession):
        def __init__(self, source):
            super().__init__(source)
            self.source = source

        def __reduce__(self):
            return Picklable.make, (self.source,)

        @staticmethod
        def make(source):
            return Picklable(source)

    build, arguments = Picklable(mul()).__reduce__()
    np.testing.assert_array_equal(build(*arguments).run(None, {"X": X})[0], X * X)


@both
def test_the_session_behind(ort, model):
    """What programs reach for that do not stop at the public class."""
    session = ort.InferenceSession(str(model), quiet(ort))
    binding = state(ort)
    value = ort.OrtValue.ortvalue_from_numpy(X)
    vector = session._sess.run_with_ort_values({"X": value._get_c_value()}, ["Y"], None)
    assert isinstance(vector, binding.OrtValueVector)
    np.testing.assert_array_equal(vector[0].numpy(), X * X)
    np.testing.assert_array_equal(session._sess.run(["Y"], {"X": X}, None)[0], X * X)
    assert session._model_path == str(model) and session._model_bytes is None
    assert session._inputs_meta[0].name == "X" and session._outputs_meta[0].name == "Y"
    low = binding.InferenceSession(binding.get_default_session_options(), str(model), True, False)
    low.initialize_session([], [], set())
    assert [each.name for each in low.inputs_meta] == ["X"]
    assert low.get_providers() == ["CPUExecutionProvider"]
    np.testing.assert_array_equal(low.run(["Y"], {"X": X}, None)[0], X * X)
    from_bytes = binding.InferenceSession(ort.SessionOptions(), mul(), False, False)
    from_bytes.initialize_session([], [], set())
    assert from_bytes.outputs_meta[0].shape == [3, 2]


@both
def test_failures_have_their_classes(ort):
    unknown = tiny_models.to_bytes([helper.make_node("NoSuchOperator", ["x"], ["y"])],
                                   [tiny_models.value("x")], [tiny_models.value("y")])
    with pytest.raises((state(ort).Fail, state(ort).InvalidGraph, state(ort).NotImplemented)):
        ort.InferenceSession(unknown, quiet(ort))
    with pytest.raises(failure(ort, "ModelLoadCanceled")):
        options = quiet(ort)
        options.set_load_cancellation_flag(True)
        ort.InferenceSession(mul(), options)
    with pytest.raises(failure(ort, "Fail")):
        ort.register_execution_provider_library("mine", "/no/such/library.so")
    with pytest.raises(failure(ort, "Fail")):
        ort.unregister_execution_provider_library("mine")
