"""The command line: what it prints, its exit codes, one message and no trace for what is wrong."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from bad_files import BAD_FILES
from onnx import TensorProto
from PIL import Image

CLI = Path(os.environ.get("SARDONYX_CLI", Path(__file__).parents[2] / "build" / "bin" / "sardonyx"))
OK, RUN_FAILED, USAGE, BAD_MODEL, BAD_INPUT = range(5)
WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4)


def sardonyx(*arguments, code=OK):
    done = subprocess.run([CLI, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def read_json(*arguments):
    return json.loads(sardonyx(*arguments, "--json").stdout)


def message_of(*arguments, code):
    """The one message of a command that fails."""
    done = sardonyx(*arguments, code=code)
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("sardonyx: error: ")]
    assert len(errors) == 1, done.stderr
    for word in ("terminate called", "what():", "Traceback", "Aborted"):
        assert word not in done.stderr
    return done.stderr[done.stderr.index("sardonyx: error: "):]


@pytest.fixture
def matmul(tmp_path):
    path = tmp_path / "matmul.onnx"
    path.write_bytes(tiny_models.matmul(WEIGHTS))
    return path


@pytest.fixture
def picture_model(tmp_path):
    def make(shape, dtype=TensorProto.FLOAT):
        path = tmp_path / "picture.onnx"
        path.write_bytes(tiny_models.identity(dtype, shape))
        return path

    return make


def test_version_and_help():
    assert sardonyx("--version").stdout.startswith("sardonyx 0.")
    for verb in ("run", "graph", "plan", "bench", "ops", "doctor"):
        text = sardonyx(verb, "--help").stdout
        assert "Examples:" in text and f"sardonyx {verb}" in text and "--json" in text
    assert "Exit codes" in sardonyx("--help").stdout


@pytest.mark.parametrize("arguments", [(), ("dance",), ("run",), ("run", "a", "--no-such"),
                                       ("run", "a", "--threads", "x"), ("bench", "a", "-O", "7")])
def test_wrong_usage(arguments):
    done = sardonyx(*arguments, code=USAGE)
    assert done.stdout == "" and "--help" in done.stderr and len(done.stderr.splitlines()) == 1


def test_run_with_files(tmp_path, matmul):
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "out"
    text = sardonyx("run", matmul, "--input", f"x={tmp_path / 'x.npy'}", "--output", out).stdout
    assert "2x4" in text and "float32" in text
    np.testing.assert_allclose(np.load(out / "y.npy"), x @ WEIGHTS)
    report = read_json("run", matmul, "-i", f"x={tmp_path / 'x.npy'}", "-t", "1")
    assert report["threads"] == 1 and report["outputs"][0]["shape"] == [2, 4]
    assert report["outputs"][0]["max"] == (x @ WEIGHTS).max()
    assert report["outputs"][0]["argmax"] == (x @ WEIGHTS).argmax()


def test_random_inputs_are_the_same_every_time(matmul):
    first = read_json("run", matmul, "--shape", "x=5x3")["outputs"]
    assert first[0]["shape"] == [5, 4]
    assert read_json("run", matmul, "--dim", "N=5")["outputs"] == first
    assert read_json("run", matmul, "--dim", "N=5", "--seed", 1)["outputs"] != first
    zeros = read_json("run", matmul, "--input", "x=zeros")["outputs"][0]
    assert zeros["shape"] == [1, 4] and zeros["max"] == 0


@pytest.mark.parametrize("array", [
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)), np.zeros((0, 3), np.float32),
    np.float32([[1, 2, 3]]),
])
def test_npy_layouts(tmp_path, matmul, array):
    np.save(tmp_path / "x.npy", array)
    sardonyx("run", matmul, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), array @ WEIGHTS)


@pytest.mark.parametrize("dtype, onnx_type", [
    (np.int64, TensorProto.INT64), (np.bool_, TensorProto.BOOL), (np.float16, TensorProto.FLOAT16),
    (np.uint8, TensorProto.UINT8), (np.float64, TensorProto.DOUBLE),
    (np.complex64, TensorProto.COMPLEX64),
])
def test_npy_types(tmp_path, dtype, onnx_type):
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_models.identity(onnx_type, ("N",)))
    x = np.array([0, 1, 1, 0, 1]).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    sardonyx("run", path, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path)
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)


def test_npy_text_and_bfloat16(tmp_path):
    import ml_dtypes

    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_models.identity(TensorProto.STRING, ("N",)))
    np.save(tmp_path / "x.npy", np.array(["a", "Grüße", "日本"]))
    report = read_json("run", path, "--input", f"x={tmp_path / 'x.npy'}")
    assert report["outputs"][0]["first"] == ["'a'", "'Grüße'", "'日本'"]

    path.write_bytes(tiny_models.identity(TensorProto.BFLOAT16, ("N",)))
    x = np.array([1, 2.5], ml_dtypes.bfloat16)
    np.save(tmp_path / "x.npy", x)
    sardonyx("run", path, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x.view(np.uint16))


def make_picture(path, mode="RGB", size=(6, 4)):
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(path)
    return image


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_png_channels_first(tmp_path, picture_model, mode):
    image = make_picture(tmp_path / "a.png", mode)
    sardonyx("run", picture_model((1, 3, "H", "W")), "--input", f"x={tmp_path / 'a.png'}",
             "--output", tmp_path)
    wanted = np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), wanted, rtol=1e-6)


def test_png_channels_last_bytes(tmp_path, picture_model):
    image = make_picture(tmp_path / "a.png")
    sardonyx("run", picture_model((1, 4, 6, 3), TensorProto.UINT8), "-i", f"x={tmp_path / 'a.png'}",
             "-o", tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.asarray(image)[None])


def test_jpeg_grey_with_mean_and_deviation(tmp_path, picture_model):
    make_picture(tmp_path / "a.jpg", size=(16, 8))
    sardonyx("run", picture_model((1, 1, "H", "W")), "-i", f"x={tmp_path / 'a.jpg'}", "-o", tmp_path,
             "--mean", "0.5", "--std", "0.25")
    grey = np.asarray(Image.open(tmp_path / "a.jpg").convert("L"), np.float32) / 255
    got = np.load(tmp_path / "y.npy")
    assert got.shape == (1, 1, 8, 16)
    np.testing.assert_allclose(got[0, 0], (grey - 0.5) / 0.25, atol=4 * 2.5 / 255)


def test_a_picture_must_fit_or_be_resized(tmp_path, picture_model):
    image = make_picture(tmp_path / "a.png")
    model = picture_model((1, 3, 8, 12))
    text = message_of("run", model, "--input", f"x={tmp_path / 'a.png'}", code=BAD_INPUT)
    assert "--resize" in text and "12 x 8" in text and "6 x 4" in text
    sardonyx("run", model, "-i", f"x={tmp_path / 'a.png'}", "-o", tmp_path, "--resize")
    got = np.load(tmp_path / "y.npy")[0].transpose(1, 2, 0) * 255
    wanted = np.asarray(image.resize((12, 8), Image.BILINEAR), np.float32)
    np.testing.assert_allclose(got, wanted, atol=1.01)


@pytest.mark.parametrize("content, words", [
    (None, "cannot be opened"), (b"", "PNG"), (b"no picture", "PNG"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40), "PNG"),
])
def test_bad_pictures(tmp_path, picture_model, content, words):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    text = message_of("run", picture_model((1, 3, "H", "W")), "--input", f"x={tmp_path / 'a.png'}",
                      code=BAD_INPUT)
    assert "a.png" in text and words in text and "input 'x'" in text


def test_bad_jpeg(tmp_path, picture_model):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    text = message_of("run", picture_model((1, 3, "H", "W")), "--input", f"x={tmp_path / 'a.jpg'}",
                      code=BAD_INPUT)
    assert "a.jpg" in text and "JPEG" in text


@pytest.mark.parametrize("content, words", [
    (b"", "not a .npy file"), (b"\x93NUMPY\x01\x00\xff\xff{", "ends inside its header"),
    (b"\x93NUMPY\x09\x00\x10\x00" + b" " * 16, "version 9"),
])
def test_bad_npy(tmp_path, matmul, content, words):
    (tmp_path / "x.npy").write_bytes(content)
    text = message_of("run", matmul, "--input", f"x={tmp_path / 'x.npy'}", code=BAD_INPUT)
    assert words in text


def test_npy_shorter_than_it_says(tmp_path, matmul):
    np.save(tmp_path / "x.npy", np.zeros((1000, 3), np.float32))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:200])
    text = message_of("run", matmul, "--input", f"x={tmp_path / 'x.npy'}", code=BAD_INPUT)
    assert "12000 bytes" in text


@pytest.mark.parametrize("array, words", [
    (np.zeros((1, 3)), ["tensor(double)", "tensor(float)"]),
    (np.zeros(3, np.float32), ["rank", "x"]),
    (np.zeros((1, 5), np.float32), ["dimensions", "x", "5", "3"]),
])
def test_inputs_that_do_not_fit(tmp_path, matmul, array, words):
    np.save(tmp_path / "x.npy", array)
    text = message_of("run", matmul, "--input", f"x={tmp_path / 'x.npy'}", code=BAD_INPUT)
    for word in words:
        assert word in text


def test_input_options_that_do_not_fit(tmp_path, matmul):
    assert "its inputs are: x" in message_of("run", matmul, "--input", "q=zeros", code=BAD_INPUT)
    assert "a.gif" in message_of("run", matmul, "--input", "x=a.gif", code=BAD_INPUT)
    assert "name=value" in message_of("run", matmul, "--input", "x", code=USAGE)
    assert "1x3x224x224" in message_of("run", matmul, "--shape", "x=wide", code=USAGE)
    assert "nosuch" in message_of("run", matmul, "--fetch", "nosuch", code=BAD_INPUT)


@pytest.mark.parametrize("verb", ["run", "graph"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_models(tmp_path, verb, name):
    content, _, words = BAD_FILES[name]
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    text = message_of(verb, path, code=BAD_MODEL)
    for word in words:
        assert word.lower() in text.lower()


def test_no_such_model():
    for verb in ("run", "graph", "plan", "bench"):
        assert "nowhere.onnx" in message_of(verb, "nowhere.onnx", code=BAD_MODEL)


def test_memory_limit(tmp_path):
    path = tmp_path / "big.onnx"
    path.write_bytes(tiny_models.matmul(np.ones((1000, 1000), np.float32)))
    assert "memory limit" in message_of("run", path, "--memory-limit", 1, code=BAD_MODEL)


def test_deadline(matmul):
    assert "deadline" in message_of("run", matmul, "--timeout", "1e-9", code=RUN_FAILED)


def test_graph(matmul):
    report = read_json("graph", matmul)
    assert report["operators"] == {"MatMul": 1} and report["parameters"] == 12
    assert report["parameter_bytes"] == 48 and report["opsets"] == {"ai.onnx": 21}
    assert report["inputs"] == [{"name": "x", "type": "tensor(float)", "shape": ["N", 3]}]
    text = sardonyx("graph", matmul, "--nodes", "--passes").stdout
    for word in ("MatMul", "Nx3", "Nx4", "'mm0'", "parameters", "fold_constants"):
        assert word in text


def test_plan(matmul):
    report = read_json("plan", matmul, "--shape", "x=7x3")
    step = report["steps"][0]
    assert (step["node"], step["op"]) == ("mm0", "MatMul") and step["kernel"]
    assert step["outputs"] == ["y float32 7x4"] and report["complete"]
    assert step["bytes_read"] == 4 * (21 + 12) and step["bytes_written"] == 4 * 28
    assert "MatMul" in sardonyx("plan", matmul, "--why").stdout
    assert "1x9" in message_of("plan", matmul, "--shape", "x=1x9", code=BAD_INPUT)


def test_bf16(matmul):
    def kernel(*options):
        step, = read_json("plan", matmul, *options)["steps"]
        return step["kernel"], " ".join(step["declined"])

    assert kernel()[0] == "gemm" and "matmul_precision is not bf16" in kernel()[1]
    assert "bf16 products cannot be had" in message_of("plan", matmul, "--bf16", "--tier",
                                                       lowest_tier(), code=BAD_MODEL)
    features = read_json("doctor")["features"]
    if "AVX-512 BF16" not in features:
        pytest.skip("this machine has no bf16 products")
    name, why = kernel("--bf16", "--tier", "avx512")
    assert name == "bf16 gemm" and "amx bf16 gemm: the tier is not amx" in why
    if "amx" in read_json("doctor")["tiers"]:
        assert kernel("--bf16") == ("amx bf16 gemm", "")


def lowest_tier():
    return read_json("doctor")["tiers"][-1]


def test_bench(tmp_path, matmul):
    trace = tmp_path / "trace.json"
    report = read_json("bench", matmul, "--seconds", "0.2", "--trace", trace)
    assert report["min_seconds"] <= report["p50_seconds"] <= report["p90_seconds"]
    assert report["p90_seconds"] <= report["p99_seconds"]
    total = sum(node["seconds"] for node in report["nodes"]) + report["overhead_seconds"]
    assert total == pytest.approx(report["profiled_seconds"])
    assert report["peak_flops"] > 1e9 and report["peak_bytes_per_second"] > 1e8
    events = json.loads(trace.read_text())
    assert events and all(event["ph"] == "X" for event in events)
    text = sardonyx("bench", matmul, "--runs", "20").stdout
    for word in ("p50", "p99", "mm0", "(overhead)", "GFLOP/s", "of FMA", "FMA"):
        assert word in text


def test_progress_after_two_seconds(matmul):
    done = sardonyx("bench", matmul, "--seconds", "2.6", "--no-nodes")
    assert "measuring" in done.stderr and "%" in done.stderr
    assert "measuring" not in sardonyx("bench", matmul, "--runs", "5", "--no-nodes").stderr


def test_ops():
    rows = read_json("ops")
    names = [row["name"] for row in rows]
    assert "Conv" in names and "MatMul" in names
    assert all(row["kernels"] and row["versions"] for row in rows if row["domain"] == "ai.onnx")
    assert {row["name"] for row in read_json("ops", "conv")} >= {"Conv", "ConvTranspose"}
    assert "operators" in sardonyx("ops").stdout
    assert "zzz" in message_of("ops", "zzz", code=BAD_INPUT)


def test_doctor():
    report = read_json("doctor")
    assert 1 <= report["threads"] <= report["affinity_cores"] <= report["logical_cores"]
    assert report["affinity_cores"] == len(os.sched_getaffinity(0))
    assert report["tier"] in report["tiers"] and "fmt" in report["libraries"]
    assert "allowed" in sardonyx("doctor").stdout
