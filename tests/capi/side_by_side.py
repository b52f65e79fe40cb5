"""Runs one client of the C ABI (abi.py) twice, with nothing changed but the library's path, on the
models of tests/models that are there, and compares the outputs; then the time per call of a tiny
graph through the C ABI and through the C++ API (capi_overhead).

    .venv/bin/python tests/capi/side_by_side.py [--only NAME] [--models DIR]

An output agrees when no element differs by more than 1e-5 of the output's scale, which is its
largest magnitude, or 1 where that is smaller; integers and booleans must be equal. Where ONNX
Runtime differs more than that from itself with its graph optimizations off, arithmetic in 32 bits
does not determine the output so finely, and the bar is 3 times that difference. A model that is
known to differ more has its reason in KNOWN, which only shrinks: it fails when it agrees. The C ABI
may take 0.2 µs a call more than the C++ API. Exit code 1 when anything fails.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]

from abi import Library, Session  # noqa: E402
from cases import load_case  # noqa: E402
from compare import OURS, theirs  # noqa: E402

OF_SCALE = 1e-5
OWN_FACTOR = 3
MICROSECONDS = 0.2
KNOWN: dict[str, str] = {}


def run_client(library_path: str, model: str, case: str, result: str, level: str) -> None:
    """The client: loads the library, the model and the case, and writes what came out."""
    session = Session(Library(library_path), model, threads=2, optimized=level == "optimized")
    inputs, expected, _ = load_case(case)
    feeds = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
    np.savez(result, *session.run(feeds, list(expected)))


def outputs(library_path, model, case, folder, level="optimized") -> list[np.ndarray]:
    result = pathlib.Path(folder) / "result.npz"
    done = subprocess.run([sys.executable, __file__, "--client", library_path, model, case, result,
                           level], stderr=subprocess.PIPE, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip()[-400:])
    with np.load(result) as arrays:
        return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]


def error_of_scale(one, other) -> float:
    """The largest difference, as a part of the output's scale; infinite where kinds differ."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return float("inf")
    if other.dtype.kind != "f":
        return 0.0 if np.array_equal(one, other) else float("inf")
    one, other = one.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(one), finite):
        return float("inf")
    scale = max(1.0, float(np.abs(other[finite]).max(initial=0)))
    return float(np.abs(one - other)[finite].max(initial=0)) / scale


def compare_model(folder: pathlib.Path, scratch: str) -> tuple[bool, str]:
    """Whether all outputs of all cases agree, and figures."""
    model = folder / "model.onnx"
    agree, worst, own_worst, count = True, 0.0, 0.0, 0
    for case in sorted(folder.glob("*.npz")):
        other = outputs(theirs(), model, case, scratch)
        errors = [error_of_scale(*pair)
                  for pair in zip(outputs(OURS, model, case, scratch), other)]
        own = [0.0] * len(errors)
        if max(errors) > OF_SCALE:
            plain = outputs(theirs(), model, case, scratch, "plain")
            own = [error_of_scale(*pair) for pair in zip(plain, other)]
        agree &= all(error <= max(OF_SCALE, OWN_FACTOR * itself)
                     for error, itself in zip(errors, own))
        worst, own_worst = max(worst, *errors), max(own_worst, *own)
        count += len(errors)
    text = f"{worst:.1e} of scale in {count} outputs"
    return agree, text + (f"; ONNX Runtime from itself {own_worst:.1e}" if own_worst else "")


def overhead() -> tuple[float, str]:
    line = subprocess.run([BUILD / "tests" / "capi_overhead"], stdout=subprocess.PIPE, check=True,
                          timeout=300).stdout.decode().strip()
    return float(line.split()[-1]) / 1e3, line


def main() -> int:
    if sys.argv[1:2] == ["--client"]:
        run_client(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append")
    parser.add_argument("--models", type=pathlib.Path, default=BUILD / "models")
    arguments = parser.parse_args()
    failed, seen = 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for folder in sorted(arguments.models.glob("*/*")):
            if not any(folder.glob("*.npz")) or (arguments.only and
                                                 folder.name not in arguments.only):
                continue
            seen += 1
            try:
                agree, text = compare_model(folder, scratch)
            except (RuntimeError, subprocess.TimeoutExpired, KeyError) as error:
                agree, text = False, str(error)
            name = f"{folder.parent.name}/{folder.name}"
            failed += agree == (name in KNOWN)
            if name in KNOWN:
                text += "; known, but it agrees" if agree else f"; known: {KNOWN[name]}"
            print(f"{name:42} {'same' if agree else 'DIFFERS':8}{text}", flush=True)
    if seen == 0:
        print(f"no models with cases in {arguments.models}; tests/models/run.py makes them")
        return 1
    more, line = overhead()
    failed += more > MICROSECONDS
    print(f"time per call: {line} ns; bar: {MICROSECONDS} µs more than the C++ API")
    print(f"{seen} models, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
