"""What a script wrote is what it writes: numbers of generated files, whatever their formatting."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def numbers(text):
    return [float(n) for n in re.findall(r"[-{ ](-?[0-9][0-9.e+-]*)f?(?=[,};])", text)]


def test_gelu_tables():
    script = ROOT / "scripts" / "make_gelu_tables.py"
    made = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True
    ).stdout
    wanted = numbers(made)
    assert len(wanted) == 2 * 5 * 32 + 1
    assert numbers((ROOT / "cpu" / "gelu_tables.h").read_text()) == wanted
