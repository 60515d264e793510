"""Snakemake looks for new jobs when one ends, and not ever more often while jobs wait."""

import re
from pathlib import Path

from tests.conftest import ROOT, Study

RULES = """
from snakemake.scheduling.job_scheduler import JobScheduler

from workflow.progress import hides_jobs, say_only_this

reevaluate = JobScheduler._schedule_reevalutation


def counted(self, seconds):
    with open("timers.txt", "a") as file:
        file.write("one\\n")
    reevaluate(self, seconds)


JobScheduler._schedule_reevalutation = counted


def wait_for_jobs():
    pass


rule all:
    input:
        expand("{number}.txt", number=range(6)),


rule one:
    output:
        "{number}.txt",
    shell:
        "touch {output}"


"""


def test_local_jobs_are_not_rationed(tmp_path: Path) -> None:
    """As Snakemake does it by default: a private fact of Snakemake 9 that the Snakefile's `onstart` turns off."""
    assert timers_of(tmp_path / "default", RULES) > 0
    assert timers_of(tmp_path / "ours", RULES + hooks()) == 0


def hooks() -> str:
    """What our Snakefile does at a start and after a failure."""
    found = re.findall(r"^on(?:start|error):\n(?:    .*\n)+", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    assert len(found) == 2
    return "\n\n".join(found)


def timers_of(folder: Path, snakefile: str) -> int:
    """How often Snakemake starts a timer that looks for jobs to start, with six jobs on one core."""
    folder.mkdir()
    (folder / "Snakefile").write_text(snakefile)
    Study(folder).run("snakemake", "--cores", "1")
    assert len(list(folder.glob("[0-9].txt"))) == 6
    timers = folder / "timers.txt"
    return len(timers.read_text().splitlines()) if timers.exists() else 0
