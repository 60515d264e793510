from pathlib import Path

import pytest

from tests.processors.support import make


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this processor gives: a fingerprint and a small study."""
    folder = tmp_path_factory.mktemp("here")
    make(folder)
    return folder
