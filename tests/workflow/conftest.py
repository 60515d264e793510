"""A study that is built once for all tests and all workers, and copied for each."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.workflow.repository import Repository, build, copy


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recorded study and its DVC remote; not to be changed."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "built"
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(shared / "being-built")
            (shared / "being-built").rename(folder)
    return folder


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Repository:
    """A recorded study of one's own, with its DVC remote."""
    return copy(built, tmp_path)
