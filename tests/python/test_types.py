"""The types that the package declares are those that it has."""

import ast
import subprocess
import sys
from pathlib import Path

import sardonyx

PACKAGE = Path(sardonyx.__file__).parent

GOOD = """
import numpy as np
import sardonyx as ort
from sardonyx.capi.onnxruntime_pybind11_state import InvalidArgument

options = ort.SessionOptions()
options.intra_op_num_threads = 2
session: ort.InferenceSession = ort.InferenceSession("m.onnx", options, ["CPUExecutionProvider"])
names: list[str] = [each.name for each in session.get_inputs()]
value: ort.OrtValue = ort.OrtValue.ortvalue_from_numpy(np.zeros(3))
shape: list[int] = value.shape()
binding = session.io_binding()
binding.bind_ortvalue_input("x", value)
session.run_with_iobinding(binding)
ort.install_as_onnxruntime(children=True)
"""
BAD = """
import sardonyx as ort

ort.SessionOptions().intra_op_num_threads = "two"
ort.InferenceSession(5)
ort.OrtValue.no_such_method()
ort.set_seed()
"""


def test_marked_as_typed():
    assert (PACKAGE / "py.typed").exists() and (PACKAGE / "_sardonyx.pyi").exists()


def test_the_stub_has_every_name_of_the_binding():
    tree = ast.parse((PACKAGE / "_sardonyx.pyi").read_text())
    told = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            told[node.name] = node.body
        elif isinstance(node, ast.FunctionDef):
            told[node.name] = []
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            told[target.id] = []
    binding = sardonyx._sardonyx
    names = {name for name in dir(binding) if not name.startswith("__")}
    assert names == {name for name in told if hasattr(binding, name)}
    for name, body in told.items():
        methods = {each.name for each in body if isinstance(each, ast.FunctionDef)}
        gone = {each for each in methods if not hasattr(getattr(binding, name), each)}
        assert not gone, f"{name}: {gone}"


def check(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text(text)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir",
               str(tmp_path / "cache"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={"MYPYPATH": str(PACKAGE.parent), "PATH": ""})
    return [line for line in done.stdout.splitlines() if line.startswith(str(path))], done.stderr


def test_a_type_checker_takes_the_package(tmp_path):
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir",
               str(tmp_path / "cache"), "-p", "sardonyx"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path,
                          env={"MYPYPATH": str(PACKAGE.parent), "PATH": ""})
    assert (done.stdout, done.stderr) == ("", "")


def test_a_type_checker_takes_good_programs_and_finds_the_bad(tmp_path):
    found, errors = check(tmp_path, GOOD)
    assert found == [] and errors == ""
    found, _ = check(tmp_path, BAD)
    assert [line.split(":")[1] for line in found] == ["4", "5", "6", "7"]
