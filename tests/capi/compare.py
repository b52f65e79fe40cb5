"""Holds this build's C ABI to ONNX Runtime's own library: the same calls on both, the same outcome.

capi_probe calls every entry of the table with arguments that fit and with each pointer NULL;
capi_scenarios does what clients do wrong. Each call has a process of its own. This script fails
when this library ends a process where ONNX Runtime's does not, when one succeeds where the other
fails, when status codes differ, and when messages differ that clients compare (names that end with
"="; "begins=": ours may go on). What may differ is in differences.txt, with the reason, and may only shrink.

    .venv/bin/python tests/capi/compare.py [--list]

--list prints every difference instead, those that are known too.
"""

import argparse
import fnmatch
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
OURS = BUILD / "lib" / "libonnxruntime.so.1"


def theirs() -> pathlib.Path:
    import onnxruntime  # the package brings the library

    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    return next(folder.glob("libonnxruntime.so.1.*"))


def outcomes(program: str, library: pathlib.Path) -> dict[str, str]:
    """Lines "name <tab> outcome" of a program on a library."""
    done = subprocess.run([BUILD / "tests" / program], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=300, check=True,
                          env=os.environ | {"CAPI_LIBRARY": str(library)})
    lines = done.stdout.decode(errors="replace").splitlines()
    return dict(line.rsplit("\t", 1) for line in lines if "\t" in line)


def kind(outcome: str) -> str:
    """"ok", "returned", "crash", or the status code."""
    return outcome.split(" ", 1)[0]


def is_null_refused(name: str, ours: str) -> bool:
    """NULL where there must be something: INVALID_ARGUMENT here, and it says which."""
    return "\targument" in name and ours.startswith("2 ") and "is NULL" in ours


def difference(name: str, ours: str, other: str) -> str | None:
    """What is wrong with our outcome, if anything."""
    if kind(other) == "crash":
        return None  # nothing to be equal to; whether ours crashes is looked at apart
    if kind(ours) == "crash":
        return "ends the process"
    if is_null_refused(name, ours) and kind(other) not in ("ok", "returned"):
        return None  # both refuse, for the first reason that they find
    if kind(ours) != kind(other):
        return "another outcome"
    if name.endswith(" begins=") and ours.startswith(other):
        return None
    if name.endswith("=") and ours != other:
        return "another message"
    return None


def read_known() -> dict[str, str]:
    """Patterns of names with the reasons above them."""
    known, reason = {}, ""
    for line in (HERE / "differences.txt").read_text().splitlines():
        if line.startswith("#"):
            reason = line[1:].strip()
        elif line.strip():
            known[line.strip()] = reason
    return known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true")
    listing = parser.parse_args().list
    known = read_known()
    used, failures, count = set(), 0, 0
    for program in ("capi_probe", "capi_scenarios"):
        ours, other = outcomes(program, OURS), outcomes(program, theirs())
        if ours.keys() - other.keys() or len(ours) < 100:
            print(f"{program}: the two libraries were not asked the same")
            return 1
        for name in sorted(ours):
            count += 1
            found = difference(name, ours[name], other[name])
            if found is None:
                continue
            label = f"{program.removeprefix('capi_')} {name}".replace("\t", " ")
            pattern = next((each for each in known if fnmatch.fnmatchcase(label, each)), None)
            if pattern is not None:
                used.add(pattern)
            if pattern is None or listing:
                failures += pattern is None
                print(f"{label}: {found}\n    here: {ours[name][:200]}\n"
                      f"    ONNX Runtime: {other[name][:200]}")
    for pattern in known.keys() - used:
        failures += 1
        print(f"differences.txt: '{pattern}' is no difference any more; take it out")
    print(f"{count} calls compared, {failures} unexpected differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
