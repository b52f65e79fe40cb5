#!/bin/bash
# Installs the release build into an empty folder, then builds and runs a project that knows only
# that folder.

set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install build --prefix "$work/prefix" >"$work/log" || { cat "$work/log" >&2; exit 1; }
cmake -S tests/install/consumer -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
cmake --build "$work/build"
"$work/build/consumer"
"$work/prefix/bin/sardonyx" --help >/dev/null
echo "install: the installed package builds and runs"
