from pathlib import Path

import pytest

from .support import FakeStudy, make_study


@pytest.fixture
def study(tmp_path: Path) -> FakeStudy:
    return make_study(tmp_path / "study")
