#!/usr/bin/env python3
"""Runs the backend test data of the onnx package (node, simple, pytorch-*, real) through the Python
module, and holds the result to a manifest of known failures that may only shrink.

    tests/conformance/run.py                      all cases
    tests/conformance/run.py --filter conv        cases with "conv" in their name
    tests/conformance/run.py --update             take what passes now out of the manifest

Cases run in worker processes, so that a crash of the library names its case and ends nothing else.
Exits with 1 when an unlisted case fails, or a listed one passes."""

import argparse
import collections
import os
import sys
from pathlib import Path

from workers import Manifest, first_line, report, run_all, serve

HERE = Path(__file__).parent

HEADER = """\
# Cases of the onnx package's backend test data that do not pass, one per line: not yet, or because
# the stored output is wrong, which the rest of the line then proves.
# tests/conformance/run.py --update takes lines out; it fails when a case listed here passes.
"""
MANIFEST = Manifest(HERE / "known_failures.txt", HEADER)


def work():
    import onnx

    import cases
    import sardonyx

    def run(name, result):
        model = onnx.load(cases.model_path(name), load_external_data=False)
        result["op"] = cases.operators_of(model)
        cases.run_case(name, sardonyx)

    serve(run)


def print_operators(results):
    """A table of operators with cases that fail."""
    counts = collections.defaultdict(lambda: [0, 0])
    for result in results.values():
        counts[result.get("op", "?")][result["error"] is not None] += 1
    rows = sorted((op, good, bad) for op, (good, bad) in counts.items() if bad)
    if not rows:
        return
    print(f"{'operator':30} passed failed")
    for op, good, bad in rows:
        print(f"{op:30} {good:6} {bad:6}")


def print_reasons(results):
    reasons = collections.Counter(
        first_line(result["error"], 100) for result in results.values() if result["error"]
    )
    print("\nmost frequent reasons:")
    for reason, count in reasons.most_common(20):
        print(f"{count:5}  {reason}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only cases with this text in their name")
    parser.add_argument("--update", action="store_true", help="rewrite the manifest, shrinking it")
    parser.add_argument("--allow-grow", action="store_true", help="with --update: add failures")
    parser.add_argument("--reasons", action="store_true", help="say why each case fails")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.worker:
        work()
        return 0
    import cases

    names = [name for name in cases.find_cases() if arguments.filter in name]
    if not names:
        print(f"conformance: no case has '{arguments.filter}' in its name")
        return 2
    results = run_all(names, arguments.jobs, __file__)
    failed = {name for name, result in results.items() if result["error"]}
    if arguments.reasons:
        for name in sorted(failed):
            print(f"{name}: {first_line(results[name]['error'])}")
    print_operators(results)
    if failed:
        print_reasons(results)
    print()
    if arguments.update:
        MANIFEST.update(set(names), failed, arguments.allow_grow)
    return report("conformance", results, MANIFEST, cases.find_cases())


if __name__ == "__main__":
    sys.exit(main())
