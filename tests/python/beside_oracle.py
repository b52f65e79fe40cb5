"""One node, the same random inputs, here and in ONNX Runtime."""

import numpy as np
import onnxruntime
from onnx import helper

import sardonyx

MS = "com.microsoft"
F32 = np.float32


def random(*shape, seed=0, scale=1.0, dtype=F32):
    return (np.random.default_rng(seed + sum(shape)).standard_normal(shape) * scale).astype(dtype)


def make_model(op, inputs, outputs, attrs, domain=MS, dims="numbers", constants=(), opset=21):
    """One node; inputs are arrays or None, outputs the dtypes of its results or None. dims says how
    inputs are declared: with "numbers", with "symbols", or with "none", not even a rank."""
    names = ["" if each is None else f"x{i}" for i, each in enumerate(inputs)]
    results = ["" if each is None else f"y{i}" for i, each in enumerate(outputs)]
    node = helper.make_node(op, names, results, name="node", domain=domain, **attrs)

    def declare(i, array):
        declared = {
            "numbers": array.shape,
            "symbols": [f"d{i}_{axis}" for axis in range(array.ndim)],
            "none": None,
        }
        return helper.make_tensor_value_info(
            names[i], helper.np_dtype_to_tensor_dtype(array.dtype), declared[dims]
        )

    fed = [(i, each) for i, each in enumerate(inputs) if each is not None]
    graph = helper.make_graph(
        [node],
        "contrib",
        [declare(i, each) for i, each in fed if i not in constants],
        [
            helper.make_tensor_value_info(f"y{i}", helper.np_dtype_to_tensor_dtype(dtype), None)
            for i, dtype in enumerate(map(lambda d: None if d is None else np.dtype(d), outputs))
            if dtype is not None
        ],
        [
            helper.make_tensor(
                names[i], helper.np_dtype_to_tensor_dtype(each.dtype), each.shape, each.ravel()
            )
            for i, each in fed
            if i in constants
        ],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(MS, 1)]
    if domain not in ("", MS):
        imports.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    feeds = {names[i]: each for i, each in fed if i not in constants}
    return model.SerializeToString(), feeds


def oracle(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Without VNNI its 8-bit products saturate at 16 bits unless they are asked to be exact.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def check_same(got, wanted, rtol=1e-4, atol=1e-5):
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if theirs.dtype == object:
            assert ours.tolist() == theirs.tolist()
        else:
            np.testing.assert_allclose(
                ours.astype(np.float64) if theirs.dtype.kind == "f" else ours,
                theirs.astype(np.float64) if theirs.dtype.kind == "f" else theirs,
                rtol=rtol,
                atol=atol,
            )


def check(
    op, inputs, outputs=(F32,), domain=MS, constants=(), rtol=1e-4, atol=1e-5, opset=21, **attrs
):
    """Both runtimes agree, with dims declared as numbers, as symbols, and not at all."""
    wanted = None
    for dims in ("numbers", "symbols", "none"):
        model, feeds = make_model(op, inputs, outputs, attrs, domain, dims, constants, opset)
        if wanted is None:
            wanted = oracle(model).run(None, feeds)
        got = sardonyx.InferenceSession(model).run(None, feeds)
        check_same(got, wanted, rtol, atol)


def check_defined(op, inputs, wanted, domain=MS, constants=(), rtol=1e-4, atol=1e-5, **attrs):
    """What the definition gives (None: nobody asks), where ONNX Runtime has no kernel for
    processors."""
    outputs = [None if each is None else each.dtype for each in wanted]
    for dims in ("numbers", "symbols", "none"):
        for fixed in ((), constants):
            model, feeds = make_model(op, inputs, outputs, attrs, domain, dims, fixed)
            got = sardonyx.InferenceSession(model).run(None, feeds)
            check_same(got, [each for each in wanted if each is not None], rtol, atol)
