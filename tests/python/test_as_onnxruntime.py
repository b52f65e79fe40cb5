"""Programs that import onnxruntime run on Sardonyx by the shim, and only when asked to."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

import sardonyx

BUILT = Path(sardonyx.__file__).parents[1]
NAMES = Path(sardonyx.__file__).parent / "as_onnxruntime" / "names"


def run(*arguments, code=0, cwd=None, **variables):
    environment = {**os.environ, "PYTHONPATH": str(BUILT), **variables}
    done = subprocess.run([sys.executable, *map(str, arguments)], env=environment, text=True,
                          capture_output=True, check=False, timeout=120, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.strip() if code == 0 else done.stderr.strip()


def under_shim(*arguments, **keywords):
    return run("-m", "sardonyx.as_onnxruntime", *arguments, **keywords)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "add.onnx"
    path.write_bytes(tiny_models.add())
    return path


PROGRAM = """
import sys
import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

session = ort.InferenceSession(sys.argv[1], providers=ort.get_available_providers())
x = np.ones((1, 3), np.float32)
print(session.run(None, {"x": x, "y": x})[0].tolist(), __name__, sys.argv[2:])
try:
    session.run(["bad"], {"x": x, "y": x})
except InvalidArgument as error:
    print(type(error).__module__)
"""
ANSWER = "[[2.0, 2.0, 2.0]] __main__ ['a', '--b']\nsardonyx"


def test_a_program_a_module_and_code(tmp_path, model):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    (tmp_path / "neighbour.py").write_text("value = 7\n")
    assert under_shim(program, model, "a", "--b") == ANSWER
    assert under_shim("-m", "program", model, "a", "--b", cwd=tmp_path) == ANSWER
    assert under_shim("-c", PROGRAM, model, "a", "--b") == ANSWER
    program.write_text("import neighbour; print(neighbour.value); raise SystemExit(3)")
    under_shim(program, code=3)
    program.write_text("import sys; print(sys.argv)")
    assert under_shim(program, "-m") == str([str(program), "-m"])


def test_without_the_shim_it_is_the_original():
    code = "import onnxruntime, sardonyx; print(onnxruntime.InferenceSession.__module__)"
    assert run("-c", code).startswith("onnxruntime.")


def test_wrong_command_lines(tmp_path):
    assert "usage: python -m sardonyx.as_onnxruntime" in under_shim(code=2)
    assert "needs an argument" in under_shim("-m", code=2)
    assert "unknown option --what" in under_shim("--what", code=2)
    assert "gone.py: no such file" in under_shim(tmp_path / "gone.py", code=2)
    assert "PROGRAM.py" in under_shim("--help")


def test_install_is_idempotent_and_taken_back():
    out = run("-c", """
import os, sys
import sardonyx
before, variables = list(sys.path), dict(os.environ)
for _ in range(2):
    sardonyx.install_as_onnxruntime(children=True)
assert len(sys.path) == len(before) + 1
import onnxruntime, onnxruntime.capi._pybind_state
assert onnxruntime.InferenceSession is sardonyx.InferenceSession
sardonyx.install_as_onnxruntime()
for _ in range(2):
    sardonyx.uninstall_as_onnxruntime()
assert sys.path == before
assert os.environ["PYTHONPATH"] == variables["PYTHONPATH"]
assert not [name for name in sys.modules if name.split(".")[0] == "onnxruntime"]
import onnxruntime
print(onnxruntime.InferenceSession.__module__)
""")
    assert out.startswith("onnxruntime.")


def test_the_original_imported_before_is_an_error():
    error = run("-c", "import onnxruntime, sardonyx; sardonyx.install_as_onnxruntime()", code=1)
    assert "ImportError: onnxruntime is imported already, from" in error
    assert "before anything imports it" in error


def test_versions():
    out = under_shim("-c", """
import importlib.metadata, importlib.util
import onnxruntime, sardonyx
print(onnxruntime.__version__, onnxruntime.version, onnxruntime.get_version_string())
print(importlib.metadata.version("onnxruntime"))
print(importlib.metadata.distribution("onnxruntime").metadata["Summary"])
print(importlib.util.find_spec("onnxruntime").origin)
print(sardonyx.__version__ == sardonyx.get_version_string())
""").splitlines()
    assert out[0] == "1.31.1 1.31.1 1.31.1" and out[1] == "1.31.1"
    assert "Sardonyx" in out[2] and out[4] == "True"
    assert Path(out[3]) == NAMES / "onnxruntime" / "__init__.py"


def test_the_version_is_one_of_the_c_abi():
    header = Path(__file__).parents[2] / "include" / "sardonyx" / "onnxruntime_c_types.h"
    newest = int(re.search(r"#define ORT_API_VERSION (\d+)", header.read_text())[1])
    metadata, = NAMES.glob("onnxruntime-*.egg-info")
    assert int(metadata.name.split(".")[1]) == newest


@pytest.mark.parametrize("statement", [
    "import onnxruntime.capi.onnxruntime_pybind11_state as s; assert s.InvalidArgument",
    "from onnxruntime.capi import _pybind_state as C; assert C.get_available_providers()",
    "from onnxruntime.capi._pybind_state import SessionIOBinding, OrtDevice, OrtValue",
    "from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession, OrtValue",
    "from onnxruntime.capi.onnxruntime_inference_collection import get_ort_device_type as f;"
    " assert f('cuda') == 1",
    "from onnxruntime.capi.onnxruntime_validation import check_distro_info",
    "import onnxruntime; onnxruntime.capi.onnxruntime_pybind11_state.Fail",
    "import onnxruntime.backend as b; assert b.supports_device('CPU') and b.run and b.prepare",
    "from onnxruntime.backend.backend import OnnxRuntimeBackend",
    "from onnxruntime.backend.backend_rep import OnnxRuntimeBackendRep",
    "from onnxruntime import InferenceSession, SessionOptions, GraphOptimizationLevel, OrtValue",
    "import onnxruntime as ort; ort.set_default_logger_severity(3); ort.preload_dlls()",
])
def test_what_programs_import(statement):
    under_shim("-c", statement)


def test_a_name_that_nobody_has():
    error = under_shim("-c", "import onnxruntime; onnxruntime.nothing", code=1)
    assert "no attribute 'nothing'" in error


def test_plain_python_of_an_installed_original_runs_on_this_library(tmp_path, model):
    out = under_shim("-c", """
import sys
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
import sardonyx
assert onnxruntime.InferenceSession is sardonyx.InferenceSession
import numpy as np, onnx
from onnx import helper, numpy_helper
weights = numpy_helper.from_array(np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), "w")
node = helper.make_node("MatMul", ["x", "w"], ["y"])
x, y = (helper.make_tensor_value_info(n, 1, ["N", s]) for n, s in (("x", 3), ("y", 4)))
model = helper.make_model(helper.make_graph([node], "g", [x], [y], [weights]), ir_version=10,
                          opset_imports=[helper.make_opsetid("", 21)])
folder = sys.argv[1]
onnx.save(model, folder + "/m.onnx")
quantize_dynamic(folder + "/m.onnx", folder + "/q.onnx", weight_type=QuantType.QInt8)
feed = {"x": np.float32([[1, 2, 3]])}
results = [onnxruntime.InferenceSession(folder + each).run(None, feed)[0]
           for each in ("/m.onnx", "/q.onnx")]
print(float(np.abs(results[0] - results[1]).max()))
""", tmp_path)
    assert float(out) < 0.1


def test_processes_that_a_program_starts(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text("""
import multiprocessing
import subprocess
import sys


def where(_):
    import onnxruntime

    return onnxruntime.InferenceSession.__module__


if __name__ == "__main__":
    for method in ("spawn", "fork"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(where, [0])[0])
    code = "import onnxruntime; print(onnxruntime.InferenceSession.__module__)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
""")
    assert under_shim(program).split() == ["sardonyx.session"] * 3
    code = program.read_text().replace("import sys\n", "import sys\nimport sardonyx\n"
                                       "sardonyx.install_as_onnxruntime(children=True)\n")
    program.write_text(code)
    assert run(program).split() == ["sardonyx.session"] * 3


PROFILED = """
import glob
import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.enable_profiling = True
session = ort.InferenceSession("add.onnx", options, providers=["CPUExecutionProvider"])
session.run(None, dict.fromkeys("xy", np.ones((1, 3), np.float32)))
name = session.end_profiling()
assert glob.glob(options.profile_file_prefix + "*.json") == [name], name
print(name)
"""


def test_profiles_are_named_alike(tmp_path, model):
    shape = re.compile(r"(\w+_profile_)_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{3}\.json")
    for runner in (run, under_shim):
        folder = tmp_path / runner.__name__
        folder.mkdir()
        (folder / "add.onnx").write_bytes(model.read_bytes())
        found = shape.fullmatch(runner("-c", PROFILED, cwd=folder))
        assert found and found[1] == "onnxruntime_profile_"
    (folder / found[0]).unlink()
    own = PROFILED.replace("onnxruntime as", "sardonyx as")
    assert shape.fullmatch(run("-c", own, cwd=folder))[1] == "sardonyx_profile_"
