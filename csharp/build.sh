#!/bin/bash
# Compiles Microsoft.ML.OnnxRuntime.dll with Debian's Mono: csharp/build.sh FOLDER

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: csharp/build.sh FOLDER}
mkdir -p "$folder"
mcs -langversion:7.2 -unsafe -optimize -warnaserror -debug -target:library \
  -out:"$folder/Microsoft.ML.OnnxRuntime.dll" \
  "$here"/*.cs "$here"/Native/*.cs "$here"/Tensors/*.cs
