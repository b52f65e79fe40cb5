#!/usr/bin/env python3
"""Runs operators in the meaning that they had in old opsets: each case is one node of an old
version, with what the specification's text of that version says must come out, computed by NumPy.
Versions without a case mean what the newest one does: they run the recipe of type_cases.py. Exits
with 1 when a case fails, or when an older version of an operator can be run by neither.

    tests/conformance/old_opsets.py                 all cases
    tests/conformance/old_opsets.py --filter Pad    cases with "Pad" in their name
"""

import argparse
import sys

import numpy as np
import onnx
import onnx.defs
from onnx import helper

import old_opset_layers
import type_cases


def model_of(case):
    """The model of a case: its node alone, in a model of its opset."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(case.inputs)]
    inputs = [
        helper.make_tensor_value_info(
            f"x{i}", helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for i, value in enumerate(case.inputs)
        if value is not None
    ]
    outputs = [f"y{i}" if value is not None else "" for i, value in enumerate(case.outputs)]
    node = helper.make_node(case.op, names, outputs, **case.attrs)
    declared = [helper.make_empty_tensor_value_info(name) for name in outputs if name]
    nodes = [node]
    fixed = []
    for index in case.constants:
        value = case.inputs[index]
        fixed.append(onnx.numpy_helper.from_array(value, f"x{index}"))
    graph = helper.make_graph(nodes, "case", inputs, declared, fixed)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=4
    )


def run_case(case, runtime):
    model = model_of(case)
    session = runtime.InferenceSession(model.SerializeToString())
    feeds = {
        f"x{i}": value
        for i, value in enumerate(case.inputs)
        if value is not None and i not in case.constants
    }
    got = session.run(None, feeds)
    wanted = [value for value in case.outputs if value is not None]
    assert len(got) == len(wanted), f"{len(got)} outputs, expected {len(wanted)}"
    for i, (have, want) in enumerate(zip(got, wanted)):
        if callable(want):
            want(have)
            continue
        want = np.asarray(want)
        assert have.dtype == want.dtype, f"output {i} is {have.dtype}, expected {want.dtype}"
        assert have.shape == want.shape, f"output {i} has shape {have.shape}, expected {want.shape}"
        if want.dtype.kind == "f":
            np.testing.assert_allclose(have, want, rtol=2e-5, atol=2e-6, err_msg=f"output {i}")
        else:
            np.testing.assert_array_equal(have, want, err_msg=f"output {i}")


def older_versions():
    """The schemas of ai.onnx that have a successor and were not deprecated themselves."""
    newest = type_cases.schemas()
    found = [
        schema
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == "" and not schema.deprecated
    ]
    found = [
        schema
        for schema in found
        if schema.name not in newest or newest[schema.name].since_version > schema.since_version
    ]
    return sorted(found, key=lambda schema: (schema.name, schema.since_version))


def run_recipe(schema, runtime):
    """The recipe of the newest version, in the opset of an older one."""
    recipes = type_cases.recipes()
    choices = type_cases.assignments(schema, recipes.COUPLED.get(schema.name))
    types = max(choices, key=lambda types: sum("(float)" in text for text in types.values()))
    node = recipes.RECIPES[schema.name](type_cases.Draw(types, 1))
    unknown = [name for name in node.attrs if name not in schema.attributes]
    assert not unknown, f"no attribute {unknown} in this version: write a case"
    model = type_cases.build_model(schema, node, types)
    model.opset_import[0].version = schema.since_version
    outputs = runtime.InferenceSession(model.SerializeToString()).run(
        None, type_cases.feeds_of(node)
    )
    if node.check is not None:
        node.check(node.inputs, outputs)
    else:
        newest = type_cases.schemas_by_title(schema.name)
        type_cases.compare_all(
            schema, node, types, outputs, type_cases.expected_outputs(newest, node, types)
        )


def main():
    import sardonyx

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only cases with this text in their name")
    arguments = parser.parse_args()
    todo = {
        case.name: lambda case=case: run_case(case, sardonyx) for case in old_opset_layers.CASES
    }
    assert len(todo) == len(old_opset_layers.CASES), "two cases have the same name"
    covered = {
        (case.op, onnx.defs.get_schema(case.op, case.opset).since_version)
        for case in old_opset_layers.CASES
    }
    older = older_versions()
    for schema in older:
        if (schema.name, schema.since_version) not in covered:
            name = f"{schema.name}-{schema.since_version} as today"
            todo[name] = lambda schema=schema: run_recipe(schema, sardonyx)
    failed = chosen = 0
    for name, run in todo.items():
        if arguments.filter not in name:
            continue
        chosen += 1
        try:
            run()
        except Exception as error:
            failed += 1
            text = " ".join((str(error).strip() or repr(error)).split())
            print(f"FAILED {name}: {type(error).__name__}: {text[:300]}")
    print(
        f"old opsets: {chosen - failed} passed, {failed} failed, of {chosen}"
        f" ({len(older)} older versions of operators)"
    )
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
