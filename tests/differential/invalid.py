#!/usr/bin/env python3
"""Takes the cases that run.py draws, makes each of them wrong (mutate.py), and loads and runs it with 4 GB
of address space. Nothing may crash or take long; what is refused is refused by an error that names
the node (of which operator, it says in today's words: a Softmax-11 may be a Flatten).

    tests/differential/invalid.py                           60 cases of every operator
    tests/differential/invalid.py --filter Resize           those with "Resize" in their name
    tests/differential/invalid.py --count 1000 --first 60   others, and more
    tests/differential/invalid.py --messages                print every message

Exits with 1 when a case crashes, takes long, or is refused without saying where."""

import argparse
import collections
import os
import sys
import warnings
import zlib
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "conformance"))

from run import load  # noqa: E402
from workers import first_line, run_all, serve  # noqa: E402

ADDRESS_SPACE = 4 << 30


def draw_case(name):
    from draw import Draw
    from mutate import mutate

    draw = Draw(zlib.crc32(name.encode()))
    return mutate(draw, load()[name.split(" ")[0]](draw))


def run_case(name, result):
    import sardonyx

    import judge

    warnings.simplefilter("ignore")
    case = draw_case(name)
    result["case"] = str(case)
    try:
        model = judge.build_model(case, dims="none" if name.endswith("7") else "numbers")
    except Exception as error:
        result["outcome"] = "cannot be written"
        result["message"] = str(error)
        return
    result["outcome"] = "refused at load"
    try:
        session = sardonyx.InferenceSession(model.SerializeToString())
        result["outcome"] = "refused at run"
        session.run(None, judge.feeds_of(case))
    except MemoryError:
        result["message"] = "MemoryError"
        return
    except sardonyx.Error as error:
        result["message"] = message = str(error)
        named = "'node" in message or "out of memory" in message
        assert named, f"does not name the node: {message}"
        return
    result["outcome"] = "ran"


def work():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    serve(run_case)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", default="", help="only operators with this text in their name")
    parser.add_argument("--count", type=int, default=60, help="cases of each operator")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--messages", action="store_true", help="print every message")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work()
        return 0
    names = [f"{family} wrong {index}" for family in load() if arguments.filter in family
             for index in range(arguments.first, arguments.first + arguments.count)]  # fmt: skip
    results = run_all(names, arguments.jobs, __file__)
    outcomes = collections.Counter()
    for name, result in results.items():
        outcome = "failed" if result["error"] else result["outcome"]
        outcomes[outcome] += 1
        if result["error"]:
            print(f"FAILED {name}: {result.get('case', '')[:300]}\n    "
                  f"{first_line(result['error'], 400)}")  # fmt: skip
        elif arguments.messages and "message" in result:
            print(f"{outcome}: {name}: {result['case'][:200]}\n    {result['message'][:400]}")
    rest = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"invalid: {rest}, of {len(names)}")
    return 1 if outcomes["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
