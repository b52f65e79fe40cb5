"""Session config entries: docs/session_config.md says what each does, and that is what happens."""

import pathlib
import re

import numpy as np
import onnxruntime
import pytest
import sardonyx as ort
import tiny_models
from both_runtimes import failure

ROOT = pathlib.Path(__file__).parents[2]
AREAS = "session|optimization|ep|mlas"
KEY = re.compile(rf"(?:{AREAS})\.[a-z0-9_.]*[a-z0-9_]")


def documented():
    """The keys under each heading."""
    keys = {}
    for section in (ROOT / "docs" / "session_config.md").read_text().split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
        keys[heading] = [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]
    return keys


KEPT = documented()["Kept, with nothing to change"]
X = np.float32([[1, 2, 3]])


def with_entry(key, value):
    options = ort.SessionOptions()
    options.add_session_config_entry(key, value)
    return options


def run(options):
    session = ort.InferenceSession(tiny_models.add(), options)
    return session.run(None, {"x": X, "y": X})[0].tolist()


def known_to_onnx_runtime():
    """The texts in ONNX Runtime's library that are keys."""
    library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.1.*"))
    texts = re.findall(rb"\0([a-z0-9_.]{8,100})(?=\0)", library.read_bytes())
    return {text.decode() for text in texts if KEY.fullmatch(text.decode())}


def test_every_key_is_documented_once():
    keys = [key for part in documented().values() for key in part]
    assert len(keys) == len(set(keys))
    header = (ROOT / "include/sardonyx/onnxruntime_session_options_config_keys.h").read_text()
    named = set(re.findall(rf'"((?:{AREAS})\.[^"]+)"', header))
    found = known_to_onnx_runtime()
    assert len(named) > 80 and "session.disable_prepacking" in found
    assert (named | found) - set(keys) == set()


@pytest.mark.parametrize("key", KEPT)
def test_what_is_kept_changes_nothing(key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in ("", "0", "1", "nonsense"):
        options = with_entry(key, value)
        assert options.get_session_config_entry(key) == value
        assert run(options) == [[2, 4, 6]]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key, value, error, text", [
    ("session.load_model_format", "ORT", "NotImplemented", "ORT format are not read"),
    ("session.gqa_value_layout", "BNHS", "NotImplemented", "BNSH"),
    ("session.gqa_value_layout", "", "InvalidArgument", "Expected 'BNSH' or 'BNHS'"),
    ("session.gqa_value_layout", "nonsense", "InvalidArgument", "Expected 'BNSH' or 'BNHS'"),
    ("session.disable_cpu_ep_fallback", "1", "Fail",
     "fallback to CPU EP has been explicitly disabled by the user"),
    ("session.set_denormal_as_zero", "2", "InvalidArgument", "must be '0' or '1'"),
    ("session.intra_op_thread_affinities", "0", "Fail", "numbered from 1"),
    ("sardonyx.tier", "nonsense", "InvalidArgument", "'nonsense' is not available on this machine"),
    ("sardonyx.matmul_precision", "f64", "InvalidArgument", "'f32' or 'bf16'"),
])  # fmt: skip
def test_what_is_refused(key, value, error, text):
    with pytest.raises(getattr(ort, error), match=text):
        run(with_entry(key, value))


@pytest.mark.parametrize("key, value", [
    ("session.load_model_format", "ONNX"), ("session.save_model_format", "ORT"),
    ("session.gqa_value_layout", "BNSH"), ("session.disable_cpu_ep_fallback", "0"),
])  # fmt: skip
def test_the_same_keys_with_other_values(key, value):
    assert run(with_entry(key, value)) == [[2, 4, 6]]


@pytest.mark.parametrize("value", ["BNHS", "nonsense", "BNSH"])
def test_the_layout_of_values_there(value):
    """ONNX Runtime refuses and takes the same, but for the layout that is not here."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.gqa_value_layout", value)

    def load():
        onnxruntime.InferenceSession(tiny_models.add(), options, ["CPUExecutionProvider"])

    if value == "nonsense":
        with pytest.raises(failure(onnxruntime, "InvalidArgument"), match="Expected 'BNSH' or 'BNHS'"):
            load()
    else:
        load()


@pytest.mark.parametrize("name, format, saved", [
    ("a.onnx", None, True), ("a.ort", None, False), ("a.onnx", "ORT", False),
    ("a.ort", "ONNX", True),
])  # fmt: skip
def test_formats_of_saved_models(name, format, saved, tmp_path):
    """ONNX Runtime decides alike which format is meant, and writes both."""
    for runtime in (ort, onnxruntime):
        options = runtime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / name)
        if format is not None:
            options.add_session_config_entry("session.save_model_format", format)
        if runtime is ort and not saved:
            with pytest.raises(ort.NotImplemented, match="ORT format are not written"):
                ort.InferenceSession(tiny_models.add(), options)
            assert not (tmp_path / name).exists()
            continue
        runtime.InferenceSession(tiny_models.add(), options, providers=["CPUExecutionProvider"])
        assert ((tmp_path / name).read_bytes()[4:8] == b"ORTM") == (not saved)
