#!/usr/bin/env python3
"""Prepares the whole-model tests (fetch, reference, export; all cached) and runs check.py.

  run.py           every model; the exported ones need Debian's PyTorch (scripts/install.sh torch)
  run.py quick     the default set of trained models: no PyTorch
Further arguments go to check.py. Exit code of check.py, or 1 when the preparation failed.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN_PYTHON = "/usr/bin/python3"


def step(python, script, *arguments):
    print(f"-- {script} {' '.join(arguments)}", flush=True)
    return subprocess.run([python, os.path.join(HERE, script), *arguments],
                          check=False).returncode


def main():
    quick = sys.argv[1:2] == ["quick"]
    chosen = ["--default"] if quick else []
    failed = step(sys.executable, "fetch.py", *chosen) != 0
    failed |= step(sys.executable, "reference.py", *chosen) != 0
    if not quick:
        failed |= step(DEBIAN_PYTHON, "export.py") != 0
    checked = step(sys.executable, "check.py", "--set", "default" if quick else "all",
                   *sys.argv[2 if quick else 1:])
    sys.exit(checked or int(failed))


if __name__ == "__main__":
    main()
