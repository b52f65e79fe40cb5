#!/bin/bash
# Java: Maven's onnxruntime with its library replaced. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
command -v javac >/dev/null && command -v unzip >/dev/null || { echo "needs a JDK and unzip"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
version=$(value version)
registry=${MAVEN_REGISTRY:-https://repo1.maven.org/maven2}
cd "$folder"
jar=onnxruntime-$version.jar
if [ ! -f "$jar" ]; then
  curl -sSf --retry 3 -o "$jar.part" \
    "$registry/com/microsoft/onnxruntime/onnxruntime/$version/$jar" ||
    { echo "Maven does not give onnxruntime $version"; exit 77; }
  mv "$jar.part" "$jar"
fi
echo "$(value sha256)  $jar" | sha256sum --check --quiet
case $(uname -m) in aarch64) platform=linux-aarch64 ;; *) platform=linux-x64 ;; esac
rm -rf native && mkdir native
unzip -qoj "$jar" "ai/onnxruntime/native/$platform/*" -d native
if [ -z "${ORIGINAL:-}" ]; then cp -L "$library" native/libonnxruntime.so; fi
mkdir -p classes
javac -nowarn -d classes -cp "$jar" "$here/Client.java"
java -ea -Donnxruntime.native.path="$PWD/native" -cp "classes:$jar" Client "$MODELS"
