"""What the runners of this folder share: worker processes, so that a crash of the library names its
case and ends nothing else, and manifests of known failures, which may only shrink.
Entry points: run_all, Manifest, serve, report."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

MODULE = Path(__file__).parents[2] / "build" / "python"
TIMEOUT = 60  # seconds for one case


def serve(run):
    """A worker: reads names of cases from stdin, writes one line of JSON for each to stdout.
    run(name, result) raises when the case does not pass."""
    import warnings

    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints elsewhere
    for line in sys.stdin:
        result = {"name": line.rstrip("\n"), "error": None}
        try:
            run(result["name"], result)
        except Exception as error:
            text = str(error).strip() or repr(error)
            result["error"] = f"{type(error).__name__}: {text}"
        print(json.dumps(result), file=out, flush=True)


class Worker:
    """A worker process that runs one case at a time and is replaced when it dies."""

    def __init__(self, script):
        self.script = script
        self.process = None

    def start(self):
        environment = dict(os.environ)
        if MODULE.is_dir():
            path = [str(MODULE), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        self.process = subprocess.Popen(
            [sys.executable, self.script, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
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


def run_all(names, jobs, script):
    """Results by name, in the order of `names`; `script --worker` is a worker."""
    todo = queue.Queue()
    for name in names:
        todo.put(name)
    results = {}
    start = time.monotonic()
    shown = start

    def drain():
        worker = Worker(script)
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


class Manifest:
    """The file of known failures, one name per line; after two blanks it may go on with a proof that
    the expected result is wrong."""

    def __init__(self, path, header):
        self.path = path
        self.header = header

    def _lines(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return {line.split("  ")[0].strip(): line for line in lines
                if line.strip() and not line.startswith("#")}

    def read(self):
        return set(self._lines())

    def write(self, names):
        lines = self._lines()
        text = "".join(f"{lines.get(name, name)}\n" for name in sorted(names))
        self.path.write_text(self.header + text)

    def update(self, names, failed, allow_grow):
        """Takes out what passes now; what else fails comes in only when asked."""
        known = self.read()
        kept = {name for name in known if name not in names or name in failed}
        added = failed - known
        self.write(kept | added if allow_grow else kept)
        print(
            f"manifest: {len(known - kept)} lines out, {len(added) if allow_grow else 0} lines in"
        )


def first_line(error, width=150):
    line = " ".join(error.split())
    return line if len(line) <= width else line[: width - 3] + "..."


def report(title, results, manifest, all_names):
    """Prints what is not as the manifest says, and the totals; the exit status."""
    known = manifest.read()
    failed = {name for name, result in results.items() if result["error"]}
    wrong = 0
    for name in sorted(failed - known):
        wrong += 1
        print(f"FAILED {name}: {first_line(results[name]['error'])}")
    for name in sorted((known & set(results)) - failed):
        wrong += 1
        print(f"PASSED, so take it out of {manifest.path.name} (--update): {name}")
    for name in sorted(known - set(all_names)):
        wrong += 1
        print(f"NO SUCH CASE, take it out of {manifest.path.name}: {name}")
    passed = len(results) - len(failed)
    listed = len(failed & known)
    print(
        f"{title}: {passed} passed, {len(failed) - listed} failed, {listed} known failures,"
        f" 0 skipped, of {len(results)}"
    )
    return 1 if wrong else 0
