#!/usr/bin/env python3
"""Runs one node of every operator for every element type that its newest schema in the onnx package
allows (type_cases.py), and holds the result to a manifest of known failures that may only shrink.

    tests/conformance/run_types.py                  all pairs of operator and types
    tests/conformance/run_types.py --filter Conv    those with "Conv" in their name
    tests/conformance/run_types.py --table          share passed for each operator
    tests/conformance/run_types.py --update         take what passes now out of the manifest

Exits with 1 when an unlisted pair fails, or a listed one passes."""

import argparse
import collections
import os
import sys
from pathlib import Path

from workers import Manifest, first_line, report, run_all, serve

HEADER = """\
# Pairs of operator and types that do not pass yet, one per line.
# tests/conformance/run_types.py --update takes lines out; it fails when one listed here passes.
"""
MANIFEST = Manifest(Path(__file__).parent / "known_type_failures.txt", HEADER)


def work():
    import sardonyx

    import type_cases

    cases = type_cases.find_cases()

    def run(name, _):
        type_cases.run_case(name, cases[name], sardonyx)

    serve(run)


def print_table(results, everything):
    counts = collections.defaultdict(lambda: [0, 0])
    for name, result in results.items():
        row = counts[name.split()[0]]
        row[0] += result["error"] is None
        row[1] += 1
    print(f"{'operator':42} passed  of  share")
    for title, (passed, total) in sorted(counts.items()):
        if everything or passed < total:
            print(f"{title:42} {passed:5} {total:4}  {100 * passed / total:4.0f}%")
    whole = sum(passed == total for passed, total in counts.values())
    print(f"{whole} of {len(counts)} operators pass for every type")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only pairs with this text in their name")
    parser.add_argument(
        "--table", action="store_true", help="print all operators, not only failing"
    )
    parser.add_argument("--reasons", action="store_true", help="say why each pair fails")
    parser.add_argument("--update", action="store_true", help="rewrite the manifest, shrinking it")
    parser.add_argument("--allow-grow", action="store_true", help="with --update: add failures")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.worker:
        work()
        return 0
    import type_cases

    cases = type_cases.find_cases()
    names = [name for name in cases if arguments.filter in name]
    if not names:
        print(f"types: no pair has '{arguments.filter}' in its name")
        return 2
    results = run_all(names, arguments.jobs, __file__)
    failed = {name for name, result in results.items() if result["error"]}
    if arguments.reasons:
        for name in sorted(failed):
            print(f"{name}: {first_line(results[name]['error'])}")
    print_table(results, arguments.table)
    if arguments.update:
        MANIFEST.update(set(names), failed, arguments.allow_grow)
    return report("types", results, MANIFEST, cases)


if __name__ == "__main__":
    sys.exit(main())
