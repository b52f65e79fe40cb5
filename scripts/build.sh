#!/bin/bash
# Configures and builds one preset of CMakePresets.json: scripts/build.sh <preset> [cmake
# argument]...

set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift

# CMake reports a lot and says little; what it said is shown when it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
cmake --build --preset "$preset" --parallel "${JOBS:-$(nproc || getconf _NPROCESSORS_ONLN)}"
