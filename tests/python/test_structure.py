"""The structure of models: functions, bodies and what they capture, names, empty and scalar values,
outputs that are odd, domains. What is expected is worked out by hand."""

import json
import threading
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

import sardonyx


def session_of(text, level=None, **edits):
    model = parser.parse_model(text)
    for edit in edits.values():
        edit(model)
    options = sardonyx.SessionOptions()
    if level is not None:
        options.graph_optimization_level = level
    return sardonyx.InferenceSession(model.SerializeToString(), options)


def run(text, feeds, names=None, **edits):
    """The outputs, which must be the same with and without passes."""
    levels = (sardonyx.GraphOptimizationLevel.ORT_DISABLE_ALL,
              sardonyx.GraphOptimizationLevel.ORT_ENABLE_ALL)
    plain, full = (session_of(text, level, **edits).run(names, feeds) for level in levels)
    for one, other in zip(plain, full):
        pairs = zip(one, other) if isinstance(one, list) else [(one, other)]
        for pair in pairs:
            np.testing.assert_array_equal(*pair)
    return full


def f32(*numbers):
    return np.array(numbers, np.float32)


HEAD = '<ir_version: 10, opset_import: ["": 21, "local": 1]>'
BODY = '<opset_import: ["": 21, "local": 1], domain: "local">'


# ---- functions


def test_functions_call_functions():
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y) {{ y = local.quadruple(x) }}
        {BODY} double (a) => (b) {{ b = Add(a, a) }}
        {BODY} quadruple (a) => (b) {{ t = local.double(a) b = local.double(t) }}""",
              {"x": f32(1, 2)})
    np.testing.assert_array_equal(got[0], f32(4, 8))


def test_names_inside_a_function_are_its_own():
    """t, x and y inside have nothing to do with those outside; two calls do not meet."""
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y, float[N] z) {{
            t = Neg(x) u = local.f(t) y = Add(u, t) z = local.f(x) }}
        {BODY} f (y) => (x) {{ t = Mul(y, y) x = Exp(t) }}""", {"x": f32(0.5)})
    np.testing.assert_allclose(got, [np.exp(f32(0.25)) - 0.5, np.exp(f32(0.25))], rtol=1e-6)


def test_overloads():
    def overload(model):
        for function, name in zip(model.functions, ("one", "two")):
            function.overload = name
        for node, name in zip(model.graph.node, ("two", "one")):
            node.overload = name

    got = run(f"""{HEAD} g (float[N] x) => (float[N] y, float[N] z) {{
            y = local.f(x) z = local.f(x) }}
        {BODY} f (a) => (b) {{ b = Neg(a) }}
        {BODY} f (a) => (b) {{ b = Add(a, a) }}""", {"x": f32(3)}, overload=overload)
    np.testing.assert_array_equal(got, [f32(6), f32(-3)])


@pytest.mark.parametrize(("attributes", "slope"), [("", 0.25), ("<slope=0.5>", 0.5)])
def test_attributes_of_a_function_have_defaults(attributes, slope):
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y) {{ y = local.f{attributes}(x) }}
        <opset_import: ["": 21], domain: "local">
        f <slope: float = 0.25> (a) => (b) {{ b = LeakyRelu<alpha: float = @slope>(a) }}""",
              {"x": f32(-4, 4)})
    np.testing.assert_array_equal(got[0], f32(-4 * slope, 4))


def test_a_reference_to_an_attribute_that_the_call_leaves_out_takes_the_default():
    """outer has no slope here, so inner's default counts, and LeakyRelu's where inner has none."""
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y, float[N] z) {{
            y = local.outer(x) z = local.plain(x) }}
        {BODY} inner <slope: float = 0.25> (a) => (b) {{ b = LeakyRelu<alpha: float = @slope>(a) }}
        {BODY} outer <slope> (a) => (b) {{ b = local.inner<slope: float = @slope>(a) }}
        {BODY} plain <slope> (a) => (b) {{ b = LeakyRelu<alpha: float = @slope>(a) }}""",
              {"x": f32(-4)})
    np.testing.assert_allclose(got, [f32(-1), f32(-0.04)])


def test_references_through_two_calls_and_into_a_body():
    got = run(f"""{HEAD} g (float[N] x, bool c) => (float[N] y) {{
            y = local.outer<s: float = 0.5>(x, c) }}
        {BODY} inner <slope> (a, c) => (b) {{
            b = If (c) <then_branch = t () => (r) {{ r = LeakyRelu<alpha: float = @slope>(a) }},
                        else_branch = e () => (r) {{ r = Neg(a) }}> }}
        {BODY} outer <s> (a, c) => (b) {{ b = local.inner<slope: float = @s>(a, c) }}""",
              {"x": f32(-4), "c": np.array(True)})
    np.testing.assert_array_equal(got[0], f32(-2))


def test_inputs_and_outputs_of_a_function_that_are_left_out():
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y) {{ "", y = local.f(x) }}
        {BODY} f (a, low, high) => (first, second) {{
            first = Neg(a) second = Clip(a, low, high) }}""", {"x": f32(-1, 1)})
    np.testing.assert_array_equal(got[0], f32(-1, 1))


def test_a_function_that_passes_its_input_through():
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y, float[N] z) {{ y, z = local.f(x) }}
        {BODY} f (a) => (a, b) {{ b = Neg(a) }}""", {"x": f32(1)})
    np.testing.assert_array_equal(got, [f32(1), f32(-1)])


def test_a_function_of_an_older_opset_than_the_model():
    """Softmax of opset 11 flattens behind its axis."""
    got = run("""<ir_version: 10, opset_import: ["": 21, "local": 1]>
        g (float[1,2,2] x) => (float[1,2,2] y) { y = local.f(x) }
        <opset_import: ["": 11], domain: "local"> f (a) => (b) { b = Softmax(a) }""",
              {"x": np.zeros((1, 2, 2), np.float32)})
    np.testing.assert_array_equal(got[0], np.full((1, 2, 2), 0.25, np.float32))


def test_a_function_shadows_an_operator_of_its_domain():
    got = run("""<ir_version: 10, opset_import: ["": 21]>
        g (float[N] x) => (float[N] y) { y = Relu(x) }
        <opset_import: ["": 21], domain: ""> Relu (a) => (b) { b = Neg(a) }""", {"x": f32(-3, 3)})
    np.testing.assert_array_equal(got[0], f32(3, -3))


# ---- bodies


@pytest.mark.parametrize("flags", [(a, b) for a in (0, 1) for b in (0, 1)])
def test_captures_through_three_levels(flags):
    """The innermost body takes x from the graph, t from the first body, a constant from the second."""
    outer, inner = (np.array(bool(flag)) for flag in flags)
    got = run(f"""{HEAD} g (float[N] x, bool p, bool q, int64 n) => (float[N] y) {{
        y = If (p) <
          then_branch = a () => (r) {{
            t = Add(x, x)
            r = If (q) <
              then_branch = b () => (s) {{
                three = Constant<value_float=3.0>()
                go = Constant<value=bool {{1}}>()
                s = Loop (n, go, t) <body = c (int64 i, bool more, float[N] v) => (more, w) {{
                    u = Mul(v, three) w = Add(u, x) }}> }},
              else_branch = d () => (s) {{ s = Neg(t) }}> }},
          else_branch = e () => (r) {{ r = Identity(x) }}> }}""",
              {"x": f32(1, -2), "p": outer, "q": inner, "n": np.array(2)})
    x = f32(1, -2)
    expected = x if not flags[0] else -2 * x if not flags[1] else ((2 * x * 3 + x) * 3 + x)
    np.testing.assert_array_equal(got[0], expected)


def test_a_body_may_use_the_names_of_its_graph():
    """`t` of the body is another value than `t` outside, and the outer one is back afterwards."""
    got = run(f"""{HEAD} g (float[N] x, bool p) => (float[N] y) {{
        t = Neg(x)
        u = If (p) <then_branch = a () => (r) {{ t = Mul(x, x) r = Add(t, t) }},
                    else_branch = b () => (r) {{ r = Identity(t) }}>
        y = Add(u, t) }}""", {"x": f32(3), "p": np.array(True)})
    np.testing.assert_array_equal(got[0], f32(18 - 3))


def test_an_output_of_a_body_may_be_a_value_from_outside():
    got = run(f"""{HEAD} g (float[N] x, bool p) => (float[N] y) {{
        t = Neg(x)
        y = If (p) <then_branch = a () => (t) {{ }}, else_branch = b () => (x) {{ }}> }}""",
              {"x": f32(3), "p": np.array(True)})
    np.testing.assert_array_equal(got[0], f32(-3))


def test_initializers_of_a_body():
    got = run(f"""{HEAD} g (float[N] x, int64 n) => (float[N] y) {{
        go = Constant<value=bool {{1}}>()
        y = Loop (n, go, x) <body = b (int64 i, bool more, float[N] v) => (bool more, float[N] w)
            <float two = {{2}}> {{ w = Mul(v, two) }}> }}""", {"x": f32(1, 3), "n": np.array(3)})
    np.testing.assert_array_equal(got[0], f32(8, 24))


def test_a_loop_whose_state_grows():
    got = run(f"""{HEAD} g (float[N] x, int64 n) => (float[M] y, int64[K] sizes) {{
        go = Constant<value=bool {{1}}>()
        y, sizes = Loop (n, go, x) <body = b (int64 i, bool more, v) => (more, w, size) {{
            w = Concat<axis=0>(v, v) size = Size(w) }}> }}""",
              {"x": f32(1, 2), "n": np.array(3)})
    np.testing.assert_array_equal(got[0], np.tile(f32(1, 2), 8))
    np.testing.assert_array_equal(got[1], [4, 8, 16])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_loop_of_no_iterations_gives_empty_scans(count):
    got = run(f"""{HEAD} g (float[2] x, int64 n) => (float[2] y, float[K,2] all) {{
        go = Constant<value=bool {{1}}>()
        y, all = Loop (n, go, x) <body = b (int64 i, bool more, float[2] v)
            => (bool more, float[2] w, float[2] s) {{ w = Add(v, v) s = Identity(v) }}> }}""",
              {"x": f32(1, 2), "n": np.array(count)})
    np.testing.assert_array_equal(got[0], f32(1, 2) * 2**count)
    assert got[1].shape == (count, 2)


def test_a_loop_carries_a_sequence_of_other_shapes():
    got = run(f"""{HEAD} g (float[N] x, int64 n) => (seq(float[M]) y) {{
        s = SequenceConstruct(x)
        go = Constant<value=bool {{1}}>()
        y = Loop (n, go, s) <body = b (int64 i, bool more, seq(float[M]) v) => (more, w) {{
            last = Constant<value=int64 {{-1}}>() e = SequenceAt(v, last)
            d = Concat<axis=0>(e, e) w = SequenceInsert(v, d) }}> }}""",
              {"x": f32(1), "n": np.array(2)})
    assert [item.tolist() for item in got[0]] == [[1], [1, 1], [1, 1, 1, 1]]


def test_scan_inside_if_with_captures():
    got = run(f"""{HEAD} g (float[T,2] x, float[2] k, bool p) => (float[2] last, float[T,2] all) {{
        zero = Constant<value_floats=[0.0,0.0]>()
        last, all = If (p) <
          then_branch = a () => (s, o) {{
            s, o = Scan (zero, x) <num_scan_inputs=1,
              body = c (float[2] st, float[2] e) => (float[2] n, float[2] m) {{
                t = Mul(e, k) n = Add(st, t) m = Identity(n) }}> }},
          else_branch = b () => (zero, x) {{ }}> }}""",
              {"x": np.arange(6, dtype=np.float32).reshape(3, 2), "k": f32(1, 10),
               "p": np.array(True)})
    np.testing.assert_array_equal(got[1], [[0, 10], [2, 40], [6, 90]])
    np.testing.assert_array_equal(got[0], [6, 90])


def test_branches_of_other_shapes():
    text = f"""{HEAD} g (float[N] x, bool p) => (y) {{
        u = If (p) <then_branch = a () => (r) {{ r = Concat<axis=0>(x, x) }},
                    else_branch = b () => (r) {{ z = Constant<value_ints=[0]>()
                                                 r = Unsqueeze(x, z) }}>
        y = Neg(u) }}"""
    untyped = lambda model: model.graph.output[0].ClearField("type")  # noqa: E731
    assert run(text, {"x": f32(1, 2), "p": np.array(True)}, untyped=untyped)[0].shape == (4,)
    assert run(text, {"x": f32(1, 2), "p": np.array(False)}, untyped=untyped)[0].shape == (1, 2)


def test_symbols_of_a_body_are_its_own():
    """N of the branches is not N of the graph, so this Expand is not without effect."""
    got = run(f"""{HEAD} g (float[N] x, bool p, bool[M] keep) => (float[N] y) {{
        u = If (p) <then_branch = a () => (float[N] r) {{ r = Compress<axis=0>(x, keep) }},
                    else_branch = b () => (float[N] r) {{ t = Compress<axis=0>(x, keep) r = Neg(t) }}>
        s = Shape(x) y = Expand(u, s) }}""",
              {"x": f32(1, 2, 3), "p": np.array(False), "keep": np.array([False, True, False])})
    assert got[0].tolist() == [-2, -2, -2]


def test_steps_of_bodies_are_in_the_profile(tmp_path):
    model = parser.parse_model(f"""{HEAD} g (float[N] x, int64 n) => (float[N] y) {{
        go = Constant<value=bool {{1}}>()
        [loop] y = Loop (n, go, x) <body = b (int64 i, bool more, float[N] v) => (more, w) {{
            [inner] w = Sin(v) }}> }}""")
    options = sardonyx.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "p")
    session = sardonyx.InferenceSession(model.SerializeToString(), options)
    session.run(None, {"x": f32(1), "n": np.array(5)})
    with open(session.end_profiling()) as file:
        events = [event for event in json.load(file) if event["cat"] == "Node"]
    names = [event["name"] for event in events]
    assert names.count("inner_kernel_time") == 5 and names.count("loop_kernel_time") == 1


def test_a_run_inside_a_loop_can_be_ended():
    session = session_of(f"""{HEAD} g (float[N] x, int64 n) => (float[N] y) {{
        go = Constant<value=bool {{1}}>()
        y = Loop (n, go, x) <body = b (int64 i, bool more, float[N] v) => (more, w) {{
            w = Sin(v) }}> }}""")
    options = sardonyx.RunOptions()
    threading.Timer(0.2, lambda: setattr(options, "terminate", True)).start()
    start = time.monotonic()
    with pytest.raises(sardonyx.Error, match="terminate"):
        session.run(None, {"x": f32(1), "n": np.array(2**62)}, options)
    assert time.monotonic() - start < 20


# ---- values of other kinds


def test_sequences_in_and_out():
    got = run(f"""{HEAD} g (seq(float[N]) x, int64 at) => (seq(float[N]) y, float[M] z, int64 n) {{
        e = SequenceAt(x, at) y = SequenceInsert(x, e) z = ConcatFromSequence<axis=0>(y)
        n = SequenceLength(y) }}""",
              {"x": [f32(1), f32(2, 3)], "at": np.array(0)}, ["z", "n"])
    np.testing.assert_array_equal(got[0], f32(1, 2, 3, 1))
    assert got[1] == 3


def test_an_empty_sequence_in_and_out():
    session = session_of(f"{HEAD} g (seq(float[N]) x) => (seq(float[N]) y) {{ y = Identity(x) }}")
    assert session.run(None, {"x": []}) == [[]]


@pytest.mark.parametrize("value", [f32(1, 2), None])
def test_optionals_in_and_out(value):
    session = session_of(f"""{HEAD} g (optional(float[N]) x) => (optional(float[N]) y, bool has) {{
        y = Identity(x) has = OptionalHasElement(x) }}""")
    got, has = session.run(None, {"x": value})
    assert has == (value is not None)
    np.testing.assert_array_equal(got, value) if value is not None else None
    assert value is not None or got is None


def test_an_optional_sequence_out_of_a_branch():
    got = session_of(f"""{HEAD} g (float[N] x, bool p) => (optional(seq(float[N])) y) {{
        y = If (p) <then_branch = a () => (r) {{ s = SequenceConstruct(x, x) r = Optional(s) }},
                    else_branch = b () => (r) {{ r = Optional<type=seq(float[N])>() }}> }}""")
    assert [e.tolist() for e in got.run(None, {"x": f32(5), "p": np.array(True)})[0]] == [[5], [5]]
    assert got.run(None, {"x": f32(5), "p": np.array(False)})[0] is None


def test_sparse_initializers_and_constants():
    def sparse(name):
        values = helper.make_tensor(name, TensorProto.FLOAT, [2], [5.0, 7.0])
        indices = helper.make_tensor(name + "_at", TensorProto.INT64, [2, 2], [0, 1, 1, 2])
        return helper.make_sparse_tensor(values, indices, [2, 3])

    def add(model):
        model.graph.sparse_initializer.append(sparse("w"))
        model.graph.node.insert(
            0, helper.make_node("Constant", [], ["c"], sparse_value=sparse("c_values")))

    text = f"{HEAD} g (float[2,3] x, float[2,3] w) => (float[2,3] y) {{ t = Add(x, w) y = Add(t, c) }}"
    drop = lambda model: model.graph.input.pop()  # noqa: E731
    got = run(text, {"x": np.zeros((2, 3), np.float32)}, add=add, drop=drop)
    np.testing.assert_array_equal(got[0], [[0, 10, 0], [0, 0, 14]])


def test_a_sparse_tensor_passes_through():
    dims = helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 3]).type.tensor_type.shape
    graph = helper.make_graph([], "g", [], [])
    for part in (graph.input, graph.output):
        info = part.add(name="x")
        info.type.sparse_tensor_type.elem_type = TensorProto.FLOAT
        info.type.sparse_tensor_type.shape.CopyFrom(dims)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = sardonyx.InferenceSession(model.SerializeToString())
    assert session.get_inputs()[0].type == "sparse_tensor(float)"
    sparse = sardonyx.SparseTensor.sparse_coo_from_numpy(
        np.array([2, 3], np.int64), f32(5, 7), np.array([1, 5], np.int64),
        sardonyx.OrtDevice.make("cpu", 0))
    value = sardonyx.OrtValue.ort_value_from_sparse_tensor(sparse)
    got = session.run_with_ort_values(None, {"x": value})[0]
    assert got.is_sparse_tensor()
    np.testing.assert_array_equal(got.as_sparse_tensor().values(), f32(5, 7))


# ---- odd but legal graphs


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
def test_dims_of_zero(shape):
    x = np.zeros(shape, np.float32)
    dims = ",".join("ABC"[: len(shape)])
    got = run(f"""{HEAD} g (float[{dims}] x) => (y, z, s) {{
        t = Exp(x) y = Concat<axis=0>(t, t) z = ReduceSum<keepdims=0>(x) s = Shape(y) }}""",
              {"x": x}, untyped=lambda m: [o.ClearField("type") for o in m.graph.output])
    assert got[0].shape == (2 * shape[0], *shape[1:])
    assert got[1] == 0 and got[1].shape == ()
    np.testing.assert_array_equal(got[2], got[0].shape)


def test_scalars():
    got = run(f"""{HEAD} g (float x, float y) => (float z, float[N] v) {{
        z = Mul(x, y) a = Constant<value_ints=[0]>() v = Unsqueeze(z, a) }}""",
              {"x": np.float32(3), "y": np.array(4, np.float32)})
    assert got[0].shape == () and got[0] == 12 and got[1].tolist() == [12]


def test_one_value_under_two_outputs():
    got = run(f"{HEAD} g (float[N] x) => (float[N] y, float[N] y) {{ y = Neg(x) }}", {"x": f32(1)})
    np.testing.assert_array_equal(got, [f32(-1), f32(-1)])


def test_outputs_that_are_inputs_initializers_and_constants():
    got = run(f"""{HEAD} g (float[N] x) => (float[N] x, float[2] w, float[1] c)
        <float[2] w = {{4, 5}}> {{ c = Constant<value_floats=[7.0]>() }}""", {"x": f32(1, 2)})
    assert [value.tolist() for value in got] == [[1, 2], [4, 5], [7]]


def test_results_do_not_share_memory_with_inputs_and_weights():
    session = session_of(f"""{HEAD} g (float[N] x) => (float[N] x, float[2] w)
        <float[2] w = {{4, 5}}> {{ }}""")
    x = f32(1, 2)
    first = session.run(None, {"x": x})
    first[0][:] = 9
    first[1][:] = 9
    assert x.tolist() == [1, 2]
    assert session.run(None, {"x": x})[1].tolist() == [4, 5]


def test_outputs_that_nobody_uses():
    got = run(f"""{HEAD} g (float[N] x) => (float[M] y) {{
        dead = Exp(x)
        k = Constant<value_ints=[1]>()
        y, unused = TopK(x, k) }}""", {"x": f32(1, 5, 3)})
    assert got[0].tolist() == [5]
    got = run(f"""{HEAD} g (float[N] x) => (int64[M] y) {{
        k = Constant<value_ints=[1]>() "", y = TopK(x, k) }}""", {"x": f32(1, 5, 3)})
    assert got[0].tolist() == [1]


def test_an_empty_name_is_an_input_left_out():
    got = run(f"""{HEAD} g (float[N] x, float high) => (float[N] y) {{ y = Clip(x, "", high) }}""",
              {"x": f32(-5, 5), "high": np.float32(1)})
    assert got[0].tolist() == [-5, 1]
    got = run(f"""{HEAD} g (float[N] x) => (float[N] y) {{ y = Clip(x, "", "") }}""",
              {"x": f32(-5, 5)})
    assert got[0].tolist() == [-5, 5]


def test_initializers_as_inputs():
    text = f"""{HEAD} g (float[N] x, float[1] w) => (float[N] y)
        <float[1] w = {{10}}> {{ y = Mul(x, w) }}"""
    assert run(text, {"x": f32(1, 2)})[0].tolist() == [10, 20]
    assert run(text, {"x": f32(1, 2), "w": f32(3)})[0].tolist() == [3, 6]
    session = session_of(text)
    assert [each.name for each in session.get_overridable_initializers()] == ["w"]


def test_inputs_that_nobody_uses():
    got = run(f"{HEAD} g (float[N] x, float[M] unused) => (float[N] y) {{ y = Neg(x) }}",
              {"x": f32(1), "unused": f32(2, 3)})
    assert got[0].tolist() == [-1]


def test_nodes_in_any_order():
    def reverse(model):
        nodes = list(model.graph.node)[::-1]
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    got = run(f"{HEAD} g (float[N] x) => (float[N] y) {{ t = Neg(x) u = Exp(t) y = Add(u, t) }}",
              {"x": f32(0)}, reverse=reverse)
    assert got[0].tolist() == [1]


# ---- domains


def error_of(text, **edits):
    with pytest.raises(sardonyx.Error) as error:
        session_of(text, **edits)
    return str(error.value)


def test_an_unknown_operator_names_its_domain_and_what_to_do():
    message = error_of("""<ir_version: 10, opset_import: ["": 21, "com.acme": 1]>
        g (float[N] x) => (float[N] y) { [first] t = com.acme.Magic(x) [second] y = com.acme.Wand(t) }""")
    assert "com.acme.Magic" in message and "com.acme.Wand" in message
    assert "'first'" in message and "'second'" in message
    assert "function of that domain" in message and "custom operator" in message


def test_a_domain_without_an_import_does_not_hide_the_unknown_operators():
    message = error_of("""<ir_version: 10, opset_import: ["": 21]>
        g (float[N] x) => (float[N] y) { [first] t = com.acme.Magic(x) [second] y = Missing(t) }""")
    assert "no opset of domain 'com.acme' is imported, which Magic 'first' needs" in message
    assert "com.acme.Magic" in message and "Missing (node 'second')" in message


def test_unknown_operators_in_bodies_and_functions_are_found():
    message = error_of(f"""{HEAD} g (float[N] x, bool p) => (float[N] y) {{
            t = local.f(x)
            y = If (p) <then_branch = a () => (r) {{ r = InBody(t) }},
                        else_branch = b () => (r) {{ r = Neg(t) }}> }}
        {BODY} f (a) => (b) {{ b = InFunction(a) }}""")
    assert "InBody" in message and "InFunction" in message


def test_a_missing_function_is_named_with_its_domain():
    assert "local.g" in error_of(f"{HEAD} g (float[N] x) => (float[N] y) {{ y = local.g(x) }}")


def test_a_bad_pattern_is_found_when_the_model_is_loaded():
    message = error_of("""<ir_version: 10, opset_import: ["": 21]>
        g (string[N] x) => (bool[N] y) { y = RegexFullMatch<pattern="(a">(x) }""")
    assert "no regular expression" in message


# ---- FlexAttention's bodies


def test_flex_attention_with_both_bodies():
    """Scores are capped and masked, probabilities halved; the mask is captured."""
    random = np.random.default_rng(4)
    q, k, v = (random.normal(size=(2, 2, 3, 4)) for _ in range(3))
    mask = np.where(np.tril(np.ones((3, 3))) > 0, 0, -np.inf)
    got = run("""<ir_version: 13, opset_import: ["": 24, "ai.onnx.preview": 1]>
        g (double[B,H,L,E] q, double[B,H,S,E] k, double[B,H,S,E] v, double[L,S] mask)
          => (double[B,H,L,E] y) {
          y = ai.onnx.preview.FlexAttention (q, k, v) <
            score_mod = a (double[B,H,L,S] s) => (double[B,H,L,S] o) { t = Tanh(s) o = Add(t, mask) },
            prob_mod = b (double[B,H,L,S] p) => (double[B,H,L,S] o) {
              half = Constant<value=double {0.5}>() o = Mul(p, half) }> }""",
              {"q": q, "k": k, "v": v, "mask": mask})[0]
    scores = np.tanh(q @ np.swapaxes(k, -1, -2) / 2) + mask
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(got, weights / 2 @ v, rtol=1e-10)
