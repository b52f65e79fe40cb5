#!/bin/bash
# C#: the assembly of this repository on Debian's Mono, and the examples. run.sh <folder> <library>
#
#   ONLY="BindingTests LifetimeTests.Runs"    the tests whose names have one of these words in them

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$1 library=$2
command -v mcs >/dev/null && command -v mono >/dev/null ||
  { echo "mcs and mono (mono-mcs) are not on this machine"; exit 77; }
if [ -n "${ORIGINAL:-}" ]; then # the one in the Python package
  library=$("$PYTHON" -c 'import pathlib, onnxruntime as original
print(next(pathlib.Path(original.__file__).parent.glob("capi/libonnxruntime.so.*")))')
fi
"$root/csharp/build.sh" "$folder"
cd "$folder"
# Mono looks for libonnxruntime.so beside the assembly.
ln -sfn "$library" libonnxruntime.so
compile() {
  mcs -langversion:7.2 -optimize -warnaserror -debug -r:Microsoft.ML.OnnxRuntime.dll -out:"$@"
}
compile client.exe "$here"/*.cs
# shellcheck disable=SC2086  # a list of words
mono --debug client.exe ${ONLY:-}
compile Classify.exe "$EXAMPLES/csharp/Classify.cs"
compile Bind.exe "$EXAMPLES/csharp/Bind.cs"
$CHECK classify "$MODELS" mono Classify.exe
$CHECK bind "$MODELS" mono Bind.exe
