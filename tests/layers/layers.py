"""Holds the source tree to its own rules: who may include whom, sizes, names.

`violations(root)` reads the rooms and their links from CMakeLists.txt and returns one line for each breach.
"""

import re
import subprocess
from pathlib import Path

MAX_FILE_LINES = 800

# Folders that are no room of CMakeLists.txt. What may include api/ may include include/, its public half.
OUTER_ROOMS = {"include": {"base"}, "python": {"api", "capi"}, "apps": {"api"}}

FORBIDDEN_WORDS = {
    "util", "utils", "helper", "helpers", "common", "manager", "impl", "misc", "process", "handle",
}  # fmt: skip

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
ROOM = re.compile(r"^sardonyx_room\(([a-z_ ]+)\)", re.MULTILINE)
TABLE_ROW = re.compile(r"^\| `([a-z]+)/`(?:, `([a-z]+)/`)? \|.*\| ([a-z, –]+) \|$", re.MULTILINE)


def rooms(root):
    """The rooms of CMakeLists.txt: name -> the set of rooms that it is linked with."""
    text = (root / "CMakeLists.txt").read_text()
    lines = [match.split() for match in ROOM.findall(text)]
    return {words[0]: set(words[1:]) for words in lines}


def documented_rooms(root):
    """The same out of the table in ARCHITECTURE.md."""
    table = {}
    for first, second, links in TABLE_ROW.findall((root / "ARCHITECTURE.md").read_text()):
        for name in filter(None, (first, second)):
            words = links.split(", ")
            if words == ["all above"]:
                table[name] = set(table)
            else:
                table[name] = set(words) - {"–"}
    return table


def source_files(root):
    """The files that git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listing.split("\0") if name and (root / name).is_file()]


def include_violations(path, text, allowed, all_rooms):
    """Includes of other rooms that `path` (relative to the root) is not entitled to."""
    found = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        bracket, target = match.groups()
        place = f"{path}:{line}"
        head = target.split("/")[0]
        if bracket == "<" and head in all_rooms:
            found.append(f"{place}: our own header <{target}> goes in quotes")
        # Public headers of C find each other wherever they are installed.
        is_sibling = path.parts[0] == "include" and target.startswith("onnxruntime_")
        if target.startswith(".") or (bracket == '"' and "/" not in target and not is_sibling):
            found.append(f'{place}: "{target}" is to be written from the root of the repository')
        room = "include" if head == "sardonyx" else head
        if room in all_rooms | {"include", "tests", "apps", "python"} and room not in allowed:
            found.append(f"{place}: {path.parts[0]}/ may not include {room}/ ({target})")
    return found


def name_violations(path):
    words = re.split(r"[_\-./]", str(path).lower())
    return [f"{path}: '{word}' says nothing; name it after what it does"
            for word in words if word in FORBIDDEN_WORDS]


def size_violations(path, text):
    lines = text.count("\n")
    return [f"{path}: {lines} lines; {MAX_FILE_LINES} at most"] if lines > MAX_FILE_LINES else []


def violations(root):
    root = Path(root)
    links = rooms(root)
    all_rooms = set(links)
    found = []
    if documented_rooms(root) != links | OUTER_ROOMS:
        found.append("ARCHITECTURE.md: its table of rooms differs from CMakeLists.txt")
    for path in source_files(root):
        if path.suffix not in {".cc", ".h", ".py", ".sh", ".cmake"}:
            continue
        text = (root / path).read_text()
        found += name_violations(path) + size_violations(path, text)
        room = path.parts[0]
        if path.suffix not in {".cc", ".h"}:
            continue
        header = path.with_suffix(".h")
        own_header = f'#include "{header}"'
        if not text.startswith("//") and not (path.suffix == ".cc" and own_header in text):
            found.append(f"{path}: a file begins with a comment, unless its own header does")
        if room in links:
            allowed = links[room] | {room}
        elif room in OUTER_ROOMS:
            allowed = OUTER_ROOMS[room] | {room}
        else:
            continue  # tests and examples may include anything
        if "api" in allowed:
            allowed.add("include")
        found += include_violations(path, text, allowed, all_rooms)
    return found
