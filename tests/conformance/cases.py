"""The backend test data of the onnx package: finds the cases, loads what goes in and what must come
out, and compares. Entry points: find_cases, run_case."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")

# Their outputs are drawn at random, so any draw is right: shape, type and range are compared.
RANDOM = {"node/test_bernoulli", "node/test_bernoulli_double", "node/test_bernoulli_seed",
          "node/test_bernoulli_expanded", "node/test_bernoulli_double_expanded",
          "node/test_bernoulli_seed_expanded"}  # fmt: skip


def find_cases():
    """Names of all cases, "kind/test_name", in a fixed order."""
    return [f"{kind}/{path.name}" for kind in KINDS for path in sorted((DATA / kind).iterdir())]


def _settings(name):
    path = DATA / name / "data.json"
    return json.loads(path.read_text()) if path.exists() else {}


def model_path(name):
    url = _settings(name).get("url")
    if url is None:
        return DATA / name / "model.onnx"
    return DATA.parents[3] / url  # "onnx/backend/test/data/light/..."


def operators_of(model):
    """The operator that a case is about: its only one, or how many there are."""
    names = {node.op_type for node in model.graph.node}
    return names.pop() if len(names) == 1 else "(several)"


def _load_value(path, type_proto):
    content = path.read_bytes()
    kind = type_proto.WhichOneof("value")
    if kind == "optional_type":
        message = onnx.OptionalProto.FromString(content)
        return numpy_helper.to_optional(message)
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(content))
    if kind == "map_type":
        return numpy_helper.to_dict(onnx.MapProto.FromString(content))
    tensor = onnx.TensorProto.FromString(content)
    return numpy_helper.to_array(tensor)


def _load_values(folder, stem, declared):
    paths = sorted(folder.glob(f"{stem}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [_load_value(path, value.type) for path, value in zip(paths, declared)]


def _light_data(model):
    """The cases of kind "real": an input that counts from 0 to 1, and a stored output."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initializers]
    feeds = {}
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        shape = tuple(dim.dim_value if dim.HasField("dim_value") else 1 for dim in dims)
        count = int(np.prod(shape))
        feeds[value.name] = (np.arange(count).reshape(shape) / count).astype(np.float32)
    return feeds


def data_sets(name, model):
    """(feeds, expected outputs) pairs of a case."""
    if "url" in _settings(name):
        path = model_path(name)
        expected = _load_value(path.with_name(path.stem + "_output_0.pb"),
                               model.graph.output[0].type)
        yield _light_data(model), [expected]
        return
    for folder in sorted((DATA / name).glob("test_data_set_*")):
        inputs = _load_values(folder, "input", model.graph.input)
        outputs = _load_values(folder, "output", model.graph.output)
        names = [value.name for value in model.graph.input]
        yield dict(zip(names, inputs)), outputs


def _widened(array):
    """Types that NumPy has no arithmetic for, as float64."""
    return array.astype(np.float64) if array.dtype.kind not in "biufc" else array


def compare(got, expected, rtol, atol, what, is_random=False):
    """Raises AssertionError with what is different."""
    if isinstance(expected, list):
        assert isinstance(got, list), f"{what}: expected a list, got {type(got).__name__}"
        assert len(got) == len(expected), f"{what}: {len(got)} items, expected {len(expected)}"
        for index, (item, wanted) in enumerate(zip(got, expected)):
            compare(item, wanted, rtol, atol, f"{what}[{index}]", is_random)
        return
    if expected is None:
        assert got is None, f"{what}: expected nothing, got {type(got).__name__}"
        return
    if isinstance(expected, dict):
        assert got == expected, f"{what}: {got}, expected {expected}"
        return
    assert isinstance(got, np.ndarray), f"{what}: expected an array, got {type(got).__name__}"
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    if expected.dtype.kind in "OUS":
        wanted = [text.decode() if isinstance(text, bytes) else text for text in expected.flat]
        assert list(got.flat) == wanted, f"{what}: {list(got.flat)}, expected {wanted}"
        return
    assert got.dtype == expected.dtype, f"{what}: {got.dtype}, expected {expected.dtype}"
    if is_random:
        assert np.isin(_widened(got), (0, 1)).all(), f"{what}: draws other than 0 and 1"
        return
    np.testing.assert_allclose(_widened(got), _widened(expected), rtol=rtol, atol=atol,
                               err_msg=what)


def run_case(name, runtime):
    """Runs one case; raises when it does not pass. `runtime` is the module under test."""
    model = onnx.load(model_path(name), load_external_data=False)
    settings = _settings(name)
    rtol, atol = settings.get("rtol", 1e-3), settings.get("atol", 1e-7)
    session = runtime.InferenceSession(str(model_path(name)))
    count = 0
    for feeds, expected in data_sets(name, model):
        outputs = session.run(None, feeds)
        assert len(outputs) >= len(expected), f"{len(outputs)} outputs, expected {len(expected)}"
        for output, got, wanted in zip(model.graph.output, outputs, expected):
            compare(got, wanted, rtol, atol, output.name, name in RANDOM)
        count += 1
    assert count > 0, "the case has no data"
