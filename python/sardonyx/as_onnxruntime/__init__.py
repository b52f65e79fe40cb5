"""Programs that `import onnxruntime` run on Sardonyx, when asked to.

    python -m sardonyx.as_onnxruntime program.py [argument]...
    python -m sardonyx.as_onnxruntime -m module [argument]...
    python -m sardonyx.as_onnxruntime -c code [argument]...

or, in a program, before anything imports onnxruntime:

    sardonyx.install_as_onnxruntime()

The folder `names` beside this file has a package `onnxruntime`, over this library, and its metadata.
What is done is to put that folder first on sys.path, so that everything that looks for the package
(import, importlib.util.find_spec, importlib.metadata) finds this one. Processes that multiprocessing
starts inherit sys.path; those that are started by a command do so through PYTHONPATH, which the
command line sets and install_as_onnxruntime(children=True) sets too.

Parts of an installed onnxruntime that are plain Python over its runtime (quantization, transformers,
tools, datasets) are found where they are, and run on this library.
"""

from __future__ import annotations

import os
import sys

NAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names")


def install_as_onnxruntime(children: bool = False) -> None:
    """From now on `import onnxruntime` gives this library. Calling it again changes nothing.

    children: set PYTHONPATH as well, for Python programs that this process starts.
    Raises ImportError when the original has been imported.
    """
    loaded = sys.modules.get("onnxruntime")
    if loaded is not None and not _is_ours(loaded):
        raise ImportError(
            f"onnxruntime is imported already, from {getattr(loaded, '__file__', None)}: call"
            " sardonyx.install_as_onnxruntime() before anything imports it, or start the program"
            " by `python -m sardonyx.as_onnxruntime`",
            name="onnxruntime",
        )
    if NAMES not in sys.path:
        sys.path.insert(0, NAMES)
    if children:
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if NAMES not in paths:
            os.environ["PYTHONPATH"] = os.pathsep.join([NAMES, *filter(None, paths)])


def uninstall_as_onnxruntime() -> None:
    """Takes install_as_onnxruntime() back, for imports to come."""
    while NAMES in sys.path:
        sys.path.remove(NAMES)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if NAMES in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path != NAMES)
    if _is_ours(sys.modules.get("onnxruntime")):
        for name in [name for name in sys.modules if name.split(".")[0] == "onnxruntime"]:
            del sys.modules[name]


def _is_ours(module):
    return os.path.dirname(os.path.dirname(getattr(module, "__file__", None) or "")) == NAMES
