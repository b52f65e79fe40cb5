#!/usr/bin/env python3
"""Runs operators in the meaning that they had in old opsets: each case is one node of an old
version, with what the specification's text of that version says must come out, computed by NumPy.
Exits with 1 when a case fails.

    tests/conformance/old_opsets.py                 all cases
    tests/conformance/old_opsets.py --filter Pad    cases with "Pad" in their name
"""

import argparse
import sys

import numpy as np
import onnx
from onnx import helper

import old_opset_layers


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


def main():
    import sardonyx

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only cases with this text in their name")
    arguments = parser.parse_args()
    chosen = [case for case in old_opset_layers.CASES if arguments.filter in case.name]
    failed = 0
    for case in chosen:
        try:
            run_case(case, sardonyx)
        except Exception as error:
            failed += 1
            text = " ".join((str(error).strip() or repr(error)).split())
            print(f"FAILED {case.name}: {type(error).__name__}: {text[:300]}")
    operators = {(case.op, case.opset) for case in chosen}
    print(
        f"old opsets: {len(chosen) - failed} passed, {failed} failed, of {len(chosen)}"
        f" ({len(operators)} operators in a version)"
    )
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
