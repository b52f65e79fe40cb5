"""The lines that docs/languages.md shows stand, in their order, in the examples that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "languages.md").read_text()
SECTIONS = re.findall(r"^## (.+?)\n(.*?)^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def packed(text):
    return "".join(text.split())


def stands_in(lines, text):
    """Whether the text has the lines in order, however it breaks them."""
    place, rest = 0, packed(text)
    for line in lines:
        place = rest.find(packed(line), place)
        if place < 0:
            return False
        place += len(packed(line))
    return True


@pytest.mark.parametrize(("language", "where", "block"), SECTIONS, ids=[section[0] for section in SECTIONS])
def test_snippet_is_of_the_example(language, where, block):
    folder = ROOT / "docs" / re.search(r"\]\((\.\./examples/[\w-]+)\)", where).group(1)
    lines = [re.sub(r"\s+(//|#) .*", "", line) for line in block.splitlines() if line.strip()]
    assert 0 < len(lines) <= 5
    programs = [path for path in folder.rglob("*") if path.is_file() and path.stem.lower() in ("classify", "main")]
    assert programs, f"{folder} has no program"
    assert any(stands_in(lines, path.read_text()) for path in programs), f"{language}: not in {folder}"


def test_every_language_is_there():
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()} - {"super_resolution"}
    assert set(re.findall(r"\]\(\.\./examples/([\w-]+)\)", PAGE)) == folders


def test_the_check_sees_a_line_that_is_not_there():
    program = "run(a,\n    b);\nprint(c);\n"
    assert stands_in(["run(a, b);", "print(c);"], program)
    assert not stands_in(["print(c);", "run(a, b);"], program)
    assert not stands_in(["run(a, c);"], program)
