#!/bin/bash
# Java: Maven's onnxruntime with its library replaced, and the examples. run.sh <folder> <library>

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 library=$2
for tool in javac mvn unzip; do
  command -v $tool >/dev/null || { echo "$tool is not on this machine"; exit 77; }
done
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
package=$(value package) version=$(value version)
cd "$folder"
jar=$PWD/onnxruntime-$version.jar
if [ ! -f "$jar" ]; then
  mvn --batch-mode --quiet "$(value plugin):copy" "-Dartifact=$package:$version" \
    "-DoutputDirectory=$PWD" >maven.log 2>&1 ||
    { cat maven.log; echo "Maven does not give $package $version"; exit 77; }
fi
echo "$(value sha256)  $jar" | sha256sum --check --quiet
case $(uname -m) in aarch64) platform=linux-aarch64 ;; *) platform=linux-x64 ;; esac
rm -rf native classes && mkdir native classes
unzip -qoj "$jar" "ai/onnxruntime/native/$platform/*" -d native
if [ -z "${ORIGINAL:-}" ]; then cp -L "$library" native/libonnxruntime.so; fi
javac -nowarn -d classes -cp "$jar" "$here/Client.java" "$EXAMPLES"/java/*.java
java=(java -Donnxruntime.native.path="$PWD/native" -cp "classes:$jar")
"${java[@]}" -ea Client "$MODELS"
$CHECK classify "$MODELS" "${java[@]}" Classify
$CHECK bind "$MODELS" "${java[@]}" Bind
