import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "python"
if BUILT.is_dir():
    sys.path.insert(0, str(BUILT))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_in_the_repository():
    """A profile or a model written without a folder lands where the tests are started."""

    def files():
        return {each.name for folder in (ROOT, Path.cwd()) for each in folder.iterdir()
                if each.is_file()}

    before = files()
    yield
    assert files() == before
