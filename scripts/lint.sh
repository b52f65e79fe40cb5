#!/bin/bash
# The house style: `scripts/lint.sh format` rewrites the C++ files, `scripts/lint.sh check` reports
# and fails.

set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cc' '*.h')

if [ "${1:-check}" = format ]; then
  clang-format -i "${files[@]}"
  exit
fi

clang-format --dry-run --Werror "${files[@]}"
.venv/bin/python -m pytest -q tests/layers
mapfile -t sources < <(printf '%s\n' "${files[@]}" |
  grep '\.cc$' | grep -v '^tests/\(fuzz\|install\|microbench\)/')
printf '%s\n' "${sources[@]}" | xargs -P "${JOBS:-$(nproc || getconf _NPROCESSORS_ONLN)}" -n 4 clang-tidy --quiet -p build
