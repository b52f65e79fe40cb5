"""Casts between float types, over all numbers of 8 and 16 bits and many of 32, against ml_dtypes: which
rounds to the nearest, ties to even, and does not saturate."""

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

import sardonyx

TYPES = {
    "float16": (np.float16, TensorProto.FLOAT16),
    "bfloat16": (ml_dtypes.bfloat16, TensorProto.BFLOAT16),
    "float": (np.float32, TensorProto.FLOAT),
    "double": (np.float64, TensorProto.DOUBLE),
    "float8e4m3fn": (ml_dtypes.float8_e4m3fn, TensorProto.FLOAT8E4M3FN),
    "float8e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, TensorProto.FLOAT8E4M3FNUZ),
    "float8e5m2": (ml_dtypes.float8_e5m2, TensorProto.FLOAT8E5M2),
    "float8e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, TensorProto.FLOAT8E5M2FNUZ),
}
EIGHT_BITS = [name for name in TYPES if "8" in name]


def all_numbers(name):
    """Every number of up to 16 bits; of more, drawn by their bits, and all those of 16."""
    dtype = np.dtype(TYPES[name][0])
    if dtype.itemsize <= 2:
        bits = np.arange(256**dtype.itemsize, dtype=np.uint32)
        return bits.astype(f"u{dtype.itemsize}").view(dtype)
    bits = np.random.default_rng(1).integers(0, 2**32, 50000, np.uint32)
    with np.errstate(all="ignore"):
        halves = [all_numbers(each).astype(np.float32) for each in ("float16", "bfloat16")]
        near = np.nextafter(halves[0], np.float32(9))  # beside what is halfway between others
        return np.concatenate([bits.view(np.float32), *halves, near]).astype(dtype)


def cast(x, source, target, **attributes):
    node = helper.make_node("Cast", ["x"], ["y"], to=TYPES[target][1], **attributes)
    graph = helper.make_graph(
        [node], "cast", [helper.make_tensor_value_info("x", TYPES[source][1], ["N"])],
        [helper.make_tensor_value_info("y", TYPES[target][1], ["N"])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=11)
    return sardonyx.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


def wanted(x, target, saturate):
    dtype = TYPES[target][0]
    with np.errstate(all="ignore"):
        y = x.astype(np.float32).astype(dtype) if target in EIGHT_BITS else x.astype(dtype)
        if target not in EIGHT_BITS or not saturate:
            return y
        wide, largest = x.astype(np.float64), float(ml_dtypes.finfo(dtype).max)
        over = ~np.isnan(wide) & ~np.isfinite(y.astype(np.float64))
        return np.where(over, np.copysign(largest, wide).astype(dtype), y)


@pytest.mark.parametrize("target", TYPES)
@pytest.mark.parametrize("source", TYPES)
def test_every_number(source, target):
    x = all_numbers(source)
    for saturate in (0, 1) if target in EIGHT_BITS else (1,):
        attributes = {"saturate": saturate} if target in EIGHT_BITS else {}
        got = cast(x, source, target, **attributes)
        # (A cast to its own type changes nothing, infinities neither.)
        want = x if source == target else wanted(x, target, saturate)
        assert got.dtype == want.dtype
        wide_got, wide_want = got.astype(np.float64), want.astype(np.float64)
        numbers = ~np.isnan(wide_want)
        np.testing.assert_array_equal(np.isnan(wide_got), ~numbers)
        np.testing.assert_array_equal(wide_got[numbers], wide_want[numbers])
        np.testing.assert_array_equal(np.signbit(wide_got)[numbers], np.signbit(wide_want)[numbers])
