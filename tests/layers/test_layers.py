"""The tree keeps its rules, and the checker sees a breach of each."""

import subprocess
from pathlib import Path

import pytest

from layers import rooms, violations

ROOT = Path(__file__).resolve().parents[2]

CMAKE = "sardonyx_room(base)\nsardonyx_room(model base)\n"
TABLE = """
| `base/` | x | – |
| `model/` | y | base |
| `include/` | z | base |
| `python/` | z | api, capi |
| `apps/` | z | api |
"""


def test_tree_keeps_its_rules():
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_rooms_form_no_cycle():
    links = rooms(ROOT)
    while links:
        free = [name for name, targets in links.items() if not targets & links.keys()]
        assert free, f"a cycle among {sorted(links)}"
        for name in free:
            del links[name]


@pytest.mark.parametrize(
    "path, text, complaint",
    [
        ("model/a.cc", '// A.\n#include "base/b.h"\n', None),
        ("tests/unit/a_test.cc", '// A.\n#include "model/b.h"\n', None),
        ("base/a.cc", '// A.\n#include "model/b.h"\n', "base/ may not include model/"),
        ("base/a.cc", "// A.\n#  include <model/b.h>\n", "base/ may not include model/"),
        ("model/a.h", '// A.\n#include "../base/b.h"\n', "from the root"),
        ("model/a.h", '// A.\n#include "b.h"\n', "from the root"),
        ("model/a.h", "// A.\n#include <base/b.h>\n", "goes in quotes"),
        ("apps/cli/a.cc", '// A.\n#include "base/b.h"\n', "apps/ may not include base/"),
        ("include/sardonyx/a.h", '// A.\n#include "model/b.h"\n', "include/ may not include model/"),
        ("model/a.h", '// A.\n#include <sardonyx/sardonyx.h>\n', "may not include include/"),
        ("base/a.cc", '#include "base/a.h"\n', None),
        ("base/a.cc", '#include "base/b.h"\n', "begins with a comment"),
        ("base/a.h", '#include "base/a.h"\n', "begins with a comment"),
        ("base/a.cc", "// A.\n" * 801, "801 lines"),
        ("base/string_utils.cc", "// A.\n", "'utils' says nothing"),
        ("base/common/a.py", "", "'common' says nothing"),
    ],
)
def test_checker_sees(tmp_path, path, text, complaint):
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "ARCHITECTURE.md").write_text(TABLE)
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    found = violations(tmp_path)
    if complaint is None:
        assert found == []
    else:
        assert any(complaint in line for line in found), found


def test_checker_sees_a_wrong_table(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "ARCHITECTURE.md").write_text(TABLE.replace("y | base |", "y | – |"))
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert any("table of rooms" in line for line in violations(tmp_path))
