#!/bin/bash
# Rust: the tests inside the crate ort, with our library loaded by ORT_DYLIB_PATH.
# run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v cargo >/dev/null || { echo "needs cargo"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
crate=$(value crate)-$(value version)
cd "$folder"
if [ ! -f "$crate.crate" ]; then
  curl -sSf --retry 3 -o "$crate.part" \
    "${CRATES_REGISTRY:-https://static.crates.io/crates}/$(value crate)/$crate.crate" ||
    { echo "crates.io does not give $crate"; exit 77; }
  mv "$crate.part" "$crate.crate"
fi
echo "$(value sha256)  $crate.crate" | sha256sum --check --quiet
[ -d "$crate" ] || tar xzf "$crate.crate"
cd "$crate"
skip=()
while read -r name; do skip+=(--skip "$name"); done < <(
  sed -n '/^\[not_applicable\]/,$ s/^"\([^"]*\)" = .*/\1/p' "$here/manifest.toml")
export ORT_DYLIB_PATH=${ORIGINAL:-$library} CARGO_TARGET_DIR=$folder/target RUSTFLAGS=-Awarnings
cargo test --quiet --lib --no-default-features --features "$(value features)" -- \
  --test-threads 1 --exact "${skip[@]}"
