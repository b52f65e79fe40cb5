"""python -m sardonyx.as_onnxruntime: runs a program that imports onnxruntime on Sardonyx."""

import os
import runpy
import sys

from . import install_as_onnxruntime

USAGE = """usage: python -m sardonyx.as_onnxruntime PROGRAM.py [ARGUMENT]...
       python -m sardonyx.as_onnxruntime -m MODULE [ARGUMENT]...
       python -m sardonyx.as_onnxruntime -c CODE [ARGUMENT]...

Runs the program with `import onnxruntime` giving Sardonyx, in it and in the Python programs that it
starts."""


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    kind, rest = arguments[0], arguments[1:]
    if kind in ("-m", "-c") and not rest:
        print(f"sardonyx.as_onnxruntime: {kind} needs an argument\n\n{USAGE}", file=sys.stderr)
        return 2
    if kind.startswith("-") and kind not in ("-m", "-c"):
        print(f"sardonyx.as_onnxruntime: unknown option {kind}\n\n{USAGE}", file=sys.stderr)
        return 2
    install_as_onnxruntime(children=True)
    if kind == "-m":
        sys.argv = rest
        sys.path.insert(1, os.getcwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(1, "")
        names = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(rest[0], "<string>", "exec"), names)
    else:
        if not os.path.exists(kind):
            print(f"sardonyx.as_onnxruntime: {kind}: no such file", file=sys.stderr)
            return 2
        sys.argv = arguments
        sys.path.insert(1, os.path.dirname(os.path.abspath(kind)))
        runpy.run_path(kind, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
