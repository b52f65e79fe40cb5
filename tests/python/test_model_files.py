"""Model files of the ONNX project, read and written by model/: nothing may be lost."""

import subprocess
from pathlib import Path

import onnx
import onnx.backend.test
import pytest
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/tests/model_roundtrip"
DATA = Path(onnx.backend.test.__file__).parent / "data"
MODELS = sorted(DATA.rglob("*.onnx"))


def roundtrip(pairs):
    """One line of the tool for each (source, target)."""
    lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
    run = subprocess.run([TOOL], input=lines, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def plain(message):
    """What a message says, without how it says it: a comparable value.

    Empty optional strings count as absent, ai.onnx is the empty domain, and a tensor is its
    elements.
    """
    if isinstance(message, onnx.TensorProto):
        elements = numpy_helper.to_array(message)
        exact = elements.tolist() if elements.dtype == object else elements.tobytes()
        metadata = [(entry.key, entry.value) for entry in message.metadata_props]
        return (message.name, message.data_type, list(message.dims), exact, message.doc_string,
                metadata)
    fields = {}
    for field, value in message.ListFields():
        if field.message_type is not None:
            repeated = not hasattr(value, "ListFields")
            fields[field.name] = [plain(item) for item in value] if repeated else plain(value)
        elif not hasattr(value, "append"):
            fields[field.name] = value
        else:
            fields[field.name] = [*value]
        if fields[field.name] in ("", b"") or fields[field.name] == "ai.onnx":
            del fields[field.name]
    if isinstance(message, onnx.AttributeProto):
        fields.setdefault("type", message.type)
    if isinstance(message, onnx.ModelProto) and not message.model_version:
        fields.pop("model_version", None)
    return fields


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    pairs = [(source, folder / f"{index}.onnx") for index, source in enumerate(MODELS)]
    return dict(zip(MODELS, zip((target for _, target in pairs), roundtrip(pairs))))


def test_there_are_models():
    assert len(MODELS) > 1800


def test_backend_models_keep_everything(written):
    wrong = []
    for source, (target, answer) in written.items():
        name = source.relative_to(DATA)
        if answer != "ok":
            wrong.append(f"{name}: {answer}")
        elif plain(onnx.load(source)) != plain(onnx.load(target)):
            wrong.append(f"{name}: differs")
    assert not wrong, f"{len(wrong)} of {len(written)}:\n" + "\n".join(wrong[:20])
