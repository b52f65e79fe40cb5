#!/bin/bash
# C++: programs compiled with ONNX Runtime's own headers on our library, and with ours on ONNX
# Runtime's own library. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$1 library=$2
command -v npm >/dev/null || { echo "npm is not on this machine"; exit 77; }
[ -f /usr/include/gtest/gtest.h ] || { echo "libgtest-dev is not on this machine"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
package=$(value package)@$(value version)
cd "$folder"
if [ "$(cat installed 2>/dev/null)" != "$package" ]; then
  rm -rf headers && mkdir headers
  archive=$(npm pack --silent "$package") || { echo "npm does not give $package"; exit 77; }
  tar xzf "$archive" -C headers --strip-components=7 "$(value headers)"
  rm "$archive"
  echo "$package" >installed
fi
grep -q "define ORT_API_VERSION $(value api)$" headers/onnxruntime_c_api.h
original=$("$PYTHON" -c 'import onnxruntime, pathlib
print(*pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.1*"))')
mkdir -p original && cp -uL "$original" original/libonnxruntime.so.1
ln -sf libonnxruntime.so.1 original/libonnxruntime.so

# compile <headers> <folder of the library> <source> <program>
compile() {
  local link=()
  case $3 in *_test.cc) link=(-lgmock -lgtest -lgtest_main) ;; esac
  "${CXX:-c++}" -std=c++17 "-I$1" "$3" -o "$4" "-L$2" "-Wl,-rpath,$2" -lonnxruntime "${link[@]}"
}

for pair in "headers $(dirname "$library")" "$root/include/sardonyx $PWD/original"; do
  read -r headers place <<<"$pair"
  echo "-- headers $headers, library $place"
  for source in "$root"/tests/capi/capi_cxx*_test.cc; do
    compile "$headers" "$place" "$source" test
    (cd "$root" && "$folder/test" --gtest_brief=1)
  done
  for program in classify bind; do
    compile "$headers" "$place" "$EXAMPLES/cpp-onnxruntime/$program.cc" "$program"
    $CHECK $program "$MODELS" "$PWD/$program"
  done
done
