#!/bin/bash
# Node.js: npm's onnxruntime-node with its library replaced. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v node >/dev/null && command -v npm >/dev/null || { echo "needs node and npm"; exit 77; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/manifest.toml")
cd "$folder"
if [ "$(cat installed 2>/dev/null)" != "$version" ]; then
  rm -rf node_modules package.json
  # The install script fetches libraries of other devices, which are not wanted.
  npm install --silent --no-package-lock --ignore-scripts --prefix . "onnxruntime-node@$version" ||
    { echo "npm does not give onnxruntime-node $version"; exit 77; }
  echo "$version" >installed
fi
architecture=$(node -p process.arch)
place=node_modules/onnxruntime-node/bin/napi-v6/linux/$architecture
[ -f "$place/original.so" ] || mv "$place/libonnxruntime.so.1" "$place/original.so"
if [ -n "${ORIGINAL:-}" ]; then library=$place/original.so; fi
rm -f "$place/libonnxruntime.so.1"
cp -L "$library" "$place/libonnxruntime.so.1"
cp "$here"/*.test.mjs "$EXAMPLES"/node/*.mjs .
node --test client.test.mjs arguments.test.mjs
$CHECK classify "$MODELS" node classify.mjs
$CHECK bind "$MODELS" node bind.mjs
