#!/bin/bash
# C#: the assembly of this repository on Debian's Mono and on .NET Core, the original one on Mono,
# and the examples. run.sh <folder> <library>
#
#   ONLY="BindingTests LifetimeTests.Runs"    the tests whose names have one of these words in them

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$1 library=${ORIGINAL:-$2}
command -v mcs >/dev/null && command -v mono >/dev/null ||
  { echo "mcs and mono (mono-mcs) are not on this machine"; exit 77; }
value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$here/manifest.toml"; }
read -ra only <<<"${ONLY:-}"
compile=(mcs -langversion:7.2 -optimize -warnaserror -debug)

# place <folder>: goes there, with the library where runtimes look for it, beside the assembly.
place() {
  mkdir -p "$1" && cd "$1" && ln -sfn "$library" libonnxruntime.so
}

echo "-- on Mono"
"$root/csharp/build.sh" "$folder/mono"
place "$folder/mono"
"${compile[@]}" -r:Microsoft.ML.OnnxRuntime.dll -out:client.exe "$here"/*.cs
mono --debug client.exe "${only[@]}"
for example in Classify Bind; do
  "${compile[@]}" -r:Microsoft.ML.OnnxRuntime.dll -out:$example.exe "$EXAMPLES/csharp/$example.cs"
done
$CHECK classify "$MODELS" mono Classify.exe
$CHECK bind "$MODELS" mono Bind.exe

echo "-- the original assembly, on Mono"
package=$(value original)@$(value original_version)
place "$folder/original"
if [ "$(cat installed 2>/dev/null)" != "$package" ] && command -v npm >/dev/null; then
  rm -rf package
  if archive=$(npm pack --silent "$package"); then
    tar xzf "$archive" package/Runtime
    rm -r "$archive" package/Runtime/Training
    find package -name '*.cs' -exec sed -E -i -f "$here/older_syntax.sed" {} +
    echo "$package" >installed
  fi
fi
if [ -f installed ]; then
  find package -name '*.cs' -exec mcs -define:NETSTANDARD2_0 -langversion:experimental -unsafe \
    -optimize -debug -nowarn:219,649,414,1591,168 -target:library \
    -out:Microsoft.ML.OnnxRuntime.dll {} + 2>mcs.log || { cat mcs.log; exit 1; }
  # Ours has every public member of it, but those of a list.
  mcs -langversion:7.2 -out:members.exe "$here/members/Members.cs"
  for assembly in "$folder/original" "$folder/mono"; do
    mono members.exe "$assembly/Microsoft.ML.OnnxRuntime.dll" | LC_ALL=C sort >"$assembly/members"
  done
  LC_ALL=C comm -23 "$folder/original/members" "$folder/mono/members" >missing
  if grep -vEf "$here/members/not_offered.txt" missing; then
    echo "^ members of the original assembly that ours lacks"
    exit 1
  fi
  mapfile -t tests < <(find "$here" -maxdepth 1 -name '*.cs' ! -name OwnTests.cs)
  mcs -langversion:7.2 -debug -nowarn:612,618 -r:Microsoft.ML.OnnxRuntime.dll -out:client.exe \
    "${tests[@]}"
  mono --debug client.exe "${only[@]}"
else
  echo "absent: npm does not give $package, which carries its sources"
fi

echo "-- on .NET Core"
core=$("$PYTHON" -c 'import dotnetcore2, pathlib
print(pathlib.Path(dotnetcore2.__file__).parent / "bin")' 2>/dev/null) ||
  { echo "absent: PyPI's dotnetcore2, for x86-64 alone, is not in .venv"; exit 0; }
place "$folder/core"
framework=("$core"/shared/Microsoft.NETCore.App/*)
references=()
for name in Private.CoreLib Runtime Runtime.Extensions Runtime.InteropServices Linq Collections \
  Memory Console Threading Threading.Tasks.Parallel IO.FileSystem; do
  references+=("-r:${framework[0]}/System.$name.dll")
done
compile=(mcs -nostdlib -noconfig -langversion:7.2 -optimize -warnaserror -nowarn:1702
  "${references[@]}")
"${compile[@]}" -unsafe -target:library -out:Microsoft.ML.OnnxRuntime.dll \
  "$root"/csharp/*.cs "$root"/csharp/*/*.cs
"${compile[@]}" -r:Microsoft.ML.OnnxRuntime.dll -out:client.exe "$here"/*.cs
cat >client.runtimeconfig.json <<JSON
{ "runtimeOptions": {
  "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" },
  "configProperties": { "System.Globalization.Invariant": true, "System.GC.Concurrent": false } } }
JSON
chmod +x "$core/dotnet"
# A small nursery, so that what the collector has not come to yet is not taken for growth.
COMPlus_GCgen0size=400000 "$core/dotnet" exec client.exe "${only[@]}"
