"""Snakemake believes exactly what DVC vouches for, whichever way files came."""

import base64
import json
import math
import os
import shutil
import subprocess
import sys
import time

import pytest
import yaml

from tests.workflow.repository import Repository, damage, object_of

FIGURE = "results/recos/tiny/polarity.svg"
IMAGES = "experiments.tiny.recos.polarity.images"
REDONE_FOR_IMAGES = {("recos", "tiny"), ("report", "")}
ALL_FOR_THE_FIGURE = {("dataset", "mnist5k"), ("train", "tiny"), ("recos", "tiny")}


@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_after_a_pull_nothing_is_to_do_and_an_edit_reruns_what_depends(repository: Repository, cache_type: str) -> None:
    clone = repository.clone("clone", cache_type=cache_type)
    clone.dvc("pull")
    assert clone.wanted_by_snakemake() == set()
    settled = times_of(clone)
    assert clone.wanted_by_snakemake() == set()
    assert times_of(clone) == settled
    clone.edit(IMAGES, 49)
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES


def test_looking_changes_nothing(repository: Repository) -> None:
    clone = repository.clone("clone", cache_type="hardlink")
    clone.dvc("pull")
    clone.edit(IMAGES, 49)
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES
    clone.git("checkout", "params.yaml")
    (clone.folder / "probecore/measures/recos/polarity.py").write_text("EDITED = True\n")
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES
    clone.git("checkout", "probecore")
    (clone.folder / "probecore/dataset/make.py").touch()
    assert clone.wanted_by_snakemake() == set()
    assert clone.is_recorded()
    assert clone.hashes() == repository.hashes()


def test_dvc_is_asked_once_about_what_stays_as_it_is(repository: Repository) -> None:
    clone = repository.clone("clone")
    clone.dvc("pull")
    assert clone.wanted_by_snakemake() == set()
    (clone.folder / ".dvc").rename(clone.folder / "no-dvc")
    assert clone.wanted_by_snakemake() == set()
    figure = clone.folder / FIGURE
    before = figure.stat()
    figure.write_text(figure.read_text() + "<!-- by hand -->")
    os.utime(figure, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "DVC cannot say" in clone.snakemake("--dry-run", check=False).stdout
    (clone.folder / "no-dvc").rename(clone.folder / ".dvc")
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES


def times_of(study: Repository) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(study.folder.glob("results/*/*/*"))]


@pytest.mark.parametrize(("pulled", "key"), [("results/recos/tiny", "experiments.tiny.train.batch"), (FIGURE, IMAGES)])
def test_a_figure_alone_can_be_pulled(repository: Repository, pulled: str, key: str) -> None:
    clone = repository.clone("clone")
    clone.dvc("pull", pulled)
    assert clone.wanted_by_snakemake(FIGURE) == set()
    clone.edit(key, 25)
    assert clone.wanted_by_snakemake(FIGURE) == ALL_FOR_THE_FIGURE


def test_a_figure_of_other_networks_than_recorded_is_made_again(repository: Repository) -> None:
    clone = repository.clone("clone")
    clone.dvc("pull", "recos@tiny")
    lock = clone.folder / "dvc.lock"
    content = yaml.safe_load(lock.read_text())
    networks = next(dep for dep in content["stages"]["recos@tiny"]["deps"] if dep["path"] == "results/train/tiny")
    networks["md5"] = "0" * 32 + ".dir"
    lock.write_text(yaml.safe_dump(content))
    assert clone.wanted_by_snakemake(FIGURE) == ALL_FOR_THE_FIGURE


def test_the_report_alone_can_be_pulled(repository: Repository) -> None:
    clone = repository.clone("clone")
    clone.dvc("pull", "report", "recos@tiny")
    assert clone.wanted_by_snakemake() == set()
    clone.edit("experiments.bare.train.batch", 25)
    assert ("train", "bare") in clone.wanted_by_snakemake()


def test_what_nobody_vouches_for_is_made_again(repository: Repository) -> None:
    """A file edited by hand, one brought from elsewhere, and, after a pull, one of the two together with an edit."""
    clone = repository.clone("clone")
    clone.dvc("pull")
    figure = clone.folder / FIGURE
    figure.write_text(figure.read_text() + "<!-- by hand -->")
    make_times_equal(clone)
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES
    clone.dvc("checkout", "--force")
    figure.unlink()
    clone.edit(IMAGES, 49)
    make_times_equal(clone)
    assert clone.wanted_by_snakemake() == REDONE_FOR_IMAGES


def test_files_of_another_run_than_the_parameters_are_made_again(repository: Repository) -> None:
    """The third staleness: Snakemake's record is of the edit, the files are of what DVC brought back."""
    repository.edit(IMAGES, 49)
    repository.snakemake()
    repository.dvc("checkout", "--force")
    make_times_equal(repository)
    assert repository.wanted_by_snakemake() == REDONE_FOR_IMAGES
    repository.git("checkout", "params.yaml")
    assert repository.wanted_by_snakemake() == set()


def test_good_files_are_believed_without_their_objects(repository: Repository) -> None:
    """As `dvc commit` leaves them that was killed after a cache was lost: with new times, and no object to compare."""
    shutil.rmtree(repository.folder / ".dvc/cache")
    make_times_equal(repository)
    assert repository.wanted_by_snakemake() == set()
    repository.probecore("record")
    shutil.rmtree(repository.folder / ".dvc/cache")
    figure = repository.folder / FIGURE
    figure.write_text(figure.read_text() + "<!-- by hand -->")
    make_times_equal(repository)
    assert ("recos", "tiny") in repository.wanted_by_snakemake()


def make_times_equal(study: Repository) -> None:
    """Give all that is made one time, so that times tell nothing: a whole second, which `adopt` leaves as it is."""
    now = math.ceil(time.time())
    for folder in ("data", "results", "logs"):
        for path in (study.folder / folder).rglob("*"):
            os.utime(path, (now, now))


def test_snakemake_does_not_guess_while_dvc_is_at_work(repository: Repository) -> None:
    clone = repository.clone("clone")
    clone.dvc("pull", "report")
    holding = "from dvc.repo import Repo; import time\nwith Repo().lock: print('held', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", holding], cwd=clone.folder, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        done = clone.snakemake("--dry-run", check=False)
        other.kill()
    assert done.returncode == 2
    said = [line for line in done.stdout.splitlines() if line.startswith("probecore:")]
    assert len(said) == 1
    assert "lock" in said[0]
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("cache_type", ["copy", "symlink"])
def test_nothing_is_built_on_a_damaged_file(repository: Repository, cache_type: str) -> None:
    damaged = "results/train/tiny/history.csv"
    stored = object_of(repository.folder / damaged)
    damage(repository.folder.parent / "store" / stored)
    clone = repository.clone("clone", cache_type=cache_type)
    clone.dvc("pull")
    assert clone.is_recorded(), "DVC notices by itself: workflow/adopt.py need not"
    stopped = clone.snakemake(check=False)
    assert stopped.returncode == 2
    assert f"probecore: {damaged}: " in stopped.stdout
    assert "job" not in stopped.stdout.lower()
    pulled = clone.probecore("pull", check=False)
    assert pulled.returncode == 1
    assert f"probecore: {damaged}: damaged in the remote" in pulled.stdout
    assert not (clone.folder / damaged).exists()
    damage(repository.folder.parent / "store" / stored)
    clone.probecore("pull")
    assert clone.wanted_by_snakemake() == set()
    assert clone.hashes() == repository.hashes()


def test_a_damaged_cache_is_mended_from_the_remote(repository: Repository) -> None:
    damaged = "data/mnist5k.h5"
    damage(repository.folder / ".dvc/cache" / object_of(repository.folder / damaged))
    before = repository.hashes()
    (repository.folder / damaged).unlink()
    repository.dvc("checkout")
    assert repository.hashes() != before
    stopped = repository.snakemake(check=False)
    assert stopped.returncode == 2
    assert f"probecore: {damaged}: " in stopped.stdout
    repository.probecore("pull")
    assert repository.hashes() == before
    assert repository.wanted_by_snakemake() == set()


def test_what_is_known_of_snakemakes_records_holds(repository: Repository) -> None:
    """Their place, the time in them, and the mark of incomplete files: private facts of Snakemake 9."""
    name = base64.urlsafe_b64encode(FIGURE.encode()).decode()
    record = json.loads((repository.folder / ".snakemake/metadata" / name).read_text())
    assert record["endtime"] == os.lstat(repository.folder / FIGURE).st_mtime
    (repository.folder / ".snakemake/incomplete" / name).write_text('{"external_jobid": null}')
    assert repository.wanted_by_snakemake() == REDONE_FOR_IMAGES
