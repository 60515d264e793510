"""`probecore push` asks the remote for each object, which `dvc push` does not."""

from pathlib import Path

import pytest
import yaml

from probecore.params import MEASURES
from tests.workflow.repository import Repository, damage, object_of

NOTHING = "nothing to send: the remote has all that is recorded and shared\n"
FOLDER = Path("results/train/tiny")


def stored(repository: Repository) -> dict[Path, bytes]:
    """What the remote holds."""
    store = repository.folder.parent / "store"
    return {path.relative_to(store): path.read_bytes() for path in (store / "files").rglob("*") if path.is_file()}


def files_of(repository: Repository, folder: Path) -> list[Path]:
    """The objects of a recorded folder's files."""
    return sorted({object_of(path) for path in (repository.folder / folder).rglob("*") if path.is_file()})


def test_files_of_a_list_that_is_there(repository: Repository) -> None:
    """As a killed `dvc push` leaves the remote. If `dvc push` mends it one day, `probecore push` can go."""
    before = stored(repository)
    lost = files_of(repository, FOLDER)
    for path in lost:
        (repository.folder.parent / "store" / path).unlink()
    assert "up to date" in repository.dvc("push")
    assert set(before) - set(stored(repository)) == set(lost)
    assert repository.probecore("push").stdout == f"objects sent: {len(lost)}\n"
    assert stored(repository) == before
    assert repository.probecore("push").stdout == NOTHING


@pytest.mark.parametrize("wrong", ["missing", "damaged"])
def test_what_is_good_nowhere_is_named(repository: Repository, wrong: str) -> None:
    """And nothing is sent; the words say how to bring it back."""
    before = stored(repository)
    lost = object_of(repository.folder / FOLDER / "history.csv")
    other = object_of(repository.folder / "data/mnist5k.h5")
    for path in (lost, other):
        (repository.folder.parent / "store" / path).unlink()
    cached = repository.folder / ".dvc/cache" / lost
    cached.unlink() if wrong == "missing" else damage(cached)
    there = stored(repository)
    done = repository.probecore("push", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"probecore: push: {FOLDER}/history.csv: not in the remote, and missing or damaged")
    assert done.stdout.count("\n") == 1
    assert str(cached) in done.stdout
    assert stored(repository) == there
    cached.unlink(missing_ok=True)
    repository.snakemake()
    repository.probecore("record")
    assert repository.probecore("push").stdout == "objects sent: 2\n"
    assert stored(repository) == before


def test_a_list_that_is_nowhere_is_named(repository: Repository) -> None:
    lock = yaml.safe_load((repository.folder / "dvc.lock").read_text())
    [md5] = {out["md5"] for stage in lock["stages"].values() for out in stage["outs"] if out["path"] == str(FOLDER)}
    name = Path("files", "md5", md5[:2], md5[2:])
    for place in (repository.folder.parent / "store", repository.folder / ".dvc/cache"):
        (place / name).unlink()
    done = repository.probecore("push", check=False)
    assert done.stdout.startswith(f"probecore: push: the list of {FOLDER}: not in the remote")
    assert done.stdout.count("\n") == 1


def test_a_clone_that_pulled_little_has_nothing_to_send(repository: Repository) -> None:
    clone = repository.clone("clone")
    clone.probecore("pull", "report")
    assert clone.probecore("push").stdout == NOTHING


def test_what_is_not_shared_is_not_sent(repository: Repository) -> None:
    stages = repository.folder / "dvc.yaml"
    end = f"results/activations/${{key}}\n  {MEASURES[0]}:"
    stages.write_text(stages.read_text().replace(end, end.replace("\n", ":\n            push: false\n")))
    here = set(files_of(repository, Path("results/activations")))
    before = set(stored(repository))
    for path in before:
        (repository.folder.parent / "store" / path).unlink()
    repository.probecore("push")
    assert here
    assert not here & set(stored(repository))
    assert {path for path in before - set(stored(repository)) if path.suffix != ".dir"} == here


def test_without_a_remote_or_a_record(repository: Repository) -> None:
    (repository.folder / "dvc.lock").rename(repository.folder / "gone")
    assert "probecore: dvc.lock: no such file" in repository.probecore("push", check=False).stdout
    repository.dvc("remote", "remove", "store")
    done = repository.probecore("push", check=False)
    assert done.returncode == 2
    assert done.stdout == repository.probecore("pull", check=False).stdout
    assert done.stdout.startswith("probecore: no DVC remote is set")
