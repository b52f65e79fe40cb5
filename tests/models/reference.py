#!/usr/bin/env python3
"""Makes inputs and expected outputs of the fetched models with ONNX Runtime, into the cache.

  reference.py [--only NAME] [--default] [--cache DIR]     after fetch.py

Every case runs twice: with ONNX Runtime's graph optimisations, which gives the expected outputs,
and without. Where the two differ by more than the bar, the model does not determine its output so
finely in 32-bit arithmetic (a value near a rounding edge of a dynamic quantisation; a pixel
position near 0 among hundreds), and how far they differ is stored beside the outputs.
Models with `reference = "float64"` in models.toml get their expected outputs from float64.py.
A case is made again when the model, its inputs or ONNX Runtime changed.
"""

import argparse
import hashlib
import json
import os
import sys
import time

import numpy as np

import float64
import inputs
import pictures
from cases import (DEFAULT_CACHE, load_about, root_mean_square, save_about, save_case,
                   share_of_bar, stop)
from manifest import add_selection, folder_of, selection

try:
    import onnxruntime
except ImportError:
    stop("reference.py", "Python module missing: onnxruntime",
         "Run scripts/install.sh models, and this script with .venv/bin/python.")


def fingerprint(model, path):
    """Of all that the expected outputs depend on."""
    digest = hashlib.sha256(json.dumps(model, sort_keys=True).encode())
    digest.update(onnxruntime.__version__.encode())
    for source in (path, inputs.__file__, pictures.__file__, float64.__file__, __file__):
        with open(source, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def open_session(path, level):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = level
    # Without VNNI its 8-bit products saturate at 16 bits unless they are asked to be exact.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def check_worth(case, outputs):
    """Outputs that the absolute tolerance hides would let anything pass."""
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"case '{case}': output '{name}' is not finite, so it tests nothing: "
                             "choose other inputs in models.toml")
    largest = max(float(np.abs(value).max(initial=0)) for value in outputs.values()
                  if value.dtype.kind == "f")
    if largest < 1e-3:
        raise ValueError(f"case '{case}': no output is larger than {largest:.1e}, which the "
                         "tolerance hides: choose other inputs in models.toml")


def describe(outputs):
    """Size and spread of the first output, to see that it says something."""
    name, value = next(iter(outputs.items()))
    spread = (f" std {value.std():.3g} max {value.max():.3g}"
              if value.dtype.kind == "f" and value.size else "")
    return f"'{name[:20]}' {list(value.shape)}{spread}"


def own_differences(outputs, others):
    """See the head of this file: outputs that ONNX Runtime does not reproduce -> how far."""
    return {name: root_mean_square(other - value)
            for (name, value), other in zip(outputs.items(), others)
            if value.dtype.kind == "f" and share_of_bar(other, value).max(initial=0) > 1}


def make_references(model, folder, print_fingerprint):
    path = os.path.join(folder, "model.onnx")
    levels = onnxruntime.GraphOptimizationLevel
    session = open_session(path, levels.ORT_ENABLE_ALL)
    plain = open_session(path, levels.ORT_DISABLE_ALL)
    names = [value.name for value in session.get_inputs()]
    output_names = [value.name for value in session.get_outputs()]
    for case in model["cases"]:
        fed = inputs.make_inputs(model, case, names)
        in_float64 = model.get("reference") == "float64"
        values = float64.evaluate(path, fed) if in_float64 else session.run(None, fed)
        outputs = dict(zip(output_names, values))
        check_worth(case, outputs)
        own = {} if in_float64 else own_differences(outputs, plain.run(None, fed))
        save_case(os.path.join(folder, f"{case}.npz"), fed, outputs, own)
        print(f"  {case}: {describe(outputs)}" + "".join(
            f"; '{name}' reproduced to {value:.1e} only" for name, value in own.items()),
            flush=True)
    save_about(folder, {"name": model["name"],
                        "reference": model.get("reference",
                                               f"ONNX Runtime {onnxruntime.__version__}"),
                        "class_axis": model.get("class_axis"),
                        "default": model.get("default", False),
                        "fingerprint": print_fingerprint})


def is_current(folder, wanted):
    path = os.path.join(folder, "model.json")
    return os.path.exists(path) and load_about(folder).get("fingerprint") == wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_selection(parser)
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    arguments = parser.parse_args()
    models = selection(parser, arguments)
    problems = []
    for index, model in enumerate(models, 1):
        folder = folder_of(arguments.cache, model)
        path = os.path.join(folder, "model.onnx")
        line = f"[{index}/{len(models)}] {model['name']}"
        if not os.path.exists(path):
            print(f"{line}: not fetched, skipped", flush=True)
            continue
        wanted = fingerprint(model, path)
        if is_current(folder, wanted):
            print(f"{line}: exists", flush=True)
            continue
        print(line, flush=True)
        start = time.time()
        try:
            make_references(model, folder, wanted)
            print(f"  {time.time() - start:.1f} s", flush=True)
        except Exception as error:  # whatever ONNX Runtime says about one model, the rest goes on
            problems.append(f"{model['name']}: {error}")
    for problem in problems:
        print(f"reference.py: error: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
