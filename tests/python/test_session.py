"""InferenceSession: loading, describing, running, providers, profiling."""

import json
import pathlib
import threading

import numpy as np
import pytest
import tiny_models
from onnx import TensorProto, helper

import sardonyx as ort

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def session():
    return ort.InferenceSession(tiny_models.add())


@pytest.mark.parametrize("convert", [str, pathlib.Path, lambda path: path.read_bytes(),
                                     lambda path: bytearray(path.read_bytes())])
def test_loads_from_path_and_bytes(tmp_path, convert):
    path = tmp_path / "add.onnx"
    path.write_bytes(tiny_models.add())
    session = ort.InferenceSession(convert(path))
    np.testing.assert_array_equal(session.run(None, {"x": X, "y": X})[0], X + X)


def test_refuses_what_is_no_model_source():
    with pytest.raises(TypeError, match="Unable to load from type '<class 'int'>'"):
        ort.InferenceSession(5)
    with pytest.raises(TypeError, match="no_such_argument"):
        ort.InferenceSession(tiny_models.add(), no_such_argument=1)


def test_describes_inputs_and_outputs(session):
    x, y = session.get_inputs()
    assert (x.name, x.type, x.shape) == ("x", "tensor(float)", ["N", 3])
    assert (y.name, y.type, y.shape) == ("y", "tensor(float)", [None, 3])
    assert str(x) == "NodeArg(name='x', type='tensor(float)', shape=['N', 3])"
    assert [each.name for each in session.get_outputs()] == ["z"]
    assert session.get_overridable_initializers() == []


def test_describes_the_model():
    model = tiny_models.model(
        [helper.make_node("Relu", ["x"], ["y"])], [tiny_models.value("x")],
        [tiny_models.value("y")], producer_name="a tool", producer_version="1.2", domain="d.e",
        model_version=7, doc_string="what it does")
    helper.set_model_props(model, {"author": "someone", "ключ": "значение"})
    model.graph.doc_string = "the graph"
    meta = ort.InferenceSession(model.SerializeToString()).get_modelmeta()
    assert (meta.producer_name, meta.producer_version) == ("a tool", "1.2")
    assert (meta.graph_name, meta.graph_description) == ("tiny", "the graph")
    assert (meta.domain, meta.description, meta.version) == ("d.e", "what it does", 7)
    assert meta.custom_metadata_map == {"author": "someone", "ключ": "значение"}
    assert (meta.ir_version, meta.opsets) == (10, {"": 21})


def test_returns_outputs_in_the_order_asked():
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])]
    model = tiny_models.to_bytes(nodes, [tiny_models.value("x")],
                                 [tiny_models.value("a"), tiny_models.value("b")])
    session = ort.InferenceSession(model)
    x = np.float32([[-1, 0, 2]])
    b, a = session.run(["b", "a"], {"x": x})
    np.testing.assert_array_equal(a, np.maximum(x, 0))
    np.testing.assert_array_equal(b, -x)
    for names in (None, []):
        assert len(session.run(names, {"x": x})) == 2


def test_missing_inputs_are_a_value_error(session):
    with pytest.raises(ValueError) as caught:
        session.run(None, {"x": X})
    text = "Required inputs (['y']) are missing from input feed (['x'])."
    assert str(caught.value) == text


@pytest.mark.parametrize("feed, text", [
    ({"x": X.astype(np.float64), "y": X},
     "Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))"),
    ({"x": X, "y": X[0]}, "Invalid rank for input: y Got: 1 Expected: 2"),
    ({"x": X, "y": X[:, :2]}, "Got invalid dimensions for input: y for the following indices\n"
                              " index: 1 Got: 2 Expected: 3"),
    ({"x": X, "y": X, "other": X}, "Invalid input name: other"),
])
def test_wrong_inputs_are_invalid_arguments(session, feed, text):
    with pytest.raises(ort.InvalidArgument) as caught:
        session.run(None, feed)
    assert text in str(caught.value)
    assert caught.value.code == 2
    if "data type" in text:
        assert caught.value.place == "input 'x'"


def test_one_symbol_has_one_value():
    node = helper.make_node("Concat", ["x", "y"], ["z"], axis=1)
    model = tiny_models.to_bytes([node], [tiny_models.value("x"), tiny_models.value("y")],
                                 [tiny_models.value("z", shape=("N", 6))])
    with pytest.raises(ort.InvalidArgument) as caught:
        ort.InferenceSession(model).run(None, {"x": X, "y": X[:1]})
    assert "input: y" in str(caught.value) and "'N'" in str(caught.value)


def test_wrong_output_names(session):
    with pytest.raises(ort.InvalidArgument, match="Invalid output name:bad"):
        session.run(["bad"], {"x": X, "y": X})
    with pytest.raises(TypeError):
        session.run("z", {"x": X, "y": X})
    with pytest.raises(TypeError):
        session.run([1], {"x": X, "y": X})


def test_wrong_feeds(session):
    with pytest.raises(TypeError):
        session.run(None, [X, X])
    with pytest.raises(TypeError):
        session.run(None, {1: X, "x": X, "y": X})
    with pytest.raises(RuntimeError, match="Unable to handle object of type <class 'int'>"):
        session.run(None, {"x": 5, "y": X})


def test_takes_lists_and_other_mappings(session):
    import types

    feed = types.MappingProxyType({"x": X.tolist(), "y": ort.OrtValue.ortvalue_from_numpy(X)})
    np.testing.assert_array_equal(session.run(None, feed)[0], X + X)


def test_overridable_initializers_may_be_fed():
    from onnx import numpy_helper

    node = helper.make_node("Add", ["x", "y"], ["z"])
    initial = numpy_helper.from_array(np.float32([[10, 10, 10]]), "y")
    model = tiny_models.to_bytes([node], [tiny_models.value("x"),
                                          tiny_models.value("y", shape=(1, 3))],
                                 [tiny_models.value("z")], [initial])
    session = ort.InferenceSession(model)
    assert [each.name for each in session.get_inputs()] == ["x"]
    assert [each.name for each in session.get_overridable_initializers()] == ["y"]
    np.testing.assert_array_equal(session.run(None, {"x": X})[0], X + 10)
    other = np.float32([[1, 2, 3]])
    np.testing.assert_array_equal(session.run(None, {"x": X, "y": other})[0], X + other)


def test_the_only_provider_is_the_default(session):
    assert ort.get_available_providers()[-1] == "CPUExecutionProvider"
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_provider_options() == {"CPUExecutionProvider": {}}
    assert ort.get_device() == "CPU"


def test_a_missing_provider_is_an_error():
    for providers in (["CUDAExecutionProvider"], [("CUDAExecutionProvider", {"device_id": 0})]):
        with pytest.raises(ort.InvalidArgument) as caught:
            ort.InferenceSession(tiny_models.add(), providers=providers)
        assert "Unknown Provider Type: CUDAExecutionProvider" in str(caught.value)
        assert "CPUExecutionProvider" in str(caught.value)
    session = ort.InferenceSession(tiny_models.add())
    with pytest.raises(ort.InvalidArgument):
        session.set_providers(["CUDAExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_a_listed_fallback_is_used_and_said():
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        session = ort.InferenceSession(
            tiny_models.add(), providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("keywords", [
    {"providers": [3]}, {"providers": [("CPUExecutionProvider", 1)]},
    {"providers": ["CPUExecutionProvider"], "provider_options": [{}, {}]},
    {"provider_options": [{}]},
])
def test_malformed_providers_are_value_errors(keywords):
    with pytest.raises(ValueError):
        ort.InferenceSession(tiny_models.add(), **keywords)


def test_providers_of_the_session_options():
    options = ort.SessionOptions()
    options.add_provider("CPUExecutionProvider", {"a": "1"})
    assert options.has_providers()
    session = ort.InferenceSession(tiny_models.add(), options)
    assert session.get_provider_options() == {"CPUExecutionProvider": {"a": "1"}}
    options = ort.SessionOptions()
    options.add_provider("CUDAExecutionProvider")
    with pytest.raises(ort.InvalidArgument):
        ort.InferenceSession(tiny_models.add(), options)


def test_provider_options_come_back():
    session = ort.InferenceSession(tiny_models.add(), providers=["CPUExecutionProvider"],
                                   provider_options=[{"a": 1}])
    assert session.get_provider_options() == {"CPUExecutionProvider": {"a": "1"}}


def test_terminate_stops_a_run(session):
    options = ort.RunOptions()
    options.terminate = True
    with pytest.raises(ort.Fail, match="Exiting due to terminate flag being set to true."):
        session.run(None, {"x": X, "y": X}, options)
    options.terminate = False
    session.run(None, {"x": X, "y": X}, options)


def test_terminate_from_another_thread():
    weights = np.eye(700, dtype=np.float32)
    from onnx import numpy_helper

    nodes = [helper.make_node("MatMul", [f"t{i}" if i else "x", "w"], [f"t{i + 1}"])
             for i in range(400)]
    model = tiny_models.to_bytes(nodes, [tiny_models.value("x", shape=(700, 700))],
                                 [tiny_models.value("t400", shape=(700, 700))],
                                 [numpy_helper.from_array(weights, "w")])
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options)
    run_options = ort.RunOptions()
    timer = threading.Timer(0.2, setattr, (run_options, "terminate", True))
    timer.start()
    with pytest.raises(ort.Fail, match="terminate flag"):
        while True:  # the GIL is released, so the timer's thread gets its turn
            session.run(None, {"x": weights}, run_options)


def test_timeout_stops_a_run(session):
    options = ort.RunOptions()
    options.timeout = 1e-9
    with pytest.raises(ort.Fail, match="deadline"):
        session.run(None, {"x": X, "y": X}, options)


def test_run_async(session):
    done = threading.Event()
    seen = []

    def callback(results, user_data, error):
        seen.append((results, user_data, error))
        done.set()

    session.run_async(None, {"x": X, "y": X}, callback, "mine")
    assert done.wait(20)
    results, user_data, error = seen.pop()
    np.testing.assert_array_equal(results[0], X + X)
    assert (user_data, error) == ("mine", "")
    done.clear()
    session.run_async(None, {"x": X}, callback, None)
    assert done.wait(20)
    results, _, error = seen.pop()
    assert results == [] and "Required inputs (['y'])" in error


def test_many_threads_run_one_session(session):
    failures = []

    def work(seed):
        x = np.random.default_rng(seed).random((seed + 1, 3), np.float32)
        for _ in range(50):
            if not np.array_equal(session.run(None, {"x": x, "y": x})[0], x + x):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_profile_file(tmp_path):
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    session = ort.InferenceSession(tiny_models.add(), options)
    assert session.get_profiling_start_time_ns() > 0
    session.run(None, {"x": X, "y": X})
    name = session.end_profiling()
    assert name.startswith(options.profile_file_prefix) and name.endswith(".json")
    events = json.loads(pathlib.Path(name).read_text())
    whole = [event["name"] for event in events if event["cat"] == "Session"]
    assert whole == ["model_loading_array", "session_initialization", "model_run"]
    node = next(event for event in events if event["cat"] == "Node")
    assert node["name"].startswith("add0") and node["ph"] == "X" and node["dur"] >= 0
    assert node["args"]["op_name"] == "Add"


def test_no_profile_when_not_asked(session):
    session.run(None, {"x": X, "y": X})
    assert session.end_profiling() == ""


def test_outputs_do_not_share_memory_with_inputs_or_weights():
    session = ort.InferenceSession(tiny_models.identity())
    x = X.copy()
    y = session.run(None, {"x": x})[0]
    y[:] = -1
    np.testing.assert_array_equal(x, X)

    constant = helper.make_node("Constant", [], ["y"],
                                value=helper.make_tensor("v", TensorProto.FLOAT, [3], [1, 2, 3]))
    session = ort.InferenceSession(
        tiny_models.to_bytes([constant], [], [tiny_models.value("y", shape=(3,))]))
    first = session.run(None, {})[0]
    first[:] = 9
    np.testing.assert_array_equal(session.run(None, {})[0], [1, 2, 3])


def test_outputs_outlive_the_session():
    session = ort.InferenceSession(tiny_models.add())
    z = session.run(None, {"x": X, "y": X})[0]
    del session
    np.testing.assert_array_equal(z, X + X)
