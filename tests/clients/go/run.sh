#!/bin/bash
# Go: the tests of github.com/yalue/onnxruntime_go themselves, on our library.
# run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v go >/dev/null && command -v python3 >/dev/null || { echo "needs go and python3"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
module=$(value module) version=$(value version)
cd "$folder"
if [ ! -f module.zip ]; then
  curl -sSf --retry 3 -o module.zip.part "${GO_REGISTRY:-https://proxy.golang.org}/$module/@v/$version.zip" ||
    { echo "the proxy does not give $module $version"; exit 77; }
  mv module.zip.part module.zip
fi
echo "$(value sha256)  module.zip" | sha256sum --check --quiet
# Names of its models are beyond ASCII, which unzip spells otherwise.
rm -rf module && python3 -c 'import zipfile; zipfile.ZipFile("module.zip").extractall("module")'
cd "module/$module@$version"
if [ -z "${ORIGINAL:-}" ]; then export ONNXRUNTIME_SHARED_LIBRARY_PATH=$library; else
  export ONNXRUNTIME_SHARED_LIBRARY_PATH=$ORIGINAL; fi
status=0
go test -count=1 -v . >"$folder/log" 2>&1 || status=$?
grep -E '^(--- (FAIL|SKIP)|FAIL|ok|panic|SIG)' "$folder/log" || true
printf 'passed %s\n' "$(grep -c '^--- PASS' "$folder/log")"
[ $status = 0 ] || exit $status
# Nothing is skipped but what the manifest says.
sed -n 's/^--- SKIP: \([A-Za-z0-9_]*\).*/\1/p' "$folder/log" | while read -r name; do
  grep -q "^$name = " "$here/manifest.toml" || { echo "skipped, and not in the manifest: $name"; exit 1; }
done
