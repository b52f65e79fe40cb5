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
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
MANIFEST = HERE / "known_failures.txt"
MODULE = HERE.parents[1] / "build" / "python"
TIMEOUT = 60  # seconds for one case

HEADER = """\
# Cases of the onnx package's backend test data that do not pass, one per line: not yet, or because
# the stored output is wrong, which the rest of the line then proves.
# tests/conformance/run.py --update takes lines out; it fails when a case listed here passes.
"""


def work():
    """A worker: reads names of cases from stdin, writes one line of JSON for each to stdout."""
    import warnings

    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints elsewhere
    import onnx

    import cases
    import sardonyx

    for line in sys.stdin:
        name = line.strip()
        result = {"name": name, "error": None}
        try:
            model = onnx.load(cases.model_path(name), load_external_data=False)
            result["op"] = cases.operators_of(model)
            cases.run_case(name, sardonyx)
        except Exception as error:
            text = str(error).strip() or repr(error)
            result["error"] = f"{type(error).__name__}: {text}"
        print(json.dumps(result), file=out, flush=True)


class Worker:
    """A worker process that runs one case at a time and is replaced when it dies."""

    def __init__(self):
        self.process = None

    def start(self):
        environment = dict(os.environ)
        if MODULE.is_dir():
            path = [str(MODULE), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment,
        )

    def run(self, name):
        if self.process is None or self.process.poll() is not None:
            self.start()
        timer = threading.Timer(TIMEOUT, self.process.kill)
        timer.start()
        try:
            print(name, file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            in_time = timer.is_alive()
            timer.cancel()
        if line:
            return json.loads(line)
        code = self.process.wait()
        what = f"crashed (exit {code})" if in_time else f"took more than {TIMEOUT} s"
        self.process = None
        return {"name": name, "error": what, "op": "?"}

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def run_all(names, jobs):
    """Results by name, in the order of `names`."""
    todo = queue.Queue()
    for name in names:
        todo.put(name)
    results = {}
    start = time.monotonic()
    shown = start

    def drain():
        worker = Worker()
        while True:
            try:
                name = todo.get_nowait()
            except queue.Empty:
                break
            results[name] = worker.run(name)
        worker.stop()

    threads = [threading.Thread(target=drain) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
            if sys.stderr.isatty() or time.monotonic() - shown > 20:
                shown = time.monotonic()
                end = "\r" if sys.stderr.isatty() else "\n"
                print(f"conformance: {len(results)} of {len(names)}", end=end, file=sys.stderr)
    return {name: results[name] for name in names}


def manifest_lines():
    """Name -> its line, which may go on with a proof."""
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    return {line.split()[0]: line for line in lines if line.strip() and not line.startswith("#")}


def read_manifest():
    return set(manifest_lines())


def write_manifest(names):
    lines = manifest_lines()
    MANIFEST.write_text(HEADER + "".join(f"{lines.get(name, name)}\n" for name in sorted(names)))


def first_line(error, width=150):
    line = " ".join(error.split())
    return line if len(line) <= width else line[: width - 3] + "..."


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


def update_manifest(known, names, failed, allow_grow):
    kept = {name for name in known if name not in names or name in failed}
    added = failed - known
    write_manifest(kept | added if allow_grow else kept)
    print(f"manifest: {len(known - kept)} lines out, {len(added) if allow_grow else 0} lines in")


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
    sys.path.insert(0, str(HERE))
    if arguments.worker:
        work()
        return 0
    import cases

    names = [name for name in cases.find_cases() if arguments.filter in name]
    if not names:
        print(f"conformance: no case has '{arguments.filter}' in its name")
        return 2
    known = read_manifest()
    results = run_all(names, arguments.jobs)
    failed = {name for name, result in results.items() if result["error"]}
    if arguments.reasons:
        for name in sorted(failed):
            print(f"{name}: {first_line(results[name]['error'])}")
    print_operators(results)
    if failed:
        print_reasons(results)
    print()
    if arguments.update:
        update_manifest(known, set(names), failed, arguments.allow_grow)
        known = read_manifest()
    wrong = 0
    for name in sorted(failed - known):
        wrong += 1
        print(f"FAILED {name}: {first_line(results[name]['error'])}")
    for name in sorted((known & set(names)) - failed):
        wrong += 1
        print(f"PASSED, so take it out of {MANIFEST.name} (--update): {name}")
    for name in sorted(known - set(cases.find_cases())):
        wrong += 1
        print(f"NO SUCH CASE, take it out of {MANIFEST.name}: {name}")
    passed = len(names) - len(failed)
    listed = len(failed & known)
    print(f"conformance: {passed} passed, {len(failed) - listed} failed, {listed} known failures,"
          f" 0 skipped, of {len(names)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
