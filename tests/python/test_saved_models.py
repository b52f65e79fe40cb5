"""Models that a session writes out after its passes, and external data given from memory."""

import numpy as np
import onnx
import onnxruntime
import pytest
import sardonyx
import sardonyx as ort
import tiny_models
from both_runtimes import both, failure, quiet
from onnx import TensorProto, helper, numpy_helper

LEVEL = ort.GraphOptimizationLevel
LEVELS = [LEVEL.ORT_DISABLE_ALL, LEVEL.ORT_ENABLE_BASIC, LEVEL.ORT_ENABLE_EXTENDED,
          LEVEL.ORT_ENABLE_ALL]
RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.standard_normal((3, 3)).astype("f4")


def convolutions():
    """Two convolutions with BatchNormalization, Relu, a residual Add and a Gemm."""
    w = RANDOM.standard_normal((16, 8, 3, 3)).astype("f4")
    v = RANDOM.standard_normal((8, 16, 1, 1)).astype("f4")
    norm = [RANDOM.random(16).astype("f4") + 0.5 for _ in range(4)]
    arrays = {"w": w, "v": v, "s": norm[0], "b": norm[1], "m": norm[2], "q": norm[3],
              "g": RANDOM.standard_normal((8, 5)).astype("f4")}
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        make("BatchNormalization", ["c", "s", "b", "m", "q"], ["n"]),
        make("Relu", ["n"], ["r"]), make("Conv", ["r", "v"], ["p"]), make("Add", ["p", "x"], ["a"]),
        make("GlobalAveragePool", ["a"], ["h"]), make("Flatten", ["h"], ["f"]),
        make("Gemm", ["f", "g"], ["y"]),
    ]
    return tiny_models.to_bytes(
        nodes, [tiny_models.value("x", shape=("N", 8, 7, 9))],
        [tiny_models.value("y", shape=("N", 5)), tiny_models.value("r", shape=None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()], opset=15)


def branches():
    """If whose bodies capture an input and a weight, inside a Loop that carries a value: + x in
    even steps, @ WEIGHT in odd ones."""
    weight = numpy_helper.from_array(WEIGHT, "w")
    make = helper.make_node

    def body(name, *nodes):
        return helper.make_graph(list(nodes), name, [], [tiny_models.value("o", shape=None)])

    odd = body("odd", make("MatMul", ["carried", "w"], ["o"]))
    even = body("even", make("Add", ["carried", "x"], ["o"]))
    loop = helper.make_graph(
        [make("Mod", ["i", "two"], ["left"]), make("Cast", ["left"], ["is_odd"], to=9),
         make("If", ["is_odd"], ["next"], then_branch=odd, else_branch=even),
         make("Identity", ["going"], ["still"])],
        "steps",
        [tiny_models.value("i", TensorProto.INT64, ()),
         tiny_models.value("going", TensorProto.BOOL, ()),
         tiny_models.value("carried", shape=None)],
        [tiny_models.value("still", TensorProto.BOOL, ()), tiny_models.value("next", shape=None)])
    return tiny_models.to_bytes(
        [make("Loop", ["n", "", "x"], ["y"], body=loop), make("Identity", ["x"], ["same"])],
        [tiny_models.value("x", shape=("N", 3)), tiny_models.value("n", TensorProto.INT64, ())],
        [tiny_models.value("y", shape=("N", 3)), tiny_models.value("same", shape=("N", 3)),
         tiny_models.value("x", shape=("N", 3))],
        [weight, numpy_helper.from_array(np.int64(2), "two")])


MODELS = {
    "convolutions": (convolutions(),
                     {"x": RANDOM.standard_normal((2, 8, 7, 9)).astype("f4")}),
    "branches": (branches(),
                 {"x": RANDOM.standard_normal((2, 3)).astype("f4"), "n": np.array(4)}),
}


def save(model, path, level, **config):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    for name, entry in config.items():
        options.add_session_config_entry(
            f"session.optimized_model_external_initializers_{name}", entry)
    return ort.InferenceSession(model, options)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_runs_alike(name, level, tmp_path):
    model, feeds = MODELS[name]
    path = tmp_path / "saved.onnx"
    first = save(model, path, level)
    again = ort.SessionOptions()
    again.graph_optimization_level = LEVEL.ORT_DISABLE_ALL
    second = ort.InferenceSession(str(path), again)
    assert [(each.name, each.type) for each in second.get_outputs()] == [
        (each.name, each.type) for each in first.get_outputs()]
    for one, other in zip(first.run(None, feeds), second.run(None, feeds)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_at_the_basic_level_it_is_plain_onnx(name, tmp_path):
    path = tmp_path / "saved.onnx"
    save(MODELS[name][0], path, LEVEL.ORT_ENABLE_BASIC)
    saved = onnx.load(path)
    onnx.checker.check_model(saved, full_check=True)
    assert {each.domain for each in saved.opset_import} == {""}


def test_others_run_what_the_basic_level_saved(tmp_path):
    from onnx.reference import ReferenceEvaluator

    model, feeds = MODELS["convolutions"]
    path = tmp_path / "saved.onnx"
    got = save(model, path, LEVEL.ORT_ENABLE_BASIC).run(None, feeds)
    expected = ReferenceEvaluator(onnx.load_from_string(model)).run(None, feeds)
    for results in (got, ReferenceEvaluator(onnx.load(path)).run(None, feeds)):
        for one, other in zip(results, expected):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_saved_branches_take_the_same_way(tmp_path):
    # Not by the reference evaluator of onnx 1.22: its If inside a Loop loses the carried value.
    model, feeds = MODELS["branches"]
    path = tmp_path / "saved.onnx"
    save(model, path, LEVEL.ORT_ENABLE_BASIC)
    x = feeds["x"]
    got = ort.InferenceSession(str(path)).run(None, feeds)
    np.testing.assert_allclose(got[0], ((x + x) @ WEIGHT + x) @ WEIGHT, rtol=1e-5, atol=1e-5)


def test_weights_beside_the_saved_model(tmp_path):
    model, feeds = MODELS["convolutions"]
    path = tmp_path / "saved.onnx"
    expected = save(model, path, LEVEL.ORT_ENABLE_BASIC, file_name="weights.bin",
                    min_size_in_bytes="100").run(None, feeds)
    assert (tmp_path / "weights.bin").stat().st_size >= 16 * 8 * 9 * 4
    got = ort.InferenceSession(str(path)).run(None, feeds)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5, atol=1e-5)
    with pytest.raises(ort.InvalidArgument, match="min_size_in_bytes"):
        save(model, path, LEVEL.ORT_ENABLE_BASIC, file_name="weights.bin", min_size_in_bytes="x")


def test_what_cannot_be_saved_says_where(tmp_path):
    with pytest.raises(ort.Error, match="no_such_folder"):
        save(tiny_models.add(), tmp_path / "no_such_folder" / "x.onnx", LEVEL.ORT_ENABLE_ALL)


def test_metadata_is_kept(tmp_path):
    model = onnx.load_from_string(tiny_models.add())
    model.producer_name, model.model_version, model.doc_string = "me", 7, "about"
    model.metadata_props.add(key="k", value="v")
    path = tmp_path / "saved.onnx"
    save(model.SerializeToString(), path, LEVEL.ORT_ENABLE_ALL)
    meta = ort.InferenceSession(str(path)).get_modelmeta()
    assert (meta.producer_name, meta.version, meta.description) == ("me", 7, "about")
    assert meta.custom_metadata_map == {"k": "v"}


def test_model_compiler(tmp_path):
    model, feeds = MODELS["convolutions"]
    expected = ort.InferenceSession(model).run(None, feeds)[0]
    compiler = ort.ModelCompiler(ort.SessionOptions(), model,
                                 graph_optimization_level=LEVEL.ORT_ENABLE_ALL)
    parts = []
    compiler.compile_to_stream(parts.append)
    for compiled in (compiler.compile_to_bytes(), b"".join(parts)):
        got = ort.InferenceSession(compiled).run(None, feeds)[0]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    path = tmp_path / "in.onnx"
    path.write_bytes(model)
    flags = ort.OrtCompileApiFlags.ERROR_IF_OUTPUT_FILE_EXISTS
    compiler = ort.ModelCompiler(ort.SessionOptions(), str(path), flags=flags)
    compiler.compile_to_file()
    assert (tmp_path / "in_ctx.onnx").exists()
    with pytest.raises(ort.Fail, match="exists already"):
        compiler.compile_to_file()
    compiler = ort.ModelCompiler(ort.SessionOptions(), str(path),
                                 flags=ort.OrtCompileApiFlags.ERROR_IF_NO_NODES_COMPILED)
    with pytest.raises(ort.Fail, match="compiles"):
        compiler.compile_to_file()


def external_model(array, location="weights.bin"):
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=array.shape,
                          data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "4"), ("length", str(array.nbytes))):
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return tiny_models.to_bytes([node], [tiny_models.value("x")],
                                [tiny_models.value("y", shape=None)], [weights])


def test_external_data_from_memory():
    array = RANDOM.standard_normal((3, 5)).astype("f4")
    contents = b"\0\0\0\0" + array.tobytes()
    options = ort.SessionOptions()
    options.add_external_initializers_from_files_in_memory(["weights.bin"], [contents],
                                                           [len(contents)])
    session = ort.InferenceSession(external_model(array), options)
    del contents, options
    x = np.float32([[1, 2, 3]])
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ array, rtol=1e-5)


def test_external_data_from_memory_that_does_not_fit():
    array = np.ones((3, 5), np.float32)
    options = ort.SessionOptions()
    add = options.add_external_initializers_from_files_in_memory
    with pytest.raises(ort.InvalidArgument, match="as many"):
        add(["a"], [], [1])
    with pytest.raises(ort.InvalidArgument, match="length"):
        add(["weights.bin"], [b"abc"], [4])
    add(["weights.bin"], [b"abc"], [3])
    with pytest.raises(ort.Error, match="only 3 bytes"):
        ort.InferenceSession(external_model(array), options)
    with pytest.raises(ort.Error, match="other.bin"):
        ort.InferenceSession(external_model(array, "other.bin"), options)


def test_adapters(tmp_path):
    """y = x + a @ b with a and b that an adapter replaces; a file of ONNX Runtime's format."""
    zeros = [numpy_helper.from_array(np.zeros((3, 3), "f4"), name) for name in "ab"]
    values = [tiny_models.value(name, shape=(3, 3)) for name in "xab"]
    model = tiny_models.to_bytes(
        [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])],
        values, [tiny_models.value("y", shape=(3, 3))], zeros)
    a, b, x = (RANDOM.standard_normal((3, 3)).astype("f4") for _ in range(3))
    written = ort.AdapterFormat()
    written.set_adapter_version(5)
    written.set_model_version(6)
    written.set_parameters({name: ort.OrtValue.ortvalue_from_numpy(array)
                            for name, array in (("a", a), ("b", b))})
    path = str(tmp_path / "lora.onnx_adapter")
    written.export_adapter(path)
    read = ort.AdapterFormat.read_adapter(path)
    assert (read.get_format_version(), read.get_adapter_version(), read.get_model_version()) == (
        1, 5, 6)
    np.testing.assert_array_equal(read.get_parameters()["b"].numpy(), b)

    session = ort.InferenceSession(model)
    options = ort.RunOptions()
    adapter = ort.LoraAdapter()
    with pytest.raises(ort.InvalidArgument, match="Load"):
        options.add_active_adapter(adapter)
    adapter.Load(path)
    options.add_active_adapter(adapter)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x)
    np.testing.assert_allclose(session.run(None, {"x": x}, options)[0], x + a @ b, rtol=1e-5,
                               atol=1e-5)
    np.testing.assert_allclose(session.run(None, {"x": x, "a": b}, options)[0], x + b @ b,
                               rtol=1e-5, atol=1e-5)


def test_adapters_that_do_not_fit(tmp_path):
    adapter = ort.AdapterFormat()
    adapter.set_parameters({"nobody": ort.OrtValue.ortvalue_from_numpy(np.float32([1]))})
    path = tmp_path / "lora.onnx_adapter"
    adapter.export_adapter(path)
    lora = ort.LoraAdapter()
    lora.Load(path)
    options = ort.RunOptions()
    options.add_active_adapter(lora)
    x = np.ones((1, 3), np.float32)
    with pytest.raises(ort.InvalidArgument, match="nobody"):
        ort.InferenceSession(tiny_models.add()).run(None, {"x": x, "y": x}, options)
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:-9], whole[:20]):
        path.write_bytes(damaged)
        with pytest.raises(ort.Error, match="lora.onnx_adapter"):
            lora.Load(path)


# ---- where a ModelCompiler puts initializers


def two_weights():
    """y = x @ w + b, both weights of over 1 KB."""
    arrays = {"w": RANDOM.standard_normal((3, 300)).astype("f4"), "b": np.ones(300, "f4")}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["t"]), helper.make_node("Add", ["t", "b"], ["y"])]
    return arrays, tiny_models.model(
        nodes, [tiny_models.value("x")], [tiny_models.value("y", shape=None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()], opset=17)


def places_in(path):
    return {each.name: {entry.key: entry.value for entry in each.external_data}
            for each in onnx.load(path, load_external_data=False).graph.initializer}


@both
def test_initializers_go_where_the_program_says(ort, tmp_path):
    arrays, model = two_weights()
    asked = {}
    with open(tmp_path / "mine.bin", "wb") as file:

        def locate(name, value, origin):
            asked[name] = (value.numpy().copy(), origin)
            if name == "b":
                return None
            offset = file.write(b"x" * 64)
            file.write(value.numpy().tobytes())
            return ort.OrtExternalInitializerInfo("mine.bin", offset, value.tensor_size_in_bytes())

        ort.ModelCompiler(quiet(ort), model.SerializeToString(),
                          get_initializer_location_func=locate).compile_to_file(
            str(tmp_path / "out.onnx"))
    assert set(asked) == {"w", "b"}
    for name, (value, origin) in asked.items():
        np.testing.assert_array_equal(value, arrays[name])
        assert origin is None
    assert places_in(tmp_path / "out.onnx") == {
        "w": {"location": "mine.bin", "offset": "64", "length": "3600"}, "b": {}}
    x = np.float32([[1, 2, 3]])
    for runtime in (onnxruntime, sardonyx):
        session = runtime.InferenceSession(str(tmp_path / "out.onnx"), quiet(runtime))
        np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ arrays["w"] + arrays["b"],
                                   rtol=1e-5, atol=1e-5)


@both
@pytest.mark.parametrize("name, threshold, outside", [
    ("weights.bin", 1024, {"w", "b"}), ("below/weights.bin", 1024, {"w", "b"}),
    ("weights.bin", 1201, {"w"}), ("weights.bin", 3601, set()),
])  # fmt: skip
def test_initializers_beside_the_model(ort, name, threshold, outside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    _, model = two_weights()
    compiler = ort.ModelCompiler(
        quiet(ort), model.SerializeToString(), external_initializers_file_path=name,
        external_initializers_size_threshold=threshold)
    for to_file in (True, False):
        if to_file:
            compiler.compile_to_file("out.onnx")
        else:
            (tmp_path / "out.onnx").write_bytes(compiler.compile_to_bytes())
        places = {key: place.get("location") for key, place in places_in("out.onnx").items()}
        assert {key for key, place in places.items() if place == name} == outside
        assert (tmp_path / name).exists() == bool(outside)
        files = {each.name for each in tmp_path.rglob("*") if each.is_file()}
        assert files == {"out.onnx"} | ({"weights.bin"} if outside else set())
        (tmp_path / name).unlink(missing_ok=True)


@both
def test_initializers_that_cannot_be_there(ort, tmp_path):
    _, model = two_weights()
    compiler = ort.ModelCompiler(quiet(ort), model.SerializeToString(),
                                 external_initializers_file_path=str(tmp_path / "weights.bin"))
    with pytest.raises(failure(ort, "Fail")):
        compiler.compile_to_file(str(tmp_path / "out.onnx"))


@both
def test_initializers_may_stay_in_the_file_that_they_are_in(ort, tmp_path):
    _, model = two_weights()
    onnx.save(model, tmp_path / "in.onnx", save_as_external_data=True, location="weights.bin",
              size_threshold=100)
    before = places_in(tmp_path / "in.onnx")
    seen = {}

    def locate(name, value, origin):
        seen[name] = (origin.filepath, origin.file_offset, origin.byte_size)
        return origin if name == "w" else None

    compiler = ort.ModelCompiler(quiet(ort), str(tmp_path / "in.onnx"),
                                 get_initializer_location_func=locate)
    compiled = onnx.load_from_string(compiler.compile_to_bytes())
    assert seen == {name: (place["location"], int(place["offset"]), int(place["length"]))
                    for name, place in before.items()}
    (tmp_path / "out.onnx").write_bytes(compiled.SerializeToString())
    after = places_in(tmp_path / "out.onnx")
    assert {"offset": "0"} | after["w"] == before["w"] and after["b"] == {}


@both
def test_what_the_function_that_places_gets_wrong(ort, tmp_path):
    _, model = two_weights()

    def compiling(function, **keywords):
        compiler = ort.ModelCompiler(quiet(ort), model.SerializeToString(),
                                     get_initializer_location_func=function, **keywords)
        compiler.compile_to_file(str(tmp_path / "out.onnx"))

    def raises(*_):
        raise ValueError("no room")

    with pytest.raises(failure(ort, "Fail"), match="ValueError: no room"):
        compiling(raises)
    with pytest.raises(failure(ort, "Fail")):
        compiling(lambda *_: "out.bin")
    with pytest.raises(ValueError, match="with both `external_initializers_file_path` and"):
        compiling(raises, external_initializers_file_path="weights.bin")


def test_places_that_cannot_be():
    """ONNX Runtime writes them down."""
    _, model = two_weights()
    for place in (("", 0, 3600), ("w.bin", -1, 3600), ("w.bin", 0, 3599)):
        compiler = ort.ModelCompiler(
            ort.SessionOptions(), model.SerializeToString(),
            get_initializer_location_func=lambda *_, place=place: ort.OrtExternalInitializerInfo(
                *place))
        with pytest.raises(ort.InvalidArgument, match="place of initializer"):
            compiler.compile_to_bytes()


@both
def test_functions_for_data_that_providers_compile(ort):
    """No provider of the CPU compiles nodes: functions for their data are taken, and not called."""
    model = tiny_models.add()
    compiler = ort.ModelCompiler(quiet(ort), model)
    compiler.set_ep_context_data_write_func(lambda name, data: pytest.fail("called"))
    assert onnx.load_from_string(compiler.compile_to_bytes()).graph.node[0].op_type == "Add"
    compiler.clear_ep_context_data_write_func()
    options = quiet(ort)
    options.set_ep_context_data_read_func(lambda name, buffer: pytest.fail("called"), 100)
    x = np.ones((1, 3), np.float32)
    ort.InferenceSession(model, options).run(None, {"x": x, "y": x})
    options.clear_ep_context_data_read_func()
    for arguments in ((None, 100), (lambda *_: None, 0)):
        with pytest.raises(RuntimeError):
            options.set_ep_context_data_read_func(*arguments)
