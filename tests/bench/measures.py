"""Measurements beside the big table, each in a process of its own that prints one line of JSON.

  measures.py tiny CONTENDER MODEL.onnx              seconds per run of a tiny graph
  measures.py concurrent CONTENDER MODEL.onnx CASE.npz SECONDS
                                                     runs per second of 1 caller and of 2
  measures.py shapes CONTENDER MODEL.onnx SPEC.json COUNT
                                                     COUNT random shapes: first and steady times,
                                                     resident bytes after each
"""

import json
import os
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
import numpy as np  # noqa: E402

from cases import load_case  # noqa: E402
from contenders import CONTENDERS  # noqa: E402
from inputs import make_inputs  # noqa: E402
from worker import read_status, timed  # noqa: E402

TINY_BATCH, TINY_BATCHES = 2000, 30
CONCURRENT_TURNS = 5
STEADY_RUNS = 4


def tiny(contender, path):
    run = contender.load(path, {"x": np.array([-1, 0, 1, 2], np.float32)}, 1)

    def batch():
        for _ in range(TINY_BATCH):
            run()
    batch()
    return {"seconds": statistics.median(timed(batch)[0] for _ in range(TINY_BATCHES))
            / TINY_BATCH}


def throughput(run, callers, seconds):
    """Runs per second of so many threads that call run() again and again."""
    counts = [0] * callers
    start = threading.Barrier(callers + 1)
    end = 0.0

    def call(index):
        start.wait()
        while time.perf_counter() < end:
            run()
            counts[index] += 1

    threads = [threading.Thread(target=call, args=(index,)) for index in range(callers)]
    for thread in threads:
        thread.start()
    begin = time.perf_counter()
    end = begin + seconds
    start.wait()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begin)


def concurrent(contender, path, case, seconds):
    run = contender.load(path, load_case(case)[0], 1)
    for callers in (1, 2):
        throughput(run, callers, float(seconds) / 2)
    turns = [[throughput(run, callers, float(seconds)) for callers in (1, 2)]
             for _ in range(CONCURRENT_TURNS)]
    one, two = (statistics.median(turn[index] for turn in turns) for index in (0, 1))
    return {"one": one, "two": two, "ratio": statistics.median(b / a for a, b in turns)}


def shapes(contender, path, spec_path, count):
    """SPEC: {"name", "inputs" as in models.toml, "ranges": symbol -> [least, most]}"""
    with open(spec_path, encoding="utf-8") as file:
        spec = json.load(file)
    random = np.random.default_rng(4)
    inputs = {}
    run = contender.load(path, inputs, 1)  # reads `inputs` at each run
    rows = []
    for _ in range(int(count)):
        symbols = {symbol: limits if isinstance(limits, int) else int(random.integers(
            limits[0], limits[1] + 1)) for symbol, limits in spec["ranges"].items()}
        model = {"name": spec["name"], "cases": {"random": symbols}, "inputs": spec["inputs"]}
        inputs.update(make_inputs(model, "random", list(spec["inputs"])))
        first = timed(run)[0]
        steady = statistics.median(timed(run)[0] for _ in range(STEADY_RUNS))
        rows.append({"symbols": symbols, "first": first, "steady": steady,
                     "resident": read_status("VmRSS")})
    return {"rows": rows}


def main():
    kinds = {"tiny": tiny, "concurrent": concurrent, "shapes": shapes}
    if len(sys.argv) < 4 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    contender = CONTENDERS[sys.argv[2]]
    contender.ready()
    print(json.dumps(kinds[sys.argv[1]](contender, *sys.argv[3:])))


if __name__ == "__main__":
    main()
