#!/bin/bash
# Runs the clients of other languages, unmodified packages of their registries, on the library of
# this build, and their examples: tests/clients/run.sh [language]... Each language has run.sh, which
# takes the folder for its files and the library, and manifest.toml: what is fetched, and what cannot
# apply and why.
#
#   ORIGINAL=1 tests/clients/run.sh node    the same on ONNX Runtime's own library: the tests tested

set -uo pipefail
cd "$(dirname "$0")/../.."
folder=$PWD/build/clients
library=$PWD/build/lib/libonnxruntime.so.1
export PYTHON=${PYTHON:-$PWD/.venv/bin/python}
export MODELS=$folder/models EXAMPLES=$PWD/examples
export ORIGINAL=${ORIGINAL:-} # the library of PyPI's ONNX Runtime, for clients that bring none
if [ "$ORIGINAL" = 1 ]; then
  ORIGINAL=$("$PYTHON" -c 'import onnxruntime, pathlib
print(*pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.1*"))') || exit 1
fi
export CHECK="$PYTHON $PWD/tests/clients/check_example.py"
[ -f "$library" ] || { echo "clients: $library is missing; run make build" >&2; exit 1; }
$PYTHON tests/clients/make_models.py "$MODELS" || exit 1

languages=("$@")
if [ $# = 0 ]; then
  for script in tests/clients/*/run.sh; do languages+=("$(basename "$(dirname "$script")")"); done
fi
summary=()
failed=0 absent=0
for language in "${languages[@]}"; do
  printf '\n== %s\n' "$language"
  start=$SECONDS
  mkdir -p "$folder/$language"
  status=passed
  "tests/clients/$language/run.sh" "$folder/$language" "$library"
  code=$?
  # 77: what the client needs is not on this machine, and it said what.
  if [ $code = 77 ]; then
    status=absent absent=$((absent + 1))
  elif [ $code != 0 ]; then
    status=FAILED failed=1
  fi
  summary+=("$(printf '%-14s %-6s %4d s' "$language" "$status" $((SECONDS - start)))")
done
printf '\n'
printf '%s\n' "${summary[@]}"
if [ $failed = 0 ]; then echo "All clients passed, $absent absent."; else echo "Some clients FAILED."; fi
exit $failed
