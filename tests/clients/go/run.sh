#!/bin/bash
# Go: the tests of github.com/yalue/onnxruntime_go themselves on our library, and the examples.
# run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v go >/dev/null || { echo "go is not on this machine"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
module=$(value module) version=$(value version)
export GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=1
cd "$folder"
source=$(go mod download -json "$module@$version" 2>download.log | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
[ -n "$source" ] || { cat download.log; echo "the module proxy does not give $module $version"; exit 77; }
needed=$(sed -n 's/^go //p' "$source/go.mod") here_is=$(go env GOVERSION)
if [ "$(printf '%s\n' "$needed" "${here_is#go}" | sort -V | head -1)" != "$needed" ]; then
  echo "$module $version needs go $needed, and here is ${here_is#go}"
  exit 77
fi
rm -rf module && cp -r "$source" module && chmod -R u+w module
export ONNXRUNTIME_SHARED_LIBRARY_PATH=${ORIGINAL:-$library}

rm -rf examples && cp -r "$EXAMPLES/go" examples
(cd examples && go build -o ../bin/ ./...)
$CHECK classify "$MODELS" bin/classify
$CHECK bind "$MODELS" bin/bind

cd module
status=0
go test -count=1 -v . >"$folder/log" 2>&1 || status=$?
grep -E '^(--- (FAIL|SKIP)|FAIL|ok|panic|SIG)' "$folder/log" || true
printf 'passed %s\n' "$(grep -c '^--- PASS' "$folder/log")"
[ $status = 0 ] || exit $status
# Nothing is skipped but what the manifest says.
sed -n 's/^--- SKIP: \([A-Za-z0-9_]*\).*/\1/p' "$folder/log" | while read -r name; do
  grep -q "^$name = " "$here/manifest.toml" || { echo "skipped, and not in the manifest: $name"; exit 1; }
done
