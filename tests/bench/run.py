#!/usr/bin/env python3
"""The race: Sardonyx beside ONNX Runtime and OpenVINO -> BENCHMARKS.md, docs/benchmarks.svg.

  run.py                          everything; prepares the models first (tests/models, cached)
  run.py --quick                  one short round, and of the other measurements a taste
  run.py --models crnn,unet       these of bench.toml
  run.py --from build/bench/results.json      the report again, of what was measured
Parts of it (--quick, --models, --skip, --contenders, --threads) are written to build/bench, not
over the benchmarks of the whole. Exit code 1 when an output of Sardonyx disagrees or a run fails.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
MODELS = os.path.join(HERE, "..", "models")
sys.path.insert(0, MODELS)
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from cases import DEFAULT_CACHE, save_case, stop  # noqa: E402
from chart import draw  # noqa: E402
from contenders import EXACT_REFERENCE, RACING, REFERENCE, version_of  # noqa: E402
from quantize import quantize  # noqa: E402
from race import Failed, Race, cosine_of, describe_point, load_outputs, read_models, run_json  # noqa: E402
from report import every_row, report  # noqa: E402

DEBIAN_PYTHON = "/usr/bin/python3"
PARTS = ("sweeps", "quantized", "bf16", "tiles", "small")
ROUNDS, SECONDS = 3, 1.0
QUICK_SECONDS, QUICK_SHAPES = 0.2, 10
SHAPE_COUNT = 200
BUSY_LOAD = 0.5
# Models of the measurements beside the table, with the ranges of their random shapes.
RANDOM_SHAPES = {"super_resolution_trained": {"N": 1, "H": [32, 256], "W": [32, 256]},
                 "encoder_minilm": {"N": 1, "T": [4, 160]}}
CONCURRENT = ("mobilenet_v2", "resnet50", "encoder_minilm")


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S}  {text}", flush=True)


def prepare(models, cache):
    """Exports and fetches what the cache does not have."""
    for source, python, script in (("fetched", sys.executable, "fetch.py"),
                                   ("exported", DEBIAN_PYTHON, "export.py")):
        missing = [model["name"] for model in models if model["source"] == source
                   and not os.path.exists(os.path.join(cache, source, model["name"],
                                                       "model.onnx"))]
        if missing:
            only = [word for name in missing for word in ("--only", name)]
            say(f"{script}: {', '.join(missing)}")
            subprocess.run([python, os.path.join(MODELS, script), "--cache", cache, *only],
                           check=False)
    there = [model for model in models if os.path.exists(
        os.path.join(cache, model["source"], model["name"], "model.onnx"))]
    return there, [model["name"] for model in models if model not in there]


def measure_rows(race, models, threads):
    for index, model in enumerate(models, 1):
        for count in threads:
            row = race.run_point(model, model["cases"]["main"], count)
            say(f"  [{index}/{len(models)}] {describe_row(row)}")
            yield row


def describe_row(row):
    """One line for who watches."""
    parts = []
    for name, found in row["contenders"].items():
        parts.append(f"{name} " + (found["problem"] if "problem" in found else
                                   f"{statistics.median(found['p50']) * 1e3:.2f} ms"))
    return f"{describe_point(row)}: " + ", ".join(parts)


def measure_sweeps(race, models, threads, quick):
    sweeps = []
    for model in models:
        for kind, points in model.get("sweeps", {}).items():
            points = [points[0], points[-1]] if quick else points
            rows = []
            for count in threads[:1] if quick else threads:
                for symbols in points:
                    rows.append(race.run_point(model, symbols, count))
                    say(f"  {describe_row(rows[-1])}")
            sweeps.append({"title": model["title"], "kind": kind, "rows": rows})
    return sweeps


def measure_quantized(race, models, threads, cache):
    rows = []
    for model in models:
        for kind in model.get("quantized", []):
            say(f"quantizing {model['title']}: {kind}")
            entry = quantize(cache, model, kind)
            for count in threads:
                rows.append(race.run_point(entry, model["cases"]["main"], count))
                say(f"  {describe_row(rows[-1])}")
    return rows


def measure_bf16(race, models, threads):
    """Sardonyx beside itself in bf16; "cosine" is the least of the outputs of both."""
    rows = []
    for model in models:
        for count in threads if model.get("bf16") else ():
            row = race.run_point(model, model["cases"]["main"], count)
            say(f"  {describe_row(row)}")
            if not any("problem" in found for found in row["contenders"].values()):
                both = [load_outputs(race.outputs_path(name)) for name in row["contenders"]]
                row["cosine"] = min(cosine_of(*pair) for pair in zip(*both))
            rows.append(row)
    return rows


def measure_tiles(race, models, threads):
    """Sardonyx beside itself without the tiles of AMX in products of f32, and beside ONNX Runtime."""
    rows = []
    for model in models:
        for count in threads if model.get("tiles") else ():
            rows.append(race.run_point(model, model["cases"]["main"], count))
            say(f"  {describe_row(rows[-1])}")
    return rows


def measure_tiny(race, contenders):
    path = os.path.join(race.work, "tiny.onnx")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "tiny", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              path)
    say("one Relu on 4 floats")
    case = os.path.join(race.work, "cases", "tiny.npz")
    save_case(case, {"x": np.zeros(4, np.float32)}, {})
    floor = {name: race.one(name, path, case, 1, seconds=0)["memory"] for name in contenders}
    found = {name: run_measure("tiny", name, path)["seconds"] for name in contenders}
    found["cpp"] = run_json([race.cli, "bench", path, "--json", "--no-nodes", "--threads", "1",
                             "--seconds", "0.5"])["p50_seconds"]
    return found, floor


def run_measure(*words):
    return run_json([sys.executable, os.path.join(HERE, "measures.py"), *map(str, words)])


def measure_concurrent(race, models, contenders, seconds):
    found = []
    for model in models:
        if model["name"] not in CONCURRENT:
            continue
        case = race.write_case(model, model["cases"]["main"])[0]
        for name in contenders:
            if name.startswith("openvino"):
                continue  # a request of OpenVINO serves one caller; it has no such use
            say(f"two callers: {model['title']}, {name}")
            found.append({"title": model["title"], "contender": name, **run_measure(
                "concurrent", name, race.model_path(model), case, seconds)})
    return found


def measure_shapes(race, models, contenders, count):
    found = []
    for model in models:
        if model["name"] not in RANDOM_SHAPES:
            continue
        spec = os.path.join(race.work, f"shapes-{model['name']}.json")
        with open(spec, "w", encoding="utf-8") as file:
            json.dump({"name": model["name"], "inputs": model["inputs"],
                       "ranges": RANDOM_SHAPES[model["name"]]}, file)
        for name in contenders:
            if name.startswith("openvino"):
                continue  # is compiled for given shapes
            say(f"{count} random shapes: {model['title']}, {name}")
            found.append({"title": model["title"], "contender": name, **run_measure(
                "shapes", name, race.model_path(model), spec, count)})
    return found


def stripped_size(library):
    if not os.path.exists(library) or not shutil.which("strip"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "library.so")
        shutil.copyfile(library, copy)
        subprocess.run(["strip", copy], check=True)
        return os.path.getsize(copy)


def read_line(path, start):
    with open(path, encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(start)), "")


def examine(cli):
    doctor = dict(line.split(None, 1) for line in subprocess.run(
        [cli, "doctor"], capture_output=True, text=True, check=True).stdout.splitlines()
        if " " in line)
    memory = int(read_line("/proc/meminfo", "MemTotal").split()[0]) * 1024
    return {"processor": read_line("/proc/cpuinfo", "model name"),
            "cores": len(os.sched_getaffinity(0)),
            "tier": doctor["tiers"].rpartition("in use: ")[2].rstrip(")"),
            "tiers": doctor["tiers"].partition(" (")[0].split(", "),
            "memory_gb": memory / 1e9, "system": f"{platform.system()} {platform.release()}"}


def commit():
    done = subprocess.run(["git", "-C", REPOSITORY, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def word_list(choices=None):
    def read(text):
        words = [word for word in text.split(",") if word]
        wrong = [word for word in words if choices and word not in choices]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong} not among {list(choices)}")
        return words
    return read


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--models", type=word_list(), metavar="A,B")
    parser.add_argument("--threads", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1, 2], metavar="1,2")
    parser.add_argument("--contenders", type=word_list(RACING), default=list(RACING))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of measuring per round and contender")
    parser.add_argument("--skip", type=word_list(PARTS), default=[], metavar=",".join(PARTS))
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    parser.add_argument("--from", dest="stored", metavar="FILE",
                        help="measure nothing: report these results")
    parser.add_argument("--output", metavar="FILE",
                        help="the report (default BENCHMARKS.md), and its chart beside it")
    parser.add_argument("--cache", default=DEFAULT_CACHE, help="of the models")
    parser.add_argument("--build", default=os.path.join(REPOSITORY, "build"),
                        help="folder with bin/sardonyx and lib/libsardonyx.so")
    return parser.parse_args()


def is_whole(arguments):
    return (not arguments.quick and not arguments.models and not arguments.skip
            and arguments.threads == [1, 2] and arguments.contenders == list(RACING)
            and (arguments.rounds is None or arguments.rounds > 1))


def write_json(path, results):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


def measure_all(arguments, models, work):
    cli = os.path.join(arguments.build, "bin", "sardonyx")
    rounds = arguments.rounds or (1 if arguments.quick else ROUNDS)
    seconds = arguments.seconds or (QUICK_SECONDS if arguments.quick else SECONDS)
    race = Race(arguments.cache, work, cli, arguments.contenders, seconds, rounds, say)
    load = os.getloadavg()[0]
    results = {
        "date": f"{datetime.date.today()}", "commit": commit(), "machine": examine(cli),
        "versions": {"python": platform.python_version(),
                     **{name: version_of(name) for name in ("sardonyx", "onnxruntime",
                                                            "openvino")}},
        "settings": {"threads": arguments.threads, "rounds": rounds, "seconds": seconds,
                     "complete": is_whole(arguments), "load": [load, load]},
        "rows": [], "library_bytes": stripped_size(
            os.path.join(arguments.build, "lib", "libsardonyx.so"))}
    path = os.path.join(work, "results.json")

    def save():
        results["settings"]["load"][1] = os.getloadavg()[0]
        write_json(path, results)
    for row in measure_rows(race, models, arguments.threads):
        results["rows"].append(row)
        save()
    race.profiles = False
    plain = [name for name in arguments.contenders if name != "openvino_default"]
    if "small" not in arguments.skip:
        results["tiny"], results["floor"] = measure_tiny(race, plain)
        results["concurrent"] = measure_concurrent(race, models, plain, seconds)
        results["shapes"] = measure_shapes(
            race, models, plain, QUICK_SHAPES if arguments.quick else SHAPE_COUNT)
        save()
    if "quantized" not in arguments.skip:
        race.contenders = [name for name in plain if name != "openvino"]
        race.contenders += [EXACT_REFERENCE] if REFERENCE in plain else []
        results["quantized"] = measure_quantized(race, models, arguments.threads, arguments.cache)
        save()
    if "bf16" not in arguments.skip:
        race.contenders = ["sardonyx", "sardonyx_bf16"]
        results["bf16"] = measure_bf16(race, models, arguments.threads)
        save()
    if "tiles" not in arguments.skip and "amx_f32" in results["machine"]["tiers"]:
        race.contenders = ["sardonyx", "sardonyx_fma", REFERENCE]
        results["tiles"] = measure_tiles(race, models, arguments.threads)
        save()
    if "sweeps" not in arguments.skip:
        race.contenders = plain
        results["sweeps"] = measure_sweeps(race, models, arguments.threads, arguments.quick)
    save()
    return results


def write_report(arguments, results, work):
    whole = results["settings"]["complete"]
    output = arguments.output or os.path.join(REPOSITORY if whole else work, "BENCHMARKS.md")
    folder = os.path.dirname(os.path.abspath(output))
    if arguments.output:
        results["chart"] = os.path.splitext(os.path.basename(output))[0] + ".svg"
    else:
        results["chart"] = os.path.join("docs", "benchmarks.svg") if whole else "benchmarks.svg"
    chart = os.path.join(folder, results["chart"])
    os.makedirs(os.path.dirname(chart), exist_ok=True)
    draw(results, chart)
    # What is to be said of the figures of such a processor.
    notes, path = "", os.path.join(HERE, f"notes-{results['machine']['tier']}.md")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            notes = file.read()
    with open(output, "w", encoding="utf-8") as file:
        file.write(report(results, notes))
    print(f"written: {os.path.relpath(output)}, {os.path.relpath(chart)}")


def problems_of(results):
    return [f"{row['title']}: {row['contenders']['sardonyx']['problem']}"
            for row in every_row(results)
            if "problem" in row["contenders"].get("sardonyx", {})]


def main():
    arguments = parse_arguments()
    work = os.path.join(REPOSITORY, "build", "bench")
    os.makedirs(work, exist_ok=True)
    missing = []
    if arguments.stored:
        with open(arguments.stored, encoding="utf-8") as file:
            results = json.load(file)
    else:
        try:
            models, missing = prepare(read_models(arguments.models), arguments.cache)
        except ValueError as error:
            stop("run.py", str(error), "Name models with --models A,B.")
        start = time.time()
        if os.getloadavg()[0] > BUSY_LOAD:
            say(f"warning: the machine is busy (load {os.getloadavg()[0]:.1f}); times will not be "
                "those of a quiet one")
        try:
            results = measure_all(arguments, models, work)
        except Failed as failure:
            stop("run.py", str(failure), "Build first (make build), and see the message above.")
        say(f"{time.time() - start:.0f} s")
        results["settings"]["complete"] &= not missing
        write_json(os.path.join(work, "results.json"), results)
    if arguments.json:
        write_json(arguments.json, results)
    write_report(arguments, results, work)
    problems = problems_of(results) + [f"{name}: no model" for name in missing]
    for problem in problems:
        print(f"run.py: error: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
