#!/usr/bin/env python3
"""Sardonyx beside ONNX Runtime on networks that nothing was tuned for -> docs/zoo.md.

  zoo.py                               all of zoo.toml; exports first what the cache lacks
  zoo.py --only maxvit_t --threads 1   some of them, printed alone

Contenders take turns, each in a process of its own; outputs are compared first. Exit code 1 when
an output disagrees or a run fails.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
from cases import DEFAULT_CACHE  # noqa: E402

from arithmetic import geomean, is_timed, p50, ratio, ratios  # noqa: E402
from contenders import version_of  # noqa: E402
from race import Race  # noqa: E402
from report import milliseconds, number, table  # noqa: E402

PEER = "onnxruntime"
DEBIAN_PYTHON = "/usr/bin/python3"


def read_zoo(only):
    with open(os.path.join(HERE, "zoo.toml"), "rb") as file:
        models = tomllib.load(file)["model"]
    for model in models:
        model.update(source="zoo", group="zoo")
    return [model for model in models if not only or model["name"] in only]


def export_missing(models, cache):
    missing = [model["name"] for model in models
               if not os.path.exists(os.path.join(cache, "zoo", model["name"], "model.onnx"))]
    if missing:
        only = [word for name in missing for word in ("--only", name)]
        subprocess.run([DEBIAN_PYTHON, os.path.join(HERE, "zoo_nets.py"), "--cache", cache, *only],
                       check=True)


def problem_of(row):
    return next((f"{name}: {found['problem']}" for name, found in row["contenders"].items()
                 if "problem" in found), None)


def table_row(row):
    if problem_of(row):
        return [row["title"], row["threads"], problem_of(row), "", ""]
    return [row["title"], row["threads"], milliseconds(p50(row, "sardonyx")),
            milliseconds(p50(row, PEER)), number(ratio(row, PEER))]


def text_of(rows, arguments):
    rows = sorted(rows, key=lambda row: (row["threads"], 0 if problem_of(row) else ratio(row, PEER)))
    lines = []
    for threads in arguments.threads:
        found = list(ratios([row for row in rows if row["threads"] == threads], PEER).values())
        lines.append(f"- {threads} thread{'s' * (threads > 1)}: geomean {number(geomean(found))} of "
                     f"{len(found)} networks, least {number(min(found, default=None))}")
    return "\n".join([
        "# Networks that nothing was tuned for", "",
        f"Written by `tests/bench/zoo.py` on {datetime.date.today()}: {processor()}, "
        f"{os.cpu_count()} cores, Python\n{platform.python_version()}, ONNX Runtime "
        f"{version_of(PEER)}. Medians of {arguments.rounds} rounds of {arguments.seconds} s, in turn, "
        "each contender in a process\nof its own; × is how many times as long ONNX Runtime takes. "
        "Outputs agree (rtol 1e-3, atol 1e-5).\nThe slowest beside it come first.", "",
        *lines, "",
        table(["network", "threads", "Sardonyx ms", "ONNX Runtime ms", "×"],
              [table_row(row) for row in rows]), ""])


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", action="append")
    parser.add_argument("--threads", type=lambda text: [int(t) for t in text.split(",")],
                        default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    parser.add_argument("--output", default=os.path.join(REPOSITORY, "docs", "zoo.md"))
    arguments = parser.parse_args()
    models = read_zoo(arguments.only)
    export_missing(models, arguments.cache)
    race = Race(arguments.cache, os.path.join(REPOSITORY, "build", "bench", "zoo"), None,
                ["sardonyx", PEER], arguments.seconds, arguments.rounds, lambda text: None)
    race.profiles = False
    rows = []
    for index, model in enumerate(models, 1):
        for threads in arguments.threads:
            rows.append(race.run_point(model, {}, threads))
            found = rows[-1]["contenders"]
            result = (f"{ratio(rows[-1], PEER):.2f}" if all(map(is_timed, found.values()))
                      else problem_of(rows[-1]))
            print(f"[{index}/{len(models)}] {model['title']}, {threads}: {result}", flush=True)
    text = text_of(rows, arguments)
    if arguments.only:
        print(text)
    else:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(text)
        print(f"written: {os.path.relpath(arguments.output)}")
    sys.exit(any(problem_of(row) for row in rows))


if __name__ == "__main__":
    main()
