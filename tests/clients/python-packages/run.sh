#!/bin/bash
# The examples in Python, then packages of PyPI that use onnxruntime, unmodified: run.sh <folder>
# <library>. The library is not used: the Python module is in the build folder beside it.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/../../../.venv/bin/python}
module=$(dirname "$(dirname "$2")")/python
for example in classify bind; do
  PYTHONPATH=$module "$python" "$here/../check_example.py" $example "$MODELS" \
    "$python" "$here/../../../examples/python/$example.py"
done
exec "$python" "$here/run.py" "$1" "$module"
