#!/bin/bash
# C and C++: the examples, compiled as their users would. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$1 library=$2
libraries=$(dirname "$library")
flags=(-O1 -Wall -Wextra -Werror "-L$libraries" "-Wl,-rpath,$libraries")
cd "$folder"
for program in classify bind; do
  "${CC:-cc}" -std=c11 "-I$root/include/sardonyx" "$EXAMPLES/c/$program.c" -o "c_$program" \
    "${flags[@]}" -lonnxruntime
  "${CXX:-c++}" -std=c++17 "-I$root/include/sardonyx" "$EXAMPLES/cpp-onnxruntime/$program.cc" \
    -o "cpp_onnxruntime_$program" "${flags[@]}" -lonnxruntime
  "${CXX:-c++}" -std=c++20 "-I$root/include" "-I$root" "$EXAMPLES/cpp/$program.cc" \
    -o "cpp_$program" "${flags[@]}" -lsardonyx
  for language in c cpp_onnxruntime cpp; do
    $CHECK "$program" "$MODELS" "$PWD/${language}_$program"
  done
done
