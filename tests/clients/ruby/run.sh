#!/bin/bash
# Ruby: the gem of this repository. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v ruby >/dev/null && ruby -e 'require "ffi"; require "minitest"' 2>/dev/null ||
  { echo "needs ruby, ruby-ffi and ruby-minitest"; exit 77; }
export LIBRARY=${ORIGINAL:-$2}
ruby -w -I "$here/../../../ruby/lib" "$here/client_test.rb"
