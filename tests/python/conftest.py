import sys
from pathlib import Path

BUILT = Path(__file__).parents[2] / "build" / "python"
if BUILT.is_dir():
    sys.path.insert(0, str(BUILT))
