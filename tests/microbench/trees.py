"""Measures tree ensembles beside ONNX Runtime, alternating: trees.py MODEL.onnx...

A model takes one [N, F] float tensor. Prints milliseconds (the best of many runs) and the ratio.
"""
import argparse
import time

import numpy as np
import onnxruntime
import sardonyx


def session(library, path, threads):
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    return library.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def best_times(sessions, feed, seconds):
    """The best time of each session, run in turns."""
    best = [float("inf")] * len(sessions)
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 3 or time.perf_counter() < end:
        for i, each in enumerate(sessions):
            start = time.perf_counter()
            each.run(None, feed)
            best[i] = min(best[i], time.perf_counter() - start)
        rounds += 1
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each line")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 10000])
    arguments = parser.parse_args()
    print(f"{'model':24} {'threads':>7} {'rows':>6} {'sardonyx':>10} {'onnxrt':>10} {'ratio':>6}")
    for path in arguments.models:
        for threads in (1, 2):
            pair = [session(library, path, threads) for library in (sardonyx, onnxruntime)]
            given = pair[0].get_inputs()[0]
            for rows in arguments.rows:
                data = np.random.default_rng(0).normal(size=(rows, given.shape[1]))
                feed = {given.name: data.astype(np.float32)}
                ours, theirs = (1e3 * t for t in best_times(pair, feed, arguments.seconds))
                print(f"{path[-24:]:24} {threads:7} {rows:6} {ours:10.3f} {theirs:10.3f} "
                      f"{ours / theirs:6.2f}", flush=True)


if __name__ == "__main__":
    main()
