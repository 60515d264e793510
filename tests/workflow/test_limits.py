"""Where there is too little of something, or somebody else works in the same place: it ends, or a line says why."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workflow.repository import Repository, copy

RESULTS = ("data", "results/train", "results/report")


def take_away(study: Repository) -> dict[str, str]:
    """Delete results that can be made again; the hashes of all that were there."""
    whole = study.hashes()
    for name in RESULTS:
        shutil.rmtree(study.folder / name)
    return whole


def test_two_snakemakes_at_once(repository: Repository) -> None:
    """One works, the other one waits for nothing: it says that the folder is locked, or finds all done."""
    whole = take_away(repository)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(repository.snakemake, "--quiet", cores=1, check=False) for _ in range(2)]
        done = [each.result() for each in both]
    assert 0 in {each.returncode for each in done}
    for each in done:
        assert each.returncode == 0 or "cannot be locked" in each.stdout, each.stdout
    assert repository.hashes() == whole


def test_two_studies_share_a_cache(built: Path, tmp_path: Path) -> None:
    studies = [copy(built, tmp_path / name) for name in ("one", "other")]
    for study in studies:
        study.dvc("cache", "dir", str(tmp_path / "shared"))
        shutil.rmtree(study.folder / ".dvc/cache")
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda study: study.probecore("pull", check=False), studies))
    assert [each.returncode for each in done] == [0, 0], [each.stdout for each in done]
    for study in studies:
        study.probecore("verify")
        shutil.rmtree(study.folder / "results/train")
        study.dvc("checkout")
        study.probecore("verify")


def test_a_job_on_an_almost_full_disk(repository: Repository) -> None:
    """A limit on the size of files fails as a full disk does: in the middle of writing."""
    job = "probecore dataset mnist5k --params '{}' --output data/other.h5"
    done = repository.run("bash", "-c", f"ulimit -f 60; {job}", check=False)
    assert done.returncode == 1
    (said,) = (each for each in done.stdout.splitlines() if each.startswith("probecore: "))
    assert "File too large; raise `ulimit -f`, then run the same command again" in said, done.stdout
    assert [path.name for path in (repository.folder / "data").iterdir()] == ["mnist5k.h5"]


@pytest.mark.parametrize("limit", ["ulimit -f 60", "ulimit -n 64"])
def test_snakemake_under_a_limit(repository: Repository, limit: str) -> None:
    """It ends or its job says why; without the limit, the same command gives the same bytes."""
    whole = take_away(repository)
    done = repository.run("bash", "-c", f"{limit}; snakemake --cores 1 --quiet", check=False)
    assert done.returncode == 0 or "; raise `ulimit" in done.stdout, done.stdout
    assert (done.returncode == 0) == (limit == "ulimit -n 64")
    repository.snakemake()
    assert repository.hashes() == whole
