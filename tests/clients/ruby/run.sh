#!/bin/bash
# Ruby: the gem of this repository, and the examples. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v ruby >/dev/null || { echo "ruby is not on this machine"; exit 77; }
ruby -e 'require "ffi"; require "minitest"' 2>/dev/null ||
  { echo "ruby-ffi or ruby-minitest is not on this machine"; exit 77; }
export LIBRARY=${ORIGINAL:-$2}
ruby=(ruby -w -I "${GEM_LIB:-$here/../../../ruby/lib}")
"${ruby[@]}" "$here/client_test.rb"
$CHECK classify "$MODELS" "${ruby[@]}" "$EXAMPLES/ruby/classify.rb"
$CHECK bind "$MODELS" "${ruby[@]}" "$EXAMPLES/ruby/bind.rb"
