"""Compares what a program found on the two runtimes: compare.py ORIGINAL.npz OURS.npz RTOL ATOL."""

import sys

import numpy as np


def check(name, wanted, got, rtol, atol):
    assert got.shape == wanted.shape, f"{name}: {got.shape} instead of {wanted.shape}"
    assert got.dtype.kind == wanted.dtype.kind, f"{name}: {got.dtype} instead of {wanted.dtype}"
    if wanted.dtype.kind != "f":
        assert np.array_equal(got, wanted), f"{name}: {got.tolist()} instead of {wanted.tolist()}"
        return 0.0
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, err_msg=name)
    return float(np.abs(got - wanted).max(initial=0))


def main(original, ours, rtol, atol):
    wanted, got = np.load(original), np.load(ours)
    assert sorted(got.files) == sorted(wanted.files), (got.files, wanted.files)
    worst = max(check(each, wanted[each], got[each], rtol, atol) for each in wanted.files)
    print(f"same: {', '.join(sorted(wanted.files))}; largest difference of a float {worst:.1e}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3], *map(float, sys.argv[3:]))
    except AssertionError as error:
        sys.exit(str(error))
