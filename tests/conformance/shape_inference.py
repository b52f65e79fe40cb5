#!/usr/bin/env python3
"""Runs the shape inference suites of the onnx package (onnx/test/shape_inference_test.py, and those
of the propagation of values, of symbols and of whole models) with sardonyx.infer_shapes in the place
of onnx's own, and holds the result to a manifest of known failures that may only shrink.

    tests/conformance/shape_inference.py              all test functions
    tests/conformance/shape_inference.py --filter conv
    tests/conformance/shape_inference.py --update     take what passes now out of the manifest

A test passes when what is inferred is what it expects, or says strictly more: a number for a symbol or
for nothing, a shape for none. Exits with 1 when an unlisted test fails, or a listed one passes."""

import argparse
import contextlib
import importlib
import io
import os
import sys
import unittest
from pathlib import Path

import onnx.shape_inference

HERE = Path(__file__).parent
MANIFEST = HERE / "known_shape_failures.txt"
BUILT = HERE.parents[1] / "build" / "python"
SUITES = ("shape_inference_test", "data_propagation_test", "symbolic_shape_test",
          "model_inference_test")  # fmt: skip
HEADER = """\
# Tests of the onnx package's suites of shape inference that do not pass, one per line, perhaps with the reason.
# tests/conformance/shape_inference.py --update takes lines out; it fails when one listed here passes.
"""

more_specific = set()  # tests in which more was inferred than expected
current = None


def replace_inference(sardonyx):
    original = onnx.shape_inference.infer_shapes

    def infer_shapes(model, check_type=False, strict_mode=False, data_prop=False):
        if not isinstance(model, (onnx.ModelProto, bytes)):
            return original(model, check_type, strict_mode, data_prop)  # onnx's check of arguments
        try:
            return sardonyx.infer_shapes(model, strict=strict_mode or check_type)
        except sardonyx.Error as error:
            raise onnx.shape_inference.InferenceError(str(error)) from error

    onnx.shape_inference.infer_shapes = infer_shapes


def fits_dim(expected, got):
    """Whether `got` is `expected` or knows more."""
    if expected.HasField("dim_value"):
        return got.HasField("dim_value") and got.dim_value == expected.dim_value
    if got.HasField("dim_value") or (got.dim_param and not expected.dim_param):
        more_specific.add(current)
        return True
    return got.dim_param == expected.dim_param


def fits(expected, got):
    kind = expected.WhichOneof("value")
    if kind is None:
        if got.WhichOneof("value") is not None:
            more_specific.add(current)
        return True
    if got.WhichOneof("value") != kind:
        return False
    expected, got = getattr(expected, kind), getattr(got, kind)
    if kind in ("sequence_type", "optional_type"):
        return fits(expected.elem_type, got.elem_type)
    if kind == "map_type":
        return got.key_type == expected.key_type and fits(expected.value_type, got.value_type)
    if expected.elem_type not in (0, got.elem_type):
        return False
    if not expected.HasField("shape"):
        if got.HasField("shape"):
            more_specific.add(current)
        return True
    if not got.HasField("shape") or len(expected.shape.dim) != len(got.shape.dim):
        return False
    return all(fits_dim(*pair) for pair in zip(expected.shape.dim, got.shape.dim))


def compare_types(self, expected, got):
    assert fits(expected, got), f"expected\n{expected}\ngot\n{got}"


def assert_inferred(self, graph_or_model, vis, **kwargs):
    graph = getattr(graph_or_model, "graph", graph_or_model)
    expected = {info.name: info for info in graph.value_info} | {info.name: info for info in vis}
    model = self._inferred(graph_or_model, **kwargs)
    inner = {info.name: info for info in model.graph.value_info}
    got = inner | {info.name: info for info in model.graph.output}
    for name, info in expected.items():
        if name not in got:
            assert info.type == onnx.TypeProto(), f"nothing is inferred for {name}"
            continue
        assert fits(info.type, got[name].type), f"{name}: expected\n{info.type}\ngot\n{got[name].type}"
    if set(inner) - set(expected):
        more_specific.add(current)


def find_tests():
    loader = unittest.TestLoader()
    seen = set()  # suites import each other's classes
    for suite in SUITES:
        for each in loader.loadTestsFromModule(importlib.import_module(suite)):
            for test in each:
                name = ".".join(test.id().split(".")[1:])
                if name not in seen:
                    yield name, test
                seen.add(name)


def run_test(name, test):
    """None, or why it failed; "skipped" counts as neither."""
    global current
    current = name
    result = unittest.TestResult()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            test(result)
        except BaseException as outcome:  # pytest.skip
            if type(outcome).__name__ != "Skipped":
                raise
            return "skipped"
    if result.skipped:
        return "skipped"
    problems = result.failures + result.errors
    if not problems:
        return None
    text = problems[0][1].strip().splitlines()
    if text[-1].startswith("Skipped: "):
        return "skipped"
    if "InferenceError" in text[-1]:
        return text[-1]
    return " ".join(text[-8:])


def read_manifest():
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    return {line.split()[0]: line for line in lines if line.strip() and not line.startswith("#")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only tests with this text in their name")
    parser.add_argument("--update", action="store_true", help="rewrite the manifest, shrinking it")
    parser.add_argument("--allow-grow", action="store_true", help="with --update: add failures")
    parser.add_argument("--reasons", action="store_true", help="say why each test fails")
    arguments = parser.parse_args()
    if BUILT.is_dir() and not os.environ.get("PYTHONPATH"):
        sys.path.insert(0, str(BUILT))
    import sardonyx

    replace_inference(sardonyx)
    sys.path.insert(0, str(Path(onnx.__file__).parent / "test"))  # they import each other
    base = importlib.import_module(SUITES[0]).TestShapeInferenceHelper
    base._compare_value_infos = compare_types
    base._assert_inferred = assert_inferred
    outcomes = {name: run_test(name, test) for name, test in find_tests()
                if arguments.filter in name}
    skipped = {name for name, outcome in outcomes.items() if outcome == "skipped"}
    failed = {name for name, outcome in outcomes.items() if outcome} - skipped
    if arguments.reasons:
        for name in sorted(failed):
            print(f"{name}: {outcomes[name]}")
    known = read_manifest()
    if arguments.update:
        kept = {name for name in known if name not in outcomes or name in failed}
        kept |= failed if arguments.allow_grow else set()
        MANIFEST.write_text(HEADER + "".join(f"{known.get(name, name)}\n" for name in sorted(kept)))
        known = read_manifest()
    new = sorted(failed - set(known))
    fixed = sorted(name for name in known if name in outcomes and name not in failed)
    for name in new:
        print(f"FAILED {name}: {outcomes[name][:300]}")
    for name in fixed:
        print(f"PASSED, so take it out of {MANIFEST.name} (--update): {name}")
    passed = len(outcomes) - len(failed) - len(skipped)
    share = 100 * passed / max(1, len(outcomes) - len(skipped))
    print(f"shape inference: {passed} passed ({len(more_specific - failed)} of them say more),"
          f" {len(new)} failed, {len(failed) - len(new)} known failures, {len(skipped)} skipped,"
          f" of {len(outcomes)}: {share:.1f}%")
    return 1 if new or fixed else 0


if __name__ == "__main__":
    sys.exit(main())
