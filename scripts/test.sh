#!/bin/bash
# Runs the suites of tests/ on the release build, all of them even when one fails, and ends with a
# line for each.
#
#   scripts/test.sh quick      what make test runs
#   scripts/test.sh all        and the slow ones

set -uo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc || getconf _NPROCESSORS_ONLN)}
summary=()
failed=0

# suite <name> <command>...
suite() {
  local name=$1 start=$SECONDS status=passed
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  "$@" || { status=FAILED; failed=1; }
  summary+=("$(printf '%-14s %-6s %4d s' "$name" $status $((SECONDS - start)))")
}

# The build of one preset and its unit tests.
preset_suite() {
  scripts/build.sh "$1" -DSARDONYX_TESTS=ON && ctest --preset "$1" --parallel "$jobs"
}

fuzz_suite() {
  scripts/build.sh fuzz || return 1
  local fuzzer corpus status=0
  for fuzzer in build-fuzz/fuzz/*; do
    [ -f "$fuzzer" ] && [ -x "$fuzzer" ] || continue
    corpus=build-fuzz/corpus/$(basename "$fuzzer")
    mkdir -p "$corpus"
    "$fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix=build-fuzz/ "$corpus" 2>&1 | tail -8 || status=1
  done
  return $status
}

python=.venv/bin/python
suite unit ctest --preset release --parallel "$jobs"
suite layers $python -m pytest -q tests/layers
suite python $python -m pytest -q tests/python
suite conformance $python tests/conformance/run.py
suite shape-inference $python tests/conformance/shape_inference.py
suite types $python tests/conformance/run_types.py
suite old-opsets $python tests/conformance/old_opsets.py
suite models $python tests/models/run.py quick
suite install tests/install/run.sh
suite examples tests/clients/run.sh c
suite capi $python tests/capi/compare.py

if [ "${1:-quick}" = all ]; then
  suite unit-slow ctest --test-dir build --output-on-failure --label-regex slow
  suite clang preset_suite clang
  suite asan preset_suite asan
  suite tsan preset_suite tsan
  suite fuzz fuzz_suite
  suite aarch64 scripts/cross-aarch64.sh
  suite differential $python tests/differential/run.py
  suite invalid $python tests/differential/invalid.py
  suite converted $python -m pytest -q tests/converted
  suite models-all $python tests/models/run.py
  suite side-by-side $python tests/capi/side_by_side.py
fi

printf '\n'
printf '%s\n' "${summary[@]}"
if [ $failed = 0 ]; then echo "All suites passed."; else echo "Some suites FAILED."; fi
exit $failed
