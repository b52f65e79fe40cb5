"""One contender on one model, in a process of its own: measures, prints one line of JSON.

  worker.py CONTENDER MODEL.onnx CASE.npz THREADS SECONDS [--save OUTPUTS.npz]

Times are seconds. `memory` is bytes that this process holds more than before it loaded the
model: after loading and after the first run, without the pages of shared libraries, and the most at
any moment of both, with them; `outputs` is those of one run.
"""

import argparse
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
import numpy as np  # noqa: E402

from cases import load_case  # noqa: E402
from contenders import CONTENDERS  # noqa: E402

LEAST_RUNS, MOST_RUNS = 5, 20000
WARM_SHARE = 0.25  # of the seconds to measure


def read_status(field):
    """Bytes of VmRSS or VmHWM."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) * 1024


def read_resident():
    """Bytes of all mappings that are resident, shared libraries left out."""
    resident, counts = 0, True
    with open("/proc/self/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                counts = not re.search(r"\.so(\.[0-9.]+)?$", line.rstrip())
            elif counts and line.startswith("Rss:"):
                resident += int(line.split()[1]) * 1024
    return resident


def forget_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def timed(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def measure(run, seconds):
    """-> seconds of each run, for as long as asked, after a warm-up."""
    warm_end = time.perf_counter() + seconds * WARM_SHARE
    while time.perf_counter() < warm_end:
        run()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < MOST_RUNS and (len(times) < LEAST_RUNS or time.perf_counter() < end):
        times.append(timed(run)[0])
    return times


def race(contender, model, case, threads, seconds, save):
    inputs = load_case(case)[0]
    contender.ready()
    before, all_before = read_resident(), read_status("VmRSS")
    forget_peak()
    load_seconds, run = timed(lambda: contender.load(model, inputs, threads))
    loaded = read_resident()
    first_seconds, outputs = timed(run)
    peak, after = read_status("VmHWM"), read_resident()
    output_bytes = sum(np.asarray(output).nbytes for output in outputs)
    if save:
        np.savez(save, *[np.asarray(output) for output in outputs])
    del outputs
    return {
        "load": load_seconds, "first": first_seconds, "times": measure(run, seconds),
        "precision": getattr(run, "precision", "f32"),
        "memory": {"loaded": loaded - before, "first": after - before, "peak": peak - all_before,
                   "outputs": output_bytes},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contender", choices=list(CONTENDERS))
    parser.add_argument("model")
    parser.add_argument("case")
    parser.add_argument("threads", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--save", metavar="FILE")
    arguments = parser.parse_args()
    print(json.dumps(race(CONTENDERS[arguments.contender], arguments.model, arguments.case,
                          arguments.threads, arguments.seconds, arguments.save)))


if __name__ == "__main__":
    main()
