#!/usr/bin/env python3
"""The whole-model test: every stored case of every model through sardonyx, and a table.

  check.py [--set exported|fetched|default] [--only NAME] [--json FILE]

Each case runs with 1, 2 and 3 threads and must give the stored outputs (of PyTorch or ONNX
Runtime; see export.py and reference.py) within rtol 1e-3 / atol 1e-5, the same class where there
is one, and the same bits for every thread count. An output that ONNX Runtime itself reproduces
no better than that (column "bar": own) must be as near to it as it is to itself, times
OWN_FACTOR. Exit code 1 when anything fails. Every model runs in a process of its own, so that a
crash is a failed row.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys

import numpy as np

from cases import (ATOL, DEFAULT_CACHE, RTOL, case_paths, load_about, load_case,
                   root_mean_square, share_of_bar, stop)

THREADS = (1, 2, 3)
OWN_FACTOR = 3
SECONDS_PER_MODEL = 600


def open_session(module, path, threads):
    options = module.SessionOptions()
    options.intra_op_num_threads = threads
    return module.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def difference(got, expected, own):
    """Compares one output -> dict with the errors; "problem" says what is wrong, or is absent."""
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return {"problem": f"is {got.dtype}{list(got.shape)}, expected "
                           f"{expected.dtype}{list(expected.shape)}"}
    if expected.dtype.kind != "f":
        same = np.array_equal(got, expected)
        return {} if same else {"problem": f"{int(np.sum(got != expected))} values differ"}
    if not np.isfinite(got).all():
        return {"problem": f"{int(np.sum(~np.isfinite(got)))} values are not finite"}
    error = np.abs(got.astype(np.float64) - expected)
    share = share_of_bar(got, expected)
    row = {"abs": float(error.max(initial=0)),
           "rel": float((error / np.maximum(np.abs(expected), ATOL)).max(initial=0))}
    if own is not None:
        row["of_bar"] = root_mean_square(error) / (OWN_FACTOR * float(own))
        if row["of_bar"] > 1:
            row["problem"] = (f"differs by {root_mean_square(error):.2e} (root mean square), the "
                              f"reference from itself by {float(own):.2e}")
        return row
    row["of_bar"] = float(share.max(initial=0))
    if row["of_bar"] > 1:
        worst = np.unravel_index(np.argmax(share), share.shape)
        row["problem"] = (f"{int(np.sum(share > 1))} of {share.size} values are outside the bar, "
                          f"the worst at {[int(index) for index in worst]}: {got[worst]:.7g}, "
                          f"expected {expected[worst]:.7g}")
    return row


def class_problem(got, expected, axis):
    """The class must be the same, except between classes that the bar cannot tell apart."""
    wanted, chosen = (np.expand_dims(value.argmax(axis), axis) for value in (expected, got))
    best = np.take_along_axis(expected, wanted, axis)
    near = np.take_along_axis(expected, chosen, axis)
    wrong = int(np.sum(best - near > ATOL + RTOL * np.abs(best)))
    return f"{wrong} of {wanted.size} classes differ" if wrong else None


def check_case(sessions, path, about):
    """Runs one case with every session -> its row of the table."""
    inputs, expected, own = load_case(path)
    row = {"case": os.path.basename(path)[:-len(".npz")], "abs": 0, "rel": 0, "of_bar": 0,
           "bar": "own" if own else "fixed", "class": "-", "bits": "same", "problems": []}
    first = None
    for threads, session in sessions.items():
        got = session.run(list(expected), inputs)
        if first is None:
            first = got
        elif any(a.tobytes() != b.tobytes() for a, b in zip(first, got)):
            row["bits"] = "differ"
            row["problems"].append(f"bits with {threads} threads differ from those with 1")
        for (name, wanted), value in zip(expected.items(), got):
            result = difference(value, wanted, own.get(name))
            problem = result.pop("problem", None)
            for key, number in result.items():
                row[key] = max(row[key], number)
            if problem:
                row["problems"].append(f"output '{name}', {threads} threads: {problem}")
    axis = about.get("class_axis")
    if axis is not None:
        problem = class_problem(first[0], next(iter(expected.values())), axis)
        row["class"] = "differ" if problem else "same"
        row["problems"] += [problem] if problem else []
    return row


def check_model(folder, module_name):
    """All cases of one model -> rows. Runs in the process of its own."""
    module = importlib.import_module(module_name)
    about, model = load_about(folder), os.path.join(folder, "model.onnx")
    sessions = {threads: open_session(module, model, threads) for threads in THREADS}
    return [check_case(sessions, path, about) for path in case_paths(folder)]


def run_worker(folder, arguments):
    """Runs check_model in a new process -> rows; what kills that process becomes a failed row."""
    command = [sys.executable, os.path.abspath(__file__), "--worker", folder, "--module",
               arguments.module]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=SECONDS_PER_MODEL)
    except subprocess.TimeoutExpired:
        return [{"case": "-", "problems": [f"no answer after {SECONDS_PER_MODEL} s"]}]
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    how = f"killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
    return [{"case": "-", "problems": [f"{how}: {last}"]}]


def find_models(arguments):
    """-> folders of the stored models that were asked for."""
    folders = []
    for group in ("fetched", "exported"):
        top = os.path.join(arguments.cache, group)
        for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
            folder = os.path.join(top, name)
            if not os.path.exists(os.path.join(folder, "model.json")) or not case_paths(folder):
                continue
            in_set = arguments.set in ("all", group) or (
                arguments.set == "default" and load_about(folder).get("default", False))
            if in_set and (not arguments.only or name in arguments.only):
                folders.append(folder)
    return folders


COLUMNS = [("max abs", "abs", "{:.1e}"), ("max rel", "rel", "{:.1e}"),
           ("of bar", "of_bar", "{:.4f}"), ("bar", "bar", "{}"),
           ("class", "class", "{}"), ("bits", "bits", "{}")]


def print_row(name, row):
    cells = [form.format(row[key]) if key in row else "" for _, key, form in COLUMNS]
    verdict = "FAIL" if row["problems"] else "ok"
    print(f"{name:28} {row['case']:8}" + "".join(f"{cell:>9}" for cell in cells)
          + f"  {verdict}", flush=True)
    for problem in row["problems"][:4]:
        print(f"    {problem}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    parser.add_argument("--set", choices=("all", "default", "fetched", "exported"), default="all")
    parser.add_argument("--only", metavar="NAME", action="append")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file too")
    parser.add_argument("--module", default="sardonyx",
                        help="Python module to test; onnxruntime shows how far the peer is")
    parser.add_argument("--worker", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.worker:
        print(json.dumps(check_model(arguments.worker, arguments.module)))
        return
    folders = find_models(arguments)
    if not folders:
        stop("check.py", f"no stored model in '{arguments.cache}' is in the set "
             f"'{arguments.set}'" + (f" with name {arguments.only}" if arguments.only else ""),
             "Make them with fetch.py and reference.py, or with export.py.")
    print(f"{'model':28} {'case':8}" + "".join(f"{title:>9}" for title, _, _ in COLUMNS))
    results = []
    for folder in folders:
        for row in run_worker(folder, arguments):
            print_row(os.path.basename(folder), row)
            results.append({"model": os.path.basename(folder), **row})
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    failed = [row for row in results if row["problems"]]
    print(f"{len(results)} cases of {len(folders)} models, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
