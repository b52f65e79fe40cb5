#!/usr/bin/env python3
"""Draws random nodes, operator by operator (attributes, shapes, types, opsets, edges), and compares what
comes out here with ONNX Runtime, or with the onnx package's ReferenceEvaluator where that lacks the
operator. Cases are the same in every run.

    tests/differential/run.py                          40 cases of every operator
    tests/differential/run.py --filter Resize          those with "Resize" in their name
    tests/differential/run.py --count 1000 --first 40  others, and more
    tests/differential/run.py --show "Resize 17"       print a case

Exits with 1 when a case differs, when one is refused that the judge runs, or the library crashes."""

import argparse
import collections
import os
import sys
import zlib
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "conformance"))

from workers import first_line, run_all, serve  # noqa: E402


def load():
    import families

    return families.FAMILIES


def draw_case(name):
    from draw import Draw

    return load()[name.split(" ")[0]](Draw(zlib.crc32(name.encode())))


def work():
    import sardonyx

    import judge

    def run(name, result):
        case = draw_case(name)
        result["case"] = str(case)
        result["outcome"], result["judge"] = judge.run_case(case, sardonyx)

    serve(run)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only operators with this text in their name")
    parser.add_argument("--count", type=int, default=40, help="cases of each operator")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--show", help="print one case")
    parser.add_argument("--refused", action="store_true", help="list what all refuse")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def report(results, list_refused):
    outcomes = collections.Counter()
    failed = 0
    for name, result in results.items():
        if result["error"]:
            failed += 1
            print(f"FAILED {name}: {result.get('case', '')[:400]}\n    "
                  f"{first_line(result['error'], 500)}")  # fmt: skip
            continue
        outcomes[result["outcome"]] += 1
        if list_refused and result["outcome"] != "agreed":
            print(f"{result['outcome']} {name}: {result['case'][:300]}\n    "
                  f"{first_line(result['judge'], 600)}")  # fmt: skip
    rest = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"differential: {rest}, {failed} failed, of {len(results)}")
    return 1 if failed else 0


def main():
    arguments = parse_arguments()
    if arguments.worker:
        work()
        return 0
    if arguments.show:
        print(draw_case(arguments.show))
        return 0
    names = [f"{family} {index}" for family in load() if arguments.filter in family
             for index in range(arguments.first, arguments.first + arguments.count)]  # fmt: skip
    if not names:
        print(f"differential: no operator has '{arguments.filter}' in its name")
        return 2
    return report(run_all(names, arguments.jobs, __file__), arguments.refused)


if __name__ == "__main__":
    sys.exit(main())
