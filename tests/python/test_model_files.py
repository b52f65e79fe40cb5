"""Model files of the ONNX project, read and written by model/: nothing may be lost."""

import subprocess
from pathlib import Path

import onnx
import onnx.backend.test
import onnx.parser
import onnx.printer
import pytest
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/tests/model_roundtrip"
DATA = Path(onnx.backend.test.__file__).parent / "data"
MODELS = sorted(DATA.rglob("*.onnx"))
KINDS = {
    "tensor_type": ("tensor", onnx.TensorProto),
    "sequence_type": ("sequence", onnx.SequenceProto),
    "optional_type": ("optional", onnx.OptionalProto),
}


def roundtrip(jobs):
    """The answer of the tool for each (form, source, target)."""
    lines = "".join(f"{form}\t{source}\t{target}\n" for form, source, target in jobs)
    run = subprocess.run([TOOL], input=lines, capture_output=True, text=True, check=True)
    answers = run.stdout.splitlines()
    assert len(answers) == len(jobs)
    return answers


def plain_tensor(tensor):
    elements = numpy_helper.to_array(tensor)
    exact = elements.tolist() if elements.dtype == object else elements.tobytes()
    metadata = [(entry.key, entry.value) for entry in tensor.metadata_props]
    dims = list(tensor.dims)
    return tensor.name, tensor.data_type, dims, exact, tensor.doc_string, metadata


def plain(message):
    """What a message says, without how it says it, as a comparable value.

    Empty optional strings count as absent, ai.onnx is the empty domain, and a tensor is its
    elements.
    """
    if isinstance(message, onnx.TensorProto):
        return plain_tensor(message)
    fields = {}
    for field, value in message.ListFields():
        if field.message_type is None:
            fields[field.name] = [*value] if hasattr(value, "append") else value
        elif hasattr(value, "ListFields"):
            fields[field.name] = plain(value)
        else:
            fields[field.name] = [plain(item) for item in value]
        if fields[field.name] in ("", b"") or fields[field.name] == "ai.onnx":
            del fields[field.name]
    if isinstance(message, onnx.AttributeProto):
        fields.setdefault("type", message.type)
    if isinstance(message, onnx.ModelProto) and not message.model_version:
        fields.pop("model_version", None)
    return fields


def report(wrong, total):
    assert not wrong, f"{len(wrong)} of {total}:\n" + "\n".join(wrong[:20])


def name_of(source):
    return source.relative_to(DATA)


def test_there_are_models():
    assert len(MODELS) > 1800


@pytest.mark.parametrize("form", ["model", "text"])
def test_backend_models_keep_everything(form, tmp_path):
    jobs = [(form, source, tmp_path / f"{i}.onnx") for i, source in enumerate(MODELS)]
    wrong = []
    for (_, source, target), answer in zip(jobs, roundtrip(jobs)):
        if answer != "ok":
            wrong.append(f"{name_of(source)}: {answer}")
        elif plain(onnx.load(source)) != plain(onnx.load(target)):
            wrong.append(f"{name_of(source)}: differs")
    report(wrong, len(jobs))


def test_backend_values_keep_everything(tmp_path):
    jobs, types = [], []
    for source in MODELS:
        graph = onnx.load(source).graph
        for word, values in (("input", graph.input), ("output", graph.output)):
            for file in source.parent.glob(f"test_data_set_*/{word}_*.pb"):
                value = values[int(file.stem.split("_")[1])]
                form, message_type = KINDS[value.type.WhichOneof("value")]
                jobs.append((form, file, tmp_path / f"{len(jobs)}.pb"))
                types.append(message_type)
    assert len(jobs) > 6000
    wrong = []
    for (_, source, target), message_type, answer in zip(jobs, types, roundtrip(jobs)):
        if answer != "ok":
            wrong.append(f"{name_of(source)}: {answer}")
            continue
        before, after = message_type(), message_type()
        before.ParseFromString(source.read_bytes())
        after.ParseFromString(target.read_bytes())
        if plain(before) != plain(after):
            wrong.append(f"{name_of(source)}: differs")
    report(wrong, len(jobs))


def onnx_text(model):
    """What onnx.printer prints; None where it prints what onnx.parser cannot read back."""
    try:
        text = onnx.printer.to_text(model)
        parsed = onnx.parser.parse_model(text)
    except Exception:
        return None
    return text if plain(parsed) == plain(model) else None


def test_text_of_onnx_parses(tmp_path):
    jobs, models = [], []
    for i, source in enumerate(MODELS):
        if source.stat().st_size > 100_000:
            continue
        model = onnx.load(source)
        text = onnx_text(model)
        if text is None:
            continue
        file = tmp_path / f"{i}.txt"
        file.write_text(text)
        jobs.append(("parse", file, tmp_path / f"{i}.onnx"))
        models.append((source, model))
    assert len(jobs) > 1700
    wrong = []
    for (_, _, target), (source, model), answer in zip(jobs, models, roundtrip(jobs)):
        if answer != "ok":
            wrong.append(f"{name_of(source)}: {answer}")
        elif plain(onnx.load(target)) != plain(model):
            wrong.append(f"{name_of(source)}: differs")
    report(wrong, len(jobs))


def test_onnx_parses_our_text(tmp_path):
    """Where a model needs none of the extensions, the text is that of the ONNX project."""
    jobs = [("print", source, tmp_path / f"{i}.txt") for i, source in enumerate(MODELS)]
    equal = 0
    for (_, source, target), answer in zip(jobs, roundtrip(jobs)):
        assert answer == "ok", f"{name_of(source)}: {answer}"
        text = target.read_text()
        if len(text) > 100_000:
            continue
        try:
            parsed = onnx.parser.parse_model(text)
            equal += plain(parsed) == plain(onnx.load(source))
        except Exception:
            continue
    assert equal > 1800
