"""The queue watch on made-up answers of `squeue`."""

from pathlib import Path

import pytest

from workflow import queue_watch


class FakeSlurm:
    """`squeue` and `scancel` in `folder`: the one prints `answer`, the other notes what it is told."""

    def __init__(self, folder: Path) -> None:
        self.answer = folder / "answer"
        self.cancelled = folder / "cancelled"
        self.cancelled.touch()
        for name, script in (("squeue", f"cat {self.answer}"), ("scancel", f'echo "$@" >> {self.cancelled}')):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

    def queue(self, *jobs: tuple[str, str]) -> None:
        """Let these jobs of the working directory (number, reason) be pending."""
        self.answer.write_text("".join(f"{number}|{reason}|rule_train|{Path.cwd()}\n" for number, reason in jobs))


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return FakeSlurm(tmp_path)


@pytest.mark.parametrize("reason", ["PartitionConfig", "PartitionTimeLimit", "QOSMaxCpuPerJobLimit"])
def test_a_job_that_can_never_start_is_cancelled_at_the_second_look(slurm: FakeSlurm, reason: str) -> None:
    said: list[str] = []
    watch = queue_watch.Watch(said.append)
    slurm.queue(("7", reason), ("8", "Priority"))
    watch.look()
    assert not said
    watch.look()
    watch.look()
    assert len(said) == 1
    assert said[0].startswith(f"SLURM job 7 (rule_train) can never start ({reason}): it asks for more") or (
        "`runtime` is longer" in said[0]
    )
    assert slurm.cancelled.read_text() == "7\n"


def test_a_job_whose_reason_passes_is_left_alone(slurm: FakeSlurm) -> None:
    said: list[str] = []
    watch = queue_watch.Watch(said.append)
    for reason in ("PartitionConfig", "Resources", "PartitionConfig"):
        slurm.queue(("7", reason))
        watch.look()
    assert not said
    assert not slurm.cancelled.read_text()


def test_a_job_that_waits_for_a_node_is_explained_once_and_kept(slurm: FakeSlurm) -> None:
    said: list[str] = []
    watch = queue_watch.Watch(said.append)
    for reason in (
        "ReqNodeNotAvail, UnavailableNodes:n1",
        "Nodes required for job are DOWN, DRAINED or reserved",
    ):
        slurm.queue(("7", reason))
        for _ in range(3):
            watch.look()
    assert said == [
        "SLURM job 7 (rule_train) waits (ReqNodeNotAvail, UnavailableNodes:n1) and starts when that is over;"
        " `sinfo -R` may say more. Ctrl-C cancels it, and nothing finished is lost."
    ]
    assert not slurm.cancelled.read_text()


def test_jobs_of_other_studies_are_left_alone(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.queue(("7", "PartitionConfig"))
    monkeypatch.chdir(tmp_path)
    assert queue_watch.pending_jobs() == set()


def test_silence_is_said_once_until_slurm_is_back(slurm: FakeSlurm) -> None:
    said: list[str] = []
    watch = queue_watch.Watch(said.append)
    watch.look()
    watch.look()
    assert len(said) == 1
    slurm.queue()
    watch.look()
    slurm.answer.unlink()
    watch.look()
    assert len(said) == 2
    assert "SLURM does not answer" in said[1]
