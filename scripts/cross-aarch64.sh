#!/bin/bash
# Builds the library for AArch64 and runs the unit tests in QEMU. Needs: scripts/install.sh build
# cross

set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh aarch64
ctest --preset aarch64 --parallel "${JOBS:-$(nproc || getconf _NPROCESSORS_ONLN)}"
