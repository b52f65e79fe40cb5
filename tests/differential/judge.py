"""Runs one case here and there and says how the two agree. The judge is ONNX Runtime where it has the
operator, else the onnx package's ReferenceEvaluator, or what the case itself computes. Entry point:
run_case."""

import ml_dtypes
import numpy as np
import oracle
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

# Relative and absolute tolerance, by dtype.
TOLERANCE = {"float64": (1e-9, 1e-9), "float32": (2e-4, 2e-5), "float16": (4e-3, 4e-3),
             "bfloat16": (2e-2, 2e-2)}  # fmt: skip

AGREED, BOTH_REFUSE, UNJUDGED = "agreed", "both refuse", "no judge"


def element_type(value):
    return helper.np_dtype_to_tensor_dtype(value.dtype)


def type_of(value, dims):
    if isinstance(value, list):
        item = helper.make_tensor_type_proto(element_type(value[0]), None)
        return helper.make_sequence_type_proto(item)
    return helper.make_tensor_type_proto(element_type(value), dims)


def build_model(case, dims="numbers"):
    """The model of a case, its inputs declared with dims that are numbers or symbols, or none."""
    names = ["" if each is None else f"x{i}" for i, each in enumerate(case.inputs)]
    results = [f"y{i}" if asked else "" for i, asked in enumerate(case.outputs)]
    node = helper.make_node(case.op, names, results, name="node", domain=case.domain, **case.attrs)
    inputs, held = [], []
    for i, value in enumerate(case.inputs):
        if value is None:
            continue
        if i in case.constants:
            held.append(numpy_helper.from_array(value, names[i]))
            continue
        shape = None if isinstance(value, list) or dims == "none" else value.shape
        if dims == "symbols" and shape is not None:
            shape = [f"d{i}_{axis}" for axis in range(value.ndim)]
        inputs.append(helper.make_value_info(names[i], type_of(value, shape)))
    outputs = [helper.make_empty_tensor_value_info(name) for name in results if name]
    graph = helper.make_graph([node], "case", inputs, outputs, held)
    imports = [helper.make_opsetid("", case.opset if case.domain == "" else 21)]
    if case.domain:
        imports.append(helper.make_opsetid(case.domain, case.opset))
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def feeds_of(case):
    return {f"x{i}": value for i, value in enumerate(case.inputs)
            if value is not None and i not in case.constants}  # fmt: skip


def run_judge(case):
    """The outputs that must come out, and who says so; (None, errors) when nobody can."""
    model = build_model(case)
    if case.judge is not None:
        values = case.judge(*case.inputs)
        return list(values) if isinstance(values, (tuple, list)) else [values], "the case"
    errors = []
    if case.unlike is None:
        outputs, error = oracle.ask(model.SerializeToString(), feeds_of(case))
        if error is None:
            return outputs, "ONNX Runtime"
        errors.append(f"ONNX Runtime: {error}")
    try:
        with np.errstate(all="ignore"):
            return ReferenceEvaluator(model).run(None, feeds_of(case)), "ReferenceEvaluator"
    except Exception as error:
        errors.append(f"ReferenceEvaluator: {type(error).__name__}: {error}")
    return None, "; ".join(errors)


def compare(got, wanted, case, what):
    if isinstance(wanted, list):
        assert isinstance(got, list), f"{what}: {type(got).__name__} instead of a list"
        assert len(got) == len(wanted), f"{what}: {len(got)} items, expected {len(wanted)}"
        for index, (item, each) in enumerate(zip(got, wanted)):
            compare(item, each, case, f"{what}[{index}]")
        return
    if isinstance(wanted, dict):
        assert list(got) == list(wanted), f"{what}: keys {list(got)}, expected {list(wanted)}"
        compare(np.array(list(got.values())), np.array(list(wanted.values())), case, what)
        return
    wanted = np.asarray(wanted)
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, expected {wanted.shape}"
    assert got.dtype == wanted.dtype or wanted.dtype.kind in "OUS", (
        f"{what}: {got.dtype}, expected {wanted.dtype}"
    )
    if case.random:
        return
    if wanted.dtype.kind in "OUS":
        assert got.tolist() == wanted.tolist(), f"{what}: {got.tolist()}, not {wanted.tolist()}"
        return
    if wanted.dtype.kind in "biu" or wanted.dtype.name not in TOLERANCE:
        if wanted.dtype.kind in "iu" and case.ulps:
            off = np.abs(got.astype(np.float64) - wanted.astype(np.float64)).max(initial=0)
            assert off <= case.ulps, f"{what}: {got.ravel()[:8]}, expected {wanted.ravel()[:8]}"
            return
        same = got.astype(np.int64 if wanted.dtype.itemsize == 1 else got.dtype) == wanted.astype(
            np.int64 if wanted.dtype.itemsize == 1 else wanted.dtype)
        assert same.all(), (
            f"{what}: {got.ravel()[~same.ravel()][:6]}, expected {wanted.ravel()[~same.ravel()][:6]}"
        )
        return
    rtol, atol = TOLERANCE[wanted.dtype.name]
    wide = np.float64
    with np.errstate(all="ignore"):
        ours, theirs = got.astype(wide), wanted.astype(wide)
    if case.lowest is not None:
        theirs = np.where(theirs == float(np.finfo(np.float32).min), case.lowest, theirs)
    finite = np.abs(theirs[np.isfinite(theirs)])
    scale = max(1.0, float(finite.max())) if finite.size and finite.max() < 1e30 else 1.0
    np.testing.assert_allclose(ours, theirs, rtol=rtol * case.rtol,
                               atol=atol * case.atol * scale, err_msg=what)


def run_case(case, runtime):
    """How the case went: AGREED by whom, BOTH_REFUSE or UNJUDGED; raises when it went wrong."""
    wanted, judge = run_judge(case)
    refusals, outcomes = [], []
    # Operators of others are said by those of ai.onnx while loading, which takes known ranks.
    for dims in ("numbers", "symbols") if case.domain == "com.microsoft" else (
        "numbers", "symbols", "none"):  # fmt: skip
        try:
            session = runtime.InferenceSession(build_model(case, dims).SerializeToString())
            got = session.run(None, feeds_of(case))
        except runtime.Error as error:
            assert str(error).strip(), "an error without a message"
            refusals.append(f"{dims}: {error}")
            continue
        outcomes.append((dims, got))
    if wanted is None:
        return (BOTH_REFUSE, refusals[0] + " | " + judge) if refusals else (UNJUDGED, judge)
    assert not refusals, f"refused, where {judge} runs it: {refusals[0]}"
    for dims, got in outcomes:
        assert len(got) == len(wanted), f"{len(got)} outputs, expected {len(wanted)} ({judge})"
        for i, (ours, theirs) in enumerate(zip(got, wanted)):
            compare(ours, theirs, case, f"output {i}, dims {dims}, by {judge}")
    return AGREED, judge


assert ml_dtypes  # NumPy knows bfloat16 once it is imported
