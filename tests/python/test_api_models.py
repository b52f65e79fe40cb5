"""Models through ONNX Runtime's Python API: compiling, adapters, external data, bodies, thread pools;
every test holds of the original as well."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tiny_models
from both_runtimes import both, quiet, state
from onnx import TensorProto, helper, numpy_helper

X = np.float32([[1, 2], [3, 4], [5, 6]])
W = np.arange(1200, dtype=np.float32).reshape(2, 600)


def product():
    """y = x @ w with a constant w of 4,800 bytes."""
    return onnx.load_from_string(tiny_models.matmul(W))


@pytest.fixture
def path(tmp_path):
    model = product()
    model.opset_import[0].version = 17
    model.ir_version = 8
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def check_runs(ort, model):
    result = ort.InferenceSession(model).run(None, {"x": X})[0]
    np.testing.assert_allclose(result, X @ W, rtol=1e-6)


# ---- compiling


@both
def test_compile(ort, path):
    options = ort.SessionOptions()
    target = path.with_name("compiled.onnx")
    for source in (str(path), path.read_bytes()):
        target.unlink(missing_ok=True)
        compiler = ort.ModelCompiler(options, source, embed_compiled_data_into_model=True)
        compiler.compile_to_file(str(target))
        check_runs(ort, str(target))
        check_runs(ort, compiler.compile_to_bytes())
        parts = []
        compiler.compile_to_stream(lambda part: parts.append(bytes(part)))
        check_runs(ort, b"".join(parts))


@both
def test_compile_beside_the_input(ort, path):
    ort.ModelCompiler(ort.SessionOptions(), str(path)).compile_to_file(
        str(path.with_name("model_ctx.onnx")))
    check_runs(ort, str(path.with_name("model_ctx.onnx")))
    compiler = ort.ModelCompiler(ort.SessionOptions(), path.read_bytes())
    with pytest.raises((TypeError, state(ort).InvalidArgument)):
        compiler.compile_to_file()


@both
def test_compile_with_weights_apart(ort, path):
    target = path.with_name("compiled.onnx")
    compiler = ort.ModelCompiler(
        quiet(ort), str(path), external_initializers_file_path="weights.bin",
        external_initializers_size_threshold=100)
    compiler.compile_to_file(str(target))
    assert path.with_name("weights.bin").stat().st_size >= W.nbytes > target.stat().st_size
    check_runs(ort, str(target))


@both
def test_compile_flags(ort, path):
    flags, binding = ort.OrtCompileApiFlags, state(ort)
    target = path.with_name("compiled.onnx")
    target.write_bytes(b"")
    with pytest.raises(binding.Fail, match="exists already"):
        ort.ModelCompiler(quiet(ort), str(path), flags=flags.ERROR_IF_OUTPUT_FILE_EXISTS
                          ).compile_to_file(str(target))
    with pytest.raises(binding.Fail, match="compile"):
        ort.ModelCompiler(quiet(ort), str(path), flags=flags.ERROR_IF_NO_NODES_COMPILED
                          ).compile_to_file(str(path.with_name("other.onnx")))
    both_flags = flags.ERROR_IF_NO_NODES_COMPILED | flags.ERROR_IF_OUTPUT_FILE_EXISTS
    assert int(both_flags) == 3


@both
def test_compile_refuses(ort, path):
    for source, kind, text in (("", ValueError, "Input model path is empty"),
                               (b"", ValueError, "Input model bytes array is empty"),
                               (5, TypeError, "Unable to load from type '<class 'int'>'")):
        with pytest.raises(kind, match=text):
            ort.ModelCompiler(ort.SessionOptions(), source)
    with pytest.raises(ValueError, match="Cannot initialize ModelCompiler with both"):
        ort.ModelCompiler(ort.SessionOptions(), str(path), external_initializers_file_path="x",
                          get_initializer_location_func=lambda *given: None)
    with pytest.raises(RuntimeError if ort.__name__ == "sardonyx" else Exception):
        ort.ModelCompiler(quiet(ort), b"no model").compile_to_bytes()


# ---- adapters


@both
def test_adapters(ort, tmp_path):
    """y = x @ (w + a @ b), where an adapter gives a and b."""
    nodes = [helper.make_node("MatMul", ["a", "b"], ["d"]), helper.make_node("Add", ["w", "d"], ["v"]),
             helper.make_node("MatMul", ["x", "v"], ["y"])]
    none = np.zeros((2, 0), np.float32)
    weights = np.float32([[1, 2], [3, 4]])
    model = tiny_models.to_bytes(
        nodes, [tiny_models.value("x", shape=(3, 2)), tiny_models.value("a", shape=(2, "r")),
                tiny_models.value("b", shape=("r", 2))],
        [tiny_models.value("y", shape=(3, 2))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(none, "a"),
         numpy_helper.from_array(none.T.copy(), "b")], opset=17)
    a, b = np.float32([[1], [2]]), np.float32([[3, 4]])
    written = ort.AdapterFormat()
    written.set_adapter_version(3)
    written.set_model_version(7)
    written.set_parameters({"a": ort.OrtValue.ortvalue_from_numpy(a),
                            "b": ort.OrtValue.ortvalue_from_numpy(b)})
    path = tmp_path / "one.onnx_adapter"
    written.export_adapter(str(path))
    read = ort.AdapterFormat.read_adapter(str(path))
    assert (read.get_format_version(), read.get_adapter_version(), read.get_model_version()) == (1, 3, 7)
    assert {name: value.numpy().tolist() for name, value in read.get_parameters().items()} == {
        "a": a.tolist(), "b": b.tolist()}  # fmt: skip

    session, adapter = ort.InferenceSession(model), ort.LoraAdapter()
    adapter.Load(str(path))
    options = ort.RunOptions()
    options.add_active_adapter(adapter)
    np.testing.assert_array_equal(session.run(None, {"x": X})[0], X @ weights)
    np.testing.assert_array_equal(session.run(None, {"x": X}, options)[0], X @ (weights + a @ b))
    with pytest.raises(RuntimeError):
        ort.LoraAdapter().Load(str(tmp_path / "gone.onnx_adapter"))


@pytest.mark.parametrize("writer, reader", [(0, 1), (1, 0)])
def test_adapters_of_each_other(writer, reader, tmp_path):
    import onnxruntime

    import sardonyx

    pair = (onnxruntime, sardonyx)
    value = pair[writer].OrtValue.ortvalue_from_numpy(np.int64([[1, 2], [3, 4]]))
    adapter = pair[writer].AdapterFormat()
    adapter.set_parameters({"name": value})
    adapter.export_adapter(str(tmp_path / "a.onnx_adapter"))
    read = pair[reader].AdapterFormat.read_adapter(str(tmp_path / "a.onnx_adapter"))
    assert read.get_parameters()["name"].numpy().tolist() == [[1, 2], [3, 4]]


# ---- files


@both
def test_external_data_below_the_model(ort, path):
    (path.parent / "data").mkdir()
    onnx.save_model(product(), path, save_as_external_data=True, location="data/weights.bin",
                    size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    model.opset_import[0].version, model.ir_version = 17, 8
    path.write_bytes(model.SerializeToString())
    check_runs(ort, str(path))
    entry, = (each for each in model.graph.initializer[0].external_data if each.key == "location")
    entry.value = "../weights.bin"
    path.write_bytes(model.SerializeToString())
    (path.parent.parent / "weights.bin").write_bytes(W.tobytes())
    with pytest.raises(Exception, match="(?i)outside|escape|below|folder|directory"):
        ort.InferenceSession(str(path), quiet(ort))


@both
def test_external_data_needs_its_folder(ort, path):
    onnx.save_model(product(), path, save_as_external_data=True, location="weights.bin",
                    size_threshold=0)
    with pytest.raises(Exception):
        ort.InferenceSession(path.read_bytes(), quiet(ort))
    options = quiet(ort)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path",
                                     str(path.parent))
    check = onnx.load(path, load_external_data=False)
    check.opset_import[0].version, check.ir_version = 17, 8
    session = ort.InferenceSession(check.SerializeToString(), options)
    np.testing.assert_allclose(session.run(None, {"x": X})[0], X @ W, rtol=1e-6)


# ---- bodies


@both
def test_bodies_in_bodies(ort):
    """A Loop whose body has an If, whose branches use values of the main graph."""
    def branch(name, op):
        return helper.make_graph([helper.make_node(op, ["v", "x"], ["r"])], name, [],
                                 [tiny_models.value("r", shape=(2,))])

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]),
         helper.make_node("Mod", ["i", "two"], ["odd"]), helper.make_node("Cast", ["odd"], ["is_odd"],
                                                                           to=TensorProto.BOOL),
         helper.make_node("If", ["is_odd"], ["w"], then_branch=branch("then", "Add"),
                          else_branch=branch("else", "Mul"))],
        "body", [tiny_models.value("i", TensorProto.INT64, ()), tiny_models.value("go", TensorProto.BOOL, ()),
                 tiny_models.value("v", shape=(2,))],
        [tiny_models.value("again", TensorProto.BOOL, ()), tiny_models.value("w", shape=(2,))])
    loop = helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)
    two = helper.make_tensor("two", TensorProto.INT64, [], [2])
    model = tiny_models.to_bytes(
        [loop], [tiny_models.value("n", TensorProto.INT64, ()), tiny_models.value("x", shape=(2,))],
        [tiny_models.value("y", shape=(2,))], [two], opset=17)
    session, x = ort.InferenceSession(model), np.float32([2, 3])
    wanted = x
    for i in range(5):
        got = session.run(None, {"n": np.array(i), "x": x})[0]
        np.testing.assert_array_equal(got, wanted)
        wanted = wanted + x if i % 2 else wanted * x


# ---- threads


@pytest.mark.parametrize("module", ["onnxruntime", "sardonyx"])
def test_global_thread_pools(module):
    """In a process of its own: the original takes them before its first session only."""
    code = f"""
import numpy as np, {module} as ort, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import tiny_models
ort.set_global_thread_pool_sizes(2, 1)
options = ort.SessionOptions()
options.use_per_session_threads = False
session = ort.InferenceSession(tiny_models.add(), options)
x = np.ones((2, 3), np.float32)
assert (session.run(None, {{"x": x, "y": x}})[0] == 2).all()
for wrong in ((-1, 0), (0, -1)):
    try:
        ort.set_global_thread_pool_sizes(*wrong)
    except Exception as error:
        continue
    raise SystemExit("took " + repr(wrong))
"""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@both
def test_failed_sessions_leave_nothing(ort, tmp_path):
    options = quiet(ort)
    options.optimized_model_filepath = str(tmp_path / "never.onnx")
    with pytest.raises(state(ort).InvalidProtobuf):
        ort.InferenceSession(b"nothing", options)
    assert list(tmp_path.iterdir()) == []
