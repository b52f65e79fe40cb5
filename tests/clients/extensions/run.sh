#!/bin/bash
# A library of custom operators that was built for ONNX Runtime: onnxruntime-extensions of PyPI.
# run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
python=${PYTHON:-$here/../../../.venv/bin/python}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/manifest.toml")
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$version" ]; then
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
    --target "$folder/packages" "onnxruntime-extensions==$version" ||
    { echo "PyPI does not give onnxruntime-extensions $version"; exit 77; }
  echo "$version" >"$folder/installed"
fi
operators=$(find "$folder/packages/onnxruntime_extensions" -name '_extensions_pydll*.so')
"$python" "$here/client.py" "$library" "$operators" "$folder"
