from collections.abc import Iterator

import pytest

from tests.cluster.support import Slurm, exports, run_script


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    server = Slurm(tmp_path_factory.mktemp("cluster"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("remote") / "sshd"
    yield exports(run_script("sshd.sh", "start", folder))
    run_script("sshd.sh", "stop", folder)
