"""Saved models import the operator sets of their origin where those say what is in them, else the
oldest that do; ONNX Runtime runs them and gives what the specification's old versions say."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import sardonyx
import small_nets
import test_saved_models
import tiny_models
from onnx import TensorProto, helper, numpy_helper
from tiny_models import value

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
import old_opset_layers  # noqa: E402
import old_opsets  # noqa: E402

LEVEL = sardonyx.GraphOptimizationLevel
make = helper.make_node


def quiet():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return options


def loads(model):
    try:
        return onnxruntime.InferenceSession(model, quiet(), providers=["CPUExecutionProvider"])
    except Exception:
        return None


def save(model, path, level=LEVEL.ORT_DISABLE_ALL):
    options = sardonyx.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    session = sardonyx.InferenceSession(model, options)
    return session, onnx.load(path)


def opset(model):
    return {each.domain: each.version for each in model.opset_import}.get("")


def is_valid(model):
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception:
        return False
    return True


def runtime_of(path, level):
    """A runtime that runs models of which ONNX Runtime runs what this library saved."""

    class InferenceSession:
        def __init__(self, model):
            self.session, saved = save(model, path, level)
            origin = onnx.load_from_string(model)
            assert opset(saved) >= opset(origin)
            if is_valid(origin):
                onnx.checker.check_model(saved, full_check=True)
            self.origin, self.saved = loads(model), None
            if self.origin is not None:
                self.saved = onnxruntime.InferenceSession(
                    path, quiet(), providers=["CPUExecutionProvider"])

        def run(self, names, feeds):
            if self.saved is None:
                return self.session.run(names, feeds)
            try:
                return self.saved.run(names, feeds)
            except Exception as error:  # fine where it is no better with what was saved
                with pytest.raises(type(error)):
                    self.origin.run(names, feeds)
                return self.session.run(names, feeds)

    return type("Runtime", (), {"InferenceSession": InferenceSession})


# What ONNX Runtime does otherwise, in all opsets.
NO_BOUND = "bounds that are left out are the largest floats there"
FLOAT8 = "its Python has no float8"
OTHERWISE = {
    "Clip-1 no upper bound": NO_BOUND, "Clip-1 no bounds": NO_BOUND,
    "Clip-11 min left out": NO_BOUND,
    "Cast-19 FLOAT8E4M3FN": FLOAT8, "Cast-19 FLOAT8E4M3FN saturate=0": FLOAT8,
    "Cast-19 FLOAT8E5M2": FLOAT8, "Cast-19 FLOAT8E5M2 saturate=0": FLOAT8,
    "DFT-17 axis an attribute": "its sums are not as close",
    "DFT-20 axis an input": "its sums are not as close",
    "Bernoulli-15": "other random numbers",
    "Resize-11 sizes": "scales that are fed, and empty, cannot be said after version 11",
    "Resize-11 sizes, all constant": "empty scales that could be fed as well, likewise",
}  # fmt: skip
CASES = {each.name: each for each in old_opset_layers.CASES}
LEVELS = [LEVEL.ORT_DISABLE_ALL, LEVEL.ORT_ENABLE_BASIC]


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
@pytest.mark.parametrize("name", [name for name in CASES if name not in OTHERWISE])
def test_old_meanings(name, level, tmp_path):
    old_opsets.run_case(CASES[name], runtime_of(tmp_path / "saved.onnx", level))


COVERED = {(each.op, onnx.defs.get_schema(each.op, each.opset).since_version)
           for each in CASES.values()}
OLDER = {f"{schema.name}-{schema.since_version}": schema for schema in old_opsets.older_versions()
         if (schema.name, schema.since_version) not in COVERED}
# Said otherwise today, itself or in its body.
CHANGED = {"LabelEncoder", "Loop", "Scatter", "Upsample"}


@pytest.mark.parametrize("name", [name for name in OLDER if name not in OTHERWISE])
def test_older_versions_that_mean_the_same(name, tmp_path):
    old_opsets.run_recipe(OLDER[name],
                          runtime_of(tmp_path / "saved.onnx", LEVEL.ORT_DISABLE_ALL))


def one_case_of_each_operator():
    chosen = {}
    nodes = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
    for folder in sorted(nodes.iterdir()):
        path = folder / "model.onnx"
        if not path.exists():
            continue
        operators = {node.op_type for node in onnx.load(path).graph.node}
        if len(operators) == 1:
            chosen.setdefault(operators.pop(), path)
    return chosen


NEWEST = one_case_of_each_operator()


@pytest.mark.parametrize("name", NEWEST)
def test_what_needs_nothing_newer_stays(name, tmp_path):
    origin = onnx.load(NEWEST[name])
    _, saved = save(origin.SerializeToString(), tmp_path / "saved.onnx")
    onnx.checker.check_model(saved)
    assert saved.ir_version == max(origin.ir_version, 4)
    assert opset(saved) == opset(origin) or name in CHANGED
    if loads(str(NEWEST[name])) is not None:
        assert loads(str(tmp_path / "saved.onnx")) is not None


def one_node(op, opset, *inputs, initializers=(), ir_version=6, outputs=1, **attributes):
    names = [each.name for each in (*inputs, *initializers)]
    results = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph([make(op, names, results, **attributes)], "one", inputs,
                              [value(name, shape=None) for name in results], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                             ir_version=ir_version).SerializeToString()  # fmt: skip


X = value("x", shape=("N", 6))
SIZES = numpy_helper.from_array(np.int64([2, 4]), "sizes")


@pytest.mark.parametrize("model, wanted", [
    (one_node("Relu", 7, X), 7),  # types alone were added
    (one_node("Cast", 9, X, to=TensorProto.FLOAT16), 9),  # attributes were, and are at their default
    (one_node("Softmax", 12, X), 13),  # another meaning
    (one_node("ReduceMean", 11, X, axes=[1]), 18),  # the axes are an input
    (one_node("Split", 13, X, initializers=[SIZES], outputs=2, axis=1), 18),
    (one_node("Shape", 15, X, start=1), 15),
    (one_node("Gelu", 20, X), 20), (one_node("Identity", 26, X, ir_version=11), 26),
])  # fmt: skip
def test_the_oldest_set_that_says_it(model, wanted, tmp_path):
    _, saved = save(model, tmp_path / "saved.onnx")
    assert opset(saved) == wanted
    assert saved.ir_version == onnx.load_from_string(model).ir_version
    assert loads(str(tmp_path / "saved.onnx")) is not None


def test_a_model_without_nodes(tmp_path):
    model = tiny_models.to_bytes([], [value("x")], [value("x")], opset=11)
    _, saved = save(model, tmp_path / "saved.onnx")
    onnx.checker.check_model(saved)
    assert opset(saved) == 11


def test_names_of_nodes_differ(tmp_path):
    """Saved once more, and at a level that makes nodes, they still do: ONNX Runtime wants them to."""
    nodes = [make("Softmax", ["x"], ["a"], name="same", axis=0),
             make("Softmax", ["a"], ["y"], name="same/Flatten", axis=0)]
    model = tiny_models.to_bytes(nodes, [X], [value("y", shape=None)], opset=12)
    for level in LEVELS:
        _, saved = save(model, tmp_path / "saved.onnx", level)
        names = [node.name for node in saved.graph.node if node.name]
        assert len(names) == len(set(names))
        assert loads(str(tmp_path / "saved.onnx")) is not None


NETS = {"convolutions": (small_nets.convolution_net, 17, 17), "encoder": (small_nets.encoder_net, 12, 18)}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_nets_in_onnx_runtime(name, level, tmp_path):
    build, before, after = NETS[name]
    origin = build()
    assert opset(origin) == before
    session, saved = save(origin.SerializeToString(), tmp_path / "saved.onnx", level)
    assert (opset(saved), saved.ir_version) == (after, origin.ir_version)
    onnx.checker.check_model(saved, full_check=True)
    feeds = {}
    for each in session.get_inputs():
        dims = [dim if isinstance(dim, int) else 2 for dim in each.shape]
        kind = np.float32 if each.type == "tensor(float)" else np.int64
        feeds[each.name] = np.ones(dims, kind)
    wanted = loads(origin.SerializeToString()).run(None, feeds)
    got = loads(str(tmp_path / "saved.onnx")).run(None, feeds)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", test_saved_models.MODELS)
def test_saved_models_run_there(name, tmp_path):
    model, feeds = test_saved_models.MODELS[name]
    save(model, tmp_path / "saved.onnx", LEVEL.ORT_ENABLE_BASIC)
    got = loads(str(tmp_path / "saved.onnx")).run(None, feeds)
    for one, other in zip(got, loads(model).run(None, feeds), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
