"""Runs the contenders in turn, each in a process of its own: Race(...).run(points) -> rows.

A B C A B C ...: each round starts every contender once, so that what the machine does meanwhile
meets all of them. The first round also compares their outputs; a contender that differs from the
reference is not timed further and has a "problem" in place of times.
"""

import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
import check  # noqa: E402
from cases import load_case, root_mean_square, save_case, share_of_bar  # noqa: E402
from inputs import make_inputs  # noqa: E402
from manifest import read_manifest  # noqa: E402

from arithmetic import join_rounds, worst_nodes  # noqa: E402
from contenders import EXACT_REFERENCE, MAY_DIFFER, REFERENCE, SECOND_REFERENCE  # noqa: E402

SECONDS_PER_PROCESS = 600
# Of 8-bit outputs, where one rounding apart is one step apart.
LEAST_COSINE = 0.999


def read_models(only=None):
    """Entries of bench.toml; a fetched one gets its inputs from models.toml."""
    with open(os.path.join(HERE, "bench.toml"), "rb") as file:
        models = tomllib.load(file)["model"]
    unknown = set(only or ()) - {model["name"] for model in models}
    if unknown:
        raise ValueError(f"no model {sorted(unknown)} in bench.toml; there are: "
                         + ", ".join(model["name"] for model in models))
    trained = {model["name"]: model for model in read_manifest()}
    for model in models:
        model.setdefault("title", model["name"])
        if model["source"] == "fetched":
            model["inputs"] = trained[model["name"]]["inputs"]
    return [model for model in models if not only or model["name"] in only]


class Failed(Exception):
    """A process ended badly; the message is its last line."""


def run_json(command):
    """Runs a command that prints JSON -> the value."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=SECONDS_PER_PROCESS)
    except subprocess.TimeoutExpired:
        raise Failed(f"no answer after {SECONDS_PER_PROCESS} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        how = (f"killed by signal {-done.returncode}" if done.returncode < 0
               else f"exit code {done.returncode}")
        raise Failed(f"{how}: {last}")
    # A line of JSON after whatever else was said, or JSON of many lines alone.
    text = done.stdout.strip()
    return json.loads(text if text.endswith("\n}") or text.endswith("\n]")
                      else text.splitlines()[-1])


def cosine_of(value, wanted):
    a, b = (array.astype(np.float64).ravel() for array in (value, wanted))
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def compare_quantized(got, expected):
    """-> (1 - the least cosine, as a share of what may be missing; what is wrong or None)"""
    worst = 0.0
    for index, (value, wanted) in enumerate(zip(got, expected)):
        cosine = cosine_of(value, wanted)
        worst = max(worst, (1 - cosine) / (1 - LEAST_COSINE))
        if not cosine >= LEAST_COSINE:
            return worst, f"output {index}: cosine {cosine:.6f} with the reference"
    return worst, None


def compare(got, expected, own=None):
    """Lists of outputs -> (largest share of the bar, what is wrong or None)."""
    if len(got) != len(expected):
        return 0.0, f"{len(got)} outputs, expected {len(expected)}"
    worst = 0.0
    for index, (value, wanted) in enumerate(zip(got, expected)):
        found = check.difference(value, wanted, (own or {}).get(index))
        worst = max(worst, found.get("of_bar", 0.0))
        if "problem" in found:
            return worst, f"output {index}: {found['problem']}"
    return worst, None


def load_outputs(path):
    with np.load(path) as stored:
        return [stored[f"arr_{index}"] for index in range(len(stored.files))]


def shape_flags(shapes):
    return [flag for name, shape in shapes.items() if shape
            for flag in ("--shape", f"{name}={'x'.join(map(str, shape))}")]


def input_flags(case):
    """Writes the inputs of a stored case beside it, one .npy each, as the command line reads
    them."""
    flags = []
    for index, (name, value) in enumerate(load_case(case)[0].items()):
        path = f"{os.path.splitext(case)[0]}-{index}.npy"
        np.save(path, value)
        flags += ["--input", f"{name}={path}"]
    return flags


def describe_point(row):
    symbols = "".join(f" {key}={value}" for key, value in row["symbols"].items())
    return f"{row['title']}{symbols}, {row['threads']} thread{'s' * (row['threads'] > 1)}"


class Race:
    def __init__(self, cache, work, cli, contenders, seconds, rounds, say):
        self.cache, self.work, self.cli = cache, work, cli
        self.contenders, self.seconds, self.rounds, self.say = contenders, seconds, rounds, say
        self.profiles = True  # whether each round also measures the peak and profiles the nodes
        os.makedirs(work, exist_ok=True)

    def model_path(self, model):
        return os.path.join(self.cache, model["source"], model["name"], "model.onnx")

    def write_case(self, model, symbols):
        """Makes the inputs -> (path of the .npz, name -> shape)."""
        # Initializers may be listed among the inputs; only the others are fed.
        graph = onnx.load(self.model_path(model), load_external_data=False).graph
        stored = {value.name for value in graph.initializer}
        names = [value.name for value in graph.input if value.name not in stored]
        case = "_".join(f"{key}{value}" for key, value in symbols.items()) or "fixed"
        inputs = make_inputs({**model, "cases": {case: symbols}}, case, names)
        path = os.path.join(self.work, "cases", f"{model['name']}-{case}.npz")
        save_case(path, inputs, {})
        return path, {name: list(value.shape) for name, value in inputs.items()}

    def one(self, contender, path, case, threads, save=None, seconds=None):
        command = [sys.executable, os.path.join(HERE, "worker.py"), contender, path, case,
                   str(threads), str(self.seconds if seconds is None else seconds)]
        return run_json(command + (["--save", save] if save else []))

    def outputs_path(self, contender):
        return os.path.join(self.work, f"outputs-{contender}.npz")

    def profile(self, path, case, threads):
        """The peaks of this moment, and time and work of every node of one run."""
        return run_json([self.cli, "bench", path, "--json", "--threads", str(threads),
                         "--runs", "1", "--warmup", "0", *input_flags(case)])

    def own_difference(self, path, case, threads, expected):
        """How far the reference is from itself without optimisations, where beyond the bar."""
        save = self.outputs_path(SECOND_REFERENCE)
        self.one(SECOND_REFERENCE, path, case, threads, save, seconds=0)
        return {index: root_mean_square(other - value)
                for index, (value, other) in enumerate(zip(expected, load_outputs(save)))
                if value.dtype.kind == "f" and share_of_bar(other, value).max(initial=0) > 1}

    def compare_outputs(self, model, case, threads, found):
        """Sets "of_bar" and "problem" of every contender, from the outputs of the first round."""
        path, quantized = self.model_path(model), model["source"] == "quantized"
        reference = EXACT_REFERENCE if EXACT_REFERENCE in found else REFERENCE
        if "problem" in found.get(reference, {"problem": "absent"}):
            return
        expected = load_outputs(self.outputs_path(reference))
        own = None
        for name, result in found.items():
            if name == reference or "problem" in result:
                continue
            got = load_outputs(self.outputs_path(name))
            share, problem = (compare_quantized if quantized else compare)(got, expected)
            if problem and name not in MAY_DIFFER and not quantized:
                own = self.own_difference(path, case, threads, expected) if own is None else own
                if own:
                    share, problem = compare(got, expected, own)
                    result["bar"] = "own"
            result["of_bar"] = share
            if problem and (name in MAY_DIFFER or name == REFERENCE):
                result["differs"] = problem
            elif problem:
                result["problem"] = problem

    def first_round(self, model, case, threads):
        """-> name -> {"rounds": [...]} or {"problem": ...}"""
        found = {}
        for name in self.contenders:
            try:
                found[name] = {"rounds": [self.one(name, self.model_path(model), case, threads,
                                                   self.outputs_path(name))]}
            except Failed as failure:
                found[name] = {"problem": str(failure)}
        self.compare_outputs(model, case, threads, found)
        return found

    def later_round(self, path, case, threads, found):
        for name, result in found.items():
            if "problem" in result:
                continue
            try:
                result["rounds"].append(self.one(name, path, case, threads))
            except Failed as failure:
                result["problem"] = str(failure)

    def describe(self, row, path, case, shapes):
        """Peak, work, worst nodes and planned memory, from the command line."""
        try:
            profile = self.profile(path, case, row["threads"])
            row["peak"].append(profile["peak_flops"])
            row["flops"] = sum(node["flops"] for node in profile["nodes"])
            row["worst_nodes"] = worst_nodes(profile)
            if "arena_bytes" not in row:
                plan = run_json([self.cli, "plan", path, "--json", *shape_flags(shapes)])
                row["arena_bytes"] = plan["arena_bytes"]
        except Failed as failure:
            row["profile_problem"] = str(failure)

    def run_point(self, model, symbols, threads):
        path = self.model_path(model)
        case, shapes = self.write_case(model, symbols)
        row = {"model": model["name"], "title": model["title"], "group": model["group"],
               "of": model.get("of"), "bars": model.get("bars", {}), "symbols": symbols,
               "threads": threads, "peak": [],
               "file_bytes": os.path.getsize(path)}
        found = {}
        for turn in range(self.rounds):
            self.say(f"{describe_point(row)}, round {turn + 1} of {self.rounds}")
            if self.profiles:
                self.describe(row, path, case, shapes)
            if turn == 0:
                found = self.first_round(model, case, threads)
            else:
                self.later_round(path, case, threads, found)
        for result in found.values():
            rounds = result.pop("rounds", [])
            if rounds and "problem" not in result:
                result.update(join_rounds(rounds))
        row["contenders"] = found
        return row
