"""Locks that die with their holder, also by `kill -9`."""

import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probecore import running

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start processes that call functions of `running` in an empty study and then stay."""
    monkeypatch.chdir(tmp_path)
    started: list[subprocess.Popen[str]] = []

    def begin(calls: str) -> "subprocess.Popen[str]":
        code = f"from probecore.running import *\n{calls}\nprint('in', flush=True)\ninput()"
        command = [sys.executable, "-c", code]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def entered(process: "subprocess.Popen[str]") -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "in\n"


def leave_locks() -> Path:
    lock = running.SNAKEMAKE_OWN / "0.input.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    return lock


def test_locks_of_a_living_snakemake_stay(start: Start) -> None:
    living = start("enter_as_snakemake()")
    assert entered(living)
    lock = leave_locks()
    assert entered(start("enter_as_snakemake()"))
    assert lock.exists()


def test_locks_of_a_killed_snakemake_go(start: Start) -> None:
    killed = start("enter_as_snakemake()")
    assert entered(killed)
    lock = leave_locks()
    killed.kill()
    killed.wait()
    assert entered(start("enter_as_snakemake()"))
    assert not lock.exists()


def test_jobs_are_waited_for_until_the_last_ends(start: Start) -> None:
    assert entered(start("enter_as_snakemake(); wait_for_jobs()"))
    jobs = [start("enter_as_job()") for _ in range(2)]
    assert all(entered(job) for job in jobs)
    waiting = start("enter_as_snakemake(); print('alone', flush=True); wait_for_jobs()")
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "alone\n"
    for job in jobs:
        ready, _, _ = select.select([waiting.stdout], [], [], 0.3)
        assert not ready
        job.kill()
    assert entered(waiting)


def test_a_job_elsewhere_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    assert entered(start("enter_as_job()"))
    assert not list(tmp_path.iterdir())
