#!/bin/bash
# Rust: the tests inside the crate ort, with our library loaded by ORT_DYLIB_PATH, and the examples.
# run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v cargo >/dev/null || { echo "cargo is not on this machine"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
crate=$(value crate)-$(value version) needed=$(value rust)
here_is=$(rustc --version | cut -d' ' -f2)
if [ "$(printf '%s\n' "$needed" "$here_is" | sort -V | head -1)" != "$needed" ]; then
  echo "$crate needs Rust $needed, and here is $here_is"
  exit 77
fi
export ORT_DYLIB_PATH=${ORIGINAL:-$library} CARGO_TARGET_DIR=$folder/target RUSTFLAGS=-Awarnings
cd "$folder"
rm -rf examples && cp -r "$EXAMPLES/rust" examples
(cd examples && cargo fetch --quiet 2>"$folder/fetch.log") ||
  { cat fetch.log; echo "the registry does not give $crate"; exit 77; }
(cd examples && cargo build --quiet --offline)
$CHECK classify "$MODELS" target/debug/classify
$CHECK bind "$MODELS" target/debug/bind

# The crate itself, out of what cargo fetched for the examples.
file=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/cache" -name "$crate.crate" | head -1)
echo "$(value sha256)  $file" | sha256sum --check --quiet
rm -rf "$crate" && tar xzf "$file"
cd "$crate"
skip=()
while read -r name; do skip+=(--skip "$name"); done < <(
  sed -n '/^\[not_applicable\]/,$ s/^"\([^"]*\)" = .*/\1/p' "$here/manifest.toml")
cargo test --quiet --lib --no-default-features --features "$(value features)" -- \
  --test-threads 1 --exact "${skip[@]}"
