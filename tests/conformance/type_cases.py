"""One node of every operator for every element type that the specification's schema of its newest
version allows. What goes in is drawn by the recipes of type_recipes.py; what must come out is
computed from the exact values of the inputs in float64 (by the onnx package's ReferenceEvaluator
or by NumPy) and rounded once to the type of the output. Each case runs with its inputs fed, and
with those that may be weights held by the model. Entry points: find_cases, run_case."""

import itertools
import re
import zlib

import ml_dtypes
import numpy as np
import onnx
import onnx.defs
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

DOMAINS = ("", "ai.onnx.preview", "ai.onnx.preview.training")
MAX_PRODUCT = 600  # combinations of types of one operator that are all run
# Instances of deprecated operators are run by tests/conformance/old_opsets.py.

# By the specification's name: NumPy's dtype, and the type in which its values are exact.
TYPES = {
    "float": (np.float32, np.float64),
    "double": (np.float64, np.float64),
    "float16": (np.float16, np.float64),
    "bfloat16": (ml_dtypes.bfloat16, np.float64),
    "float8e4m3fn": (ml_dtypes.float8_e4m3fn, np.float64),
    "float8e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, np.float64),
    "float8e5m2": (ml_dtypes.float8_e5m2, np.float64),
    "float8e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, np.float64),
    "float8e8m0": (ml_dtypes.float8_e8m0fnu, np.float64),
    "float4e2m1": (ml_dtypes.float4_e2m1fn, np.float64),
    "int2": (ml_dtypes.int2, np.int8),
    "int4": (ml_dtypes.int4, np.int8),
    "int8": (np.int8, np.int8),
    "int16": (np.int16, np.int16),
    "int32": (np.int32, np.int32),
    "int64": (np.int64, np.int64),
    "uint2": (ml_dtypes.uint2, np.uint8),
    "uint4": (ml_dtypes.uint4, np.uint8),
    "uint8": (np.uint8, np.uint8),
    "uint16": (np.uint16, np.uint16),
    "uint32": (np.uint32, np.uint32),
    "uint64": (np.uint64, np.uint64),
    "bool": (np.bool_, np.bool_),
    "string": (np.object_, np.object_),
    "complex64": (np.complex64, np.complex128),
    "complex128": (np.complex128, np.complex128),
}
EXACT = {np.dtype(stored): np.dtype(exact) for stored, exact in TYPES.values()}
NAMES = {np.dtype(stored): name for name, (stored, _) in TYPES.items()}

# Relative distance of neighbours, and the smallest number above 0.
STEPS = {
    "float": (2e-6, 1e-38), "double": (1e-13, 1e-300), "float16": (2**-10, 2**-24),
    "bfloat16": (2**-7, 2**-133), "float8e4m3fn": (2**-3, 2**-9), "float8e4m3fnuz": (2**-3, 2**-10),
    "float8e5m2": (2**-2, 2**-16), "float8e5m2fnuz": (2**-2, 2**-17), "float8e8m0": (1, 2**-127),
    "float4e2m1": (0.5, 0.5), "complex64": (2e-6, 1e-38), "complex128": (1e-13, 1e-300),
}  # fmt: skip
# What sums in f32 (f64 for f64) may be off by, as a share of the largest result.
NOISE = {"double": 1e-12, "complex128": 1e-12}
WORDS = ["", "a", "onnx", "Zürich", "two words", "0", "x" * 40]


def element_of(type_text):
    """ "seq(tensor(float))" -> "float"."""
    return re.sub(r".*tensor\(|\)+$", "", type_text)


def enum_of(name):
    return getattr(TensorProto, name.upper())


def dtype_of(name):
    return np.dtype(TYPES[name][0])


def is_float(name):
    return name in STEPS and not name.startswith("complex")


def exact(value):
    """The value in a type in which NumPy computes, without loss."""
    if isinstance(value, list):
        return [exact(item) for item in value]
    return None if value is None else value.astype(EXACT[value.dtype])


def int_bounds(name):
    bits = int(re.sub(r"\D", "", name))
    return (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


class Draw:
    """What a recipe draws from: the types of the case, and arrays of them."""

    def __init__(self, types, seed):
        self.types = types
        self.rng = np.random.default_rng(seed)

    def __getitem__(self, param):
        """The element type of a type parameter."""
        return element_of(self.types[param])

    def array(self, name, shape, low=-4.0, high=4.0):
        """An array of the type (or type parameter) with numbers in [low, high]."""
        name = self[name] if name in self.types else name
        if name == "bool":
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        if name == "string":
            words = np.array(WORDS, object)
            return np.array(words[self.rng.integers(0, len(WORDS), shape)], object).reshape(shape)
        if name.startswith("complex"):
            parts = self.rng.uniform(low, high, (2, *shape))
            return (parts[0] + 1j * parts[1]).astype(dtype_of(name))
        if name == "float8e8m0":  # powers of two
            return (2.0 ** self.rng.integers(-3, 4, shape)).astype(dtype_of(name))
        if is_float(name):
            return self.rng.uniform(low, high, shape).astype(dtype_of(name))
        least, most = int_bounds(name)
        first, last = max(int(np.ceil(low)), least), min(int(np.floor(high)), most)
        return self.rng.integers(first, last + 1, shape).astype(dtype_of(name))

    def value(self, type_text):
        """A value of a type such as "optional(seq(tensor(float)))"."""
        if type_text.startswith("optional("):
            return self.value(type_text[9:-1])
        if type_text.startswith("seq("):
            return [self.array(element_of(type_text), shape) for shape in ((2, 3), (4,))]
        return self.array(element_of(type_text), (2, 3))


class Node:
    """A node of a case: inputs (None: omitted), attributes, the indices of the outputs asked for.
    expect(*exact inputs) gives the exact outputs where the ReferenceEvaluator is not asked;
    check(inputs, outputs) raises where no output can be foretold. `noise` scales what sums may be
    off by. graph(graph) extends the graph where one node is not enough; `feeds` are its inputs."""

    def __init__(
        self,
        inputs,
        attrs=None,
        outputs=(0,),
        expect=None,
        check=None,
        noise=1.0,
        graph=None,
        feeds=None,
    ):
        self.inputs = inputs
        self.attrs = attrs or {}
        self.outputs = tuple(outputs) if not isinstance(outputs, int) else tuple(range(outputs))
        self.expect = expect
        self.check = check
        self.noise = noise
        self.graph = graph
        self.feeds = feeds or {}


def schemas():
    """The newest schema of every operator that is not deprecated, by title."""
    found = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain in DOMAINS and not schema.deprecated:
            title = f"{schema.domain}.{schema.name}".lstrip(".")
            found[title] = schema
    return dict(sorted(found.items()))


def assignments(schema, coupled):
    """Dicts of type parameter -> type: all combinations, or each type with the others' first."""
    params = [c.type_param_str for c in schema.type_constraints]
    choices = [sorted(c.allowed_type_strs) for c in schema.type_constraints]
    product = (dict(zip(params, combination)) for combination in itertools.product(*choices))
    fitting = [types for types in product if coupled is None or coupled(types)]
    if len(fitting) <= MAX_PRODUCT:
        return fitting
    usual = {param: next((t for t in ("tensor(float)", "tensor(int64)") if t in choice), choice[0])
             for param, choice in zip(params, choices)}  # fmt: skip
    found = [usual]
    for param, choice in zip(params, choices):
        found += [usual | {param: each} for each in choice if each != usual[param]]
    return found


def name_of(title, types):
    short = {param: re.sub(r"tensor\(([^)]*)\)", r"\1", text) for param, text in types.items()}
    return " ".join([title] + [f"{param}={text}" for param, text in short.items()])


def find_cases():
    """Name -> (title, types) for every case, in a fixed order."""
    table = recipes()
    found = {}
    for title, schema in schemas().items():
        for types in assignments(schema, table.COUPLED.get(title)):
            found[name_of(title, types)] = (title, types)
    return found


def recipes():
    """The filled table; the modules that fill it import this one."""
    import type_recipes
    import type_recipes_layers
    import type_recipes_numbers
    import type_recipes_values

    assert type_recipes_layers and type_recipes_numbers and type_recipes_values
    return type_recipes


def _formal(params, index):
    return params[min(index, len(params) - 1)]


def _type_of(formal, types, value):
    """The type of a graph input: the schema's, or that of the value."""
    text = types.get(formal.type_str, formal.type_str)
    if "(" not in text:
        text = f"tensor({NAMES[value.dtype]})"
    return text


def type_proto(text, widened=False):
    if text.startswith("optional("):
        return helper.make_optional_type_proto(type_proto(text[9:-1], widened))
    if text.startswith("seq("):
        return helper.make_sequence_type_proto(type_proto(text[4:-1], widened))
    name = element_of(text)
    return helper.make_tensor_type_proto(
        enum_of(NAMES[EXACT[dtype_of(name)]] if widened else name), None
    )


def build_model(schema, node, types, widened=False, constants=()):
    """The model of the node; `constants` are the inputs that it holds itself."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(node.inputs)]
    inputs = []
    for i, value in enumerate(node.inputs):
        if value is not None and i not in constants:
            text = _type_of(_formal(schema.inputs, i), types, value)
            inputs.append(helper.make_value_info(f"x{i}", type_proto(text, widened)))
    all_outputs = [f"y{i}" if i in node.outputs else "" for i in range(max(node.outputs) + 1)]
    outputs = []
    for i in node.outputs:
        text = types.get(_formal(schema.outputs, i).type_str, _formal(schema.outputs, i).type_str)
        outputs.append(helper.make_value_info(f"y{i}", type_proto(text, widened)))
    attrs = {key: value for key, value in node.attrs.items() if value is not None}
    made = helper.make_node(schema.name, names, all_outputs, domain=schema.domain, **attrs)
    held = [numpy_helper.from_array(node.inputs[i], f"x{i}") for i in constants]
    graph = helper.make_graph([made], "case", inputs, outputs, held)
    if node.graph is not None:
        graph = node.graph(graph)
    opsets = [helper.make_opsetid("", onnx.defs.onnx_opset_version())]
    if schema.domain:
        opsets.append(helper.make_opsetid(schema.domain, schema.since_version))
    return helper.make_model(graph, opset_imports=opsets, ir_version=11)


def feeds_of(node, constants=()):
    feeds = {
        f"x{i}": value
        for i, value in enumerate(node.inputs)
        if value is not None and i not in constants
    }
    return feeds | node.feeds


def constants_of(node, types):
    """The inputs that may be weights: all tensors but the first, or it when it is alone."""
    if node.graph is not None or any(not text.startswith("tensor") for text in types.values()):
        return ()
    tensors = [i for i, value in enumerate(node.inputs) if value is not None]
    return tuple(tensors[1:] or tensors)


def expected_outputs(schema, node, types):
    values = [exact(value) for value in [*node.inputs, *node.feeds.values()]]
    with np.errstate(all="ignore"):
        if node.expect is not None:
            result = node.expect(*values)
            return list(result) if isinstance(result, (tuple, Several)) else [result]
        model = build_model(schema, node, types, widened=True)
        return ReferenceEvaluator(model).run(
            None, {f"x{i}": value for i, value in enumerate(values) if value is not None}
        )


class Several(list):
    """Outputs of an operator, where one of them is a list itself."""


def compare(got, wanted, name, noise, what):
    """Raises AssertionError unless `got` is `wanted` (exact values), rounded to the type."""
    if isinstance(wanted, list):
        assert isinstance(got, list), f"{what}: {type(got).__name__} instead of a sequence"
        assert len(got) == len(wanted), f"{what}: {len(got)} items, expected {len(wanted)}"
        for index, (item, each) in enumerate(zip(got, wanted)):
            compare(item, each, name, noise, f"{what}[{index}]")
        return
    assert isinstance(got, np.ndarray), f"{what}: {type(got).__name__} instead of an array"
    wanted = np.asarray(wanted)
    assert got.dtype == dtype_of(name), f"{what}: {got.dtype}, expected {dtype_of(name)}"
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, expected {wanted.shape}"
    if name not in STEPS:
        if name != "string":
            wanted = wanted.astype(dtype_of(name))
        assert (got == wanted).all(), f"{what}: {got.ravel()[:6]}, expected {wanted.ravel()[:6]}"
        return
    # Rounding once is what must happen; one step more is allowed for sums in f32.
    with np.errstate(all="ignore"):
        rounded = exact(wanted.astype(dtype_of(name)))
    got = exact(got)
    relative, least = STEPS[name]
    finite = np.abs(rounded[np.isfinite(rounded)])
    scale = finite.max() if finite.size else 0.0
    np.testing.assert_allclose(
        got,
        rounded,
        rtol=relative * 1.01 * (noise if name in ("float", "double") else 1.0),
        atol=least + NOISE.get(name, 2e-6) * noise * scale,
        err_msg=what,
    )


def run_case(name, case, runtime):
    """Runs one case; raises when it does not pass. `runtime` is the module under test."""
    title, types = case
    schema = schemas_by_title(title)
    recipe = recipes().RECIPES.get(title)
    assert recipe is not None, "there is no recipe for the operator in type_recipes_*.py"
    node = recipe(Draw(types, zlib.crc32(name.encode())))
    wanted = None if node.check is not None else expected_outputs(schema, node, types)
    for constants in dict.fromkeys([(), constants_of(node, types)]):
        model = build_model(schema, node, types, constants=constants)
        session = runtime.InferenceSession(model.SerializeToString())
        outputs = session.run(None, feeds_of(node, constants))
        if node.check is not None:
            node.check(node.inputs, outputs)
        else:
            compare_all(schema, node, types, outputs, wanted)


def compare_all(schema, node, types, outputs, wanted):
    assert len(outputs) == len(wanted), f"{len(outputs)} outputs, expected {len(wanted)}"
    for i, got, each in zip(node.outputs, outputs, wanted):
        text = types.get(_formal(schema.outputs, i).type_str, _formal(schema.outputs, i).type_str)
        compare(got, each, element_of(text), node.noise, f"output {i}")


_schemas = {}


def schemas_by_title(title):
    if not _schemas:
        _schemas.update(schemas())
    return _schemas[title]
