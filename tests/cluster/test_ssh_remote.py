"""A study's artefacts through a DVC remote over SSH, and what happens to damaged ones."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.support import SMALLEST
from tests.conftest import Study, make_study

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3000)]

DATA = "data/mnist5k.h5"
NETWORKS = "results/train/tiny"


@dataclass(frozen=True)
class Remote:
    """A finished study in Git, pushed to `folder` behind an sshd."""

    study: Study
    folder: Path

    def clone(self, folder: Path) -> Study:
        """A clone of the study that may read the remote."""
        self.study.run("git", "clone", "--quiet", ".", str(folder))
        shutil.copy(self.study.folder / ".dvc/config.local", folder / ".dvc/config.local")
        return Study(folder)

    def object_of(self, path: str) -> Path:
        """The remote's object of a tracked file, or of the list of files of a tracked folder."""
        lock = yaml.safe_load((self.study.folder / "dvc.lock").read_text())
        md5: str
        [md5] = {out["md5"] for stage in lock["stages"].values() for out in stage["outs"] if out["path"] == path}
        return self.folder / "files/md5" / md5[:2] / md5[2:]


@pytest.fixture(scope="module")
def remote(sshd: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Remote:
    top = tmp_path_factory.mktemp("ssh")
    study = make_study(top / "study", SMALLEST)
    study.snakemake()
    for command in (
        "git init --quiet",
        "git config user.email a@example.org",
        "git config user.name a",
        "dvc init --quiet",
        "dvc commit --quiet --force",
        f"dvc remote add --default cluster ssh://127.0.0.1{top}/remote",
        "dvc remote modify cluster verify true",
        f"dvc remote modify --local cluster port {sshd['SSHD_PORT']}",
        f"dvc remote modify --local cluster keyfile {sshd['SSHD_KEY']}",
        "probecore push",
        "git add --all",
        "git commit --quiet --message=study",
    ):
        study.run(*command.split())
    return Remote(study, top / "remote")


def test_pushed_and_pulled(remote: Remote, tmp_path: Path) -> None:
    clone = remote.clone(tmp_path / "clone")
    clone.run("dvc", "pull")
    assert clone.hashes() == remote.study.hashes()
    assert "up to date" in clone.run("dvc", "status").stdout


def test_what_a_killed_push_may_leave_is_completed(remote: Remote) -> None:
    """Lists of folders without their files."""
    lost = {path: path.read_bytes() for path in remote.folder.glob("files/md5/*/*") if path.suffix != ".dir"}
    for path in lost:
        path.unlink()
    assert remote.study.run("probecore", "push").stdout == f"objects sent: {len(lost)}\n"
    assert {path: path.read_bytes() for path in lost} == lost
    assert "nothing to send" in remote.study.run("probecore", "push").stdout


def test_no_key_in_git(remote: Remote, sshd: dict[str, str]) -> None:
    assert sshd["SSHD_KEY"] not in remote.study.run("git", "grep", "--text", "-e", "", check=False).stdout


def test_damaged_file_is_named_and_not_used(remote: Remote, tmp_path: Path) -> None:
    clone = remote.clone(tmp_path / "clone")
    with damaged(remote.object_of(DATA), lambda content: bytes([content[0] ^ 1]) + content[1:]):
        pulled = clone.run("dvc", "pull", check=False)
    assert pulled.returncode != 0
    assert DATA in pulled.stdout
    assert not (clone.folder / DATA).exists()
    assert f"not in cache:       {DATA}" in clone.run("dvc", "status").stdout

    clone.run("dvc", "pull")
    assert clone.hashes() == remote.study.hashes()


def test_damaged_list_of_a_folder_is_named(remote: Remote, tmp_path: Path) -> None:
    """`dvc pull` itself lets this pass; `dvc status` does not."""
    clone = remote.clone(tmp_path / "clone")
    with damaged(remote.object_of(NETWORKS), lambda content: content.replace(b"trained-0.csv", b"trained-1.csv")):
        clone.run("dvc", "pull", check=False)
    assert f"not in cache:       {NETWORKS}" in clone.run("dvc", "status").stdout


@contextmanager
def damaged(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change a read-only object of the remote, and change it back."""
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(change(good))
    try:
        yield
    finally:
        path.write_bytes(good)
