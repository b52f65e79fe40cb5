#!/bin/bash
# C#: the assembly of this repository, on Debian's Mono. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
folder=$1 library=$2
command -v mcs >/dev/null && command -v mono >/dev/null || { echo "needs mono-mcs"; exit 77; }
original() { # the library of the Python package
  "$root/.venv/bin/python" - <<'PY'
import pathlib, onnxruntime
print(next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")))
PY
}
if [ -n "${ORIGINAL:-}" ]; then library=$(original); fi
"$root/csharp/build.sh" "$folder"
cd "$folder"
# Mono looks for libonnxruntime.so beside the assembly.
rm -f libonnxruntime.so && ln -s "$library" libonnxruntime.so
compile() {
  mcs -langversion:7.2 -optimize -warnaserror -debug -r:Microsoft.ML.OnnxRuntime.dll -out:"$@"
}
compile client.exe "$here"/*.cs
mono --debug client.exe ${ONLY:-}

examples=$root/examples/csharp
compile Classify.exe "$examples/Classify.cs"
compile Bind.exe "$examples/Bind.cs"
check="$root/.venv/bin/python $root/tests/clients/check_example.py"
$check classify "$MODELS" mono Classify.exe
$check bind "$MODELS" mono Bind.exe
