"""A study that is built once for all tests and all workers, and copied for each."""

from pathlib import Path

import pytest

from tests.conftest import made_once
from tests.workflow.repository import Repository, build, copy


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recorded study and its DVC remote; not to be changed."""
    return made_once(tmp_path_factory, "built", build)


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Repository:
    """A recorded study of one's own, with its DVC remote."""
    return copy(built, tmp_path)
