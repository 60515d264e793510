"""`probecore repro` and `probecore record` leave a whole dvc.lock, which `dvc` does not when it is killed."""

import signal
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Study
from tests.workflow.repository import Repository, copy

WHOLE = str(ROOT / "workflow" / "whole_locks.py")
PLAIN = str(Path(sys.executable).with_name("dvc"))

STAGES = "stages:\n  copy:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n"

KILLED_HALFWAY = """
import json, os, runpy, signal, sys
from ruamel.yaml import YAML

def until_killed(write):
    def begin(*what):
        *_, file = what
        if name not in getattr(file, "name", ""):
            return write(*what)
        file.write("{half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return begin

program, name, *sys.argv[1:] = sys.argv[1:]
json.dump, YAML.dump = until_killed(json.dump), until_killed(YAML.dump)
runpy.run_path(program, run_name="__main__")
"""
"""Run DVC by one of its programs; killed when half of the file of some name is on the disk."""


@pytest.fixture
def project(tmp_path: Path) -> Study:
    """A folder with one stage of DVC, which ran once and has another input now."""
    project = Study(tmp_path)
    project.run("dvc", "init", "--no-scm", "--quiet")
    project.run("dvc", "config", "core.analytics", "false")
    (tmp_path / "dvc.yaml").write_text(STAGES)
    (tmp_path / "in").write_text("before")
    project.run("dvc", "repro")
    (tmp_path / "in").write_text("now")
    return project


@pytest.mark.parametrize("file", ["dvc.lock", ".dvc/tmp/rwlock"])
@pytest.mark.parametrize("program", [WHOLE, PLAIN], ids=["whole", "plain"])
def test_killed_while_it_writes(project: Study, program: str, file: str) -> None:
    """If `dvc` leaves them whole one day, `probecore repro` can go."""
    before = (project.folder / file).read_text()
    killed = project.run(
        sys.executable, "-P", "-c", KILLED_HALFWAY, program, Path(file).name, "repro", check=False, PYTHONPATH=str(ROOT)
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout
    left = (project.folder / file).read_text()
    assert left == ("{half" if program == PLAIN else before)
    again = project.run(sys.executable, "-P", program, "repro", check=False, PYTHONPATH=str(ROOT))
    assert (again.returncode == 0) == (program == WHOLE)
    if program == WHOLE:
        assert "up to date" in project.run("dvc", "status").stdout
        assert list(project.folder.rglob("*.partial")) == []


def test_repro_does_what_dvc_does(repository: Repository, built: Path, tmp_path: Path) -> None:
    other = copy(built, tmp_path / "other")
    for each in (repository, other):
        each.edit("experiments.tiny.recos.polarity.images", 49)
    assert repository.probecore("repro", "--dry", "recos@tiny").stdout == other.dvc("repro", "--dry", "recos@tiny")
    assert not repository.is_recorded()
    assert "Running stage 'recos@tiny'" in repository.probecore("repro").stdout
    assert repository.is_recorded()
    other.dvc("repro")
    assert (repository.folder / "dvc.lock").read_bytes() == (other.folder / "dvc.lock").read_bytes()
    assert repository.hashes() == other.hashes()


def test_repro_ends_as_dvc_does(repository: Repository) -> None:
    done, plain = (repository.run(*command, "repro", "none", check=False) for command in (["probecore"], ["dvc"]))
    assert done.returncode == plain.returncode != 0
    assert done.stdout == plain.stdout


def test_record_begins_half_a_lock_anew(repository: Repository) -> None:
    params = repository.params()
    del params["experiments"]["tiny"]
    repository.write_params(params)
    repository.probecore("clean", "--yes")
    lock = repository.folder / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[: len(whole) // 2])
    stopped = repository.snakemake(check=False)
    assert stopped.returncode != 0
    [line] = [line for line in stopped.stdout.splitlines() if "dvc.lock" in line]
    assert line.startswith("probecore: dvc.lock: not whole")
    assert "`git checkout dvc.lock`, or `probecore record`" in line
    said, refused = repository.probecore("record", check=False).stdout.splitlines()
    assert said.startswith("dvc.lock: not whole, so it vouches for nothing")
    assert "run `snakemake` first" in refused
    repository.snakemake()
    repository.probecore("record")
    assert repository.is_recorded()
    assert yaml.safe_load(lock.read_text())["stages"]["train@bare"] == yaml.safe_load(whole)["stages"]["train@bare"]
