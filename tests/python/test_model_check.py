"""The whole-model test must notice wrong values, shapes, classes and bits, and a crash."""

import os
import subprocess
import sys

import numpy as np
import pytest

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")
sys.path.insert(0, MODELS)
import cases  # noqa: E402
import check  # noqa: E402

EXPECTED = np.array([[0.5, -2.0, 0.0, 1.9999]], np.float32)


def problem(got, own=None):
    return check.difference(np.array(got, np.float32).reshape(-1, 4), EXPECTED, own).get("problem")


def test_values_within_the_bar_pass():
    assert problem([0.5004, -2.001, 9e-6, 2.0]) is None


@pytest.mark.parametrize("got", [
    [0.502, -2.0, 0.0, 1.9999], [0.5, -2.0, 2e-5, 1.9999], [0.5, 2.0, 0.0, 1.9999],
    [np.nan, -2.0, 0.0, 1.9999], [0.5, -2.0, 0.0, np.inf], [[0.5, -2.0, 0.0, 1.9999]] * 2,
])
def test_values_outside_the_bar_are_a_problem(got):
    assert problem(got)


def test_another_dtype_is_a_problem():
    assert check.difference(EXPECTED.astype(np.float64), EXPECTED, None)["problem"]


def test_own_difference_of_the_reference_is_the_bar_where_there_is_one():
    assert problem([0.51, -2.0, 0.0, 1.9999], own=0.01) is None
    assert problem([0.6, -2.0, 0.0, 1.9999], own=0.01)


def test_another_class_is_a_problem_unless_the_bar_cannot_tell_the_two_apart():
    assert check.class_problem(EXPECTED, EXPECTED, 1) is None
    assert check.class_problem(EXPECTED[:, ::-1], EXPECTED, 1)
    near = np.array([[1.0, 1.00001, 0.0]], np.float32)
    assert check.class_problem(near[:, [1, 0, 2]], near, 1) is None


class FakeSession:
    def __init__(self, offset):
        self.offset = np.float32(offset)

    def run(self, _names, inputs):
        return [inputs["x"] + self.offset]


def test_bits_that_depend_on_the_thread_count_are_a_problem(tmp_path):
    path = str(tmp_path / "n1.npz")
    cases.save_case(path, {"x": EXPECTED}, {"y": EXPECTED})
    same = check.check_case({1: FakeSession(0), 2: FakeSession(0)}, path, {})
    assert not same["problems"] and same["bits"] == "same"
    differ = check.check_case({1: FakeSession(0), 2: FakeSession(1e-6)}, path, {})
    assert differ["bits"] == "differ" and len(differ["problems"]) == 1


def test_a_crash_is_a_failed_row_and_an_exit_code(tmp_path):
    folder = tmp_path / "cache" / "fetched" / "crashing"
    cases.save_case(str(folder / "n1.npz"), {"x": EXPECTED}, {"y": EXPECTED})
    cases.save_about(str(folder), {"name": "crashing"})
    (tmp_path / "crashing_runtime.py").write_text("import os\nos.abort()\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, os.path.join(MODELS, "check.py"), "--cache", str(tmp_path / "cache"),
         "--module", "crashing_runtime"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "killed by signal 6" in done.stdout and "1 failed" in done.stdout
