"""What `snakemake --quiet` says: each job that ends, why one failed, and that the same command goes on."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from tests.conftest import ROOT, Study
from tests.workflow.test_scheduler import hooks
from workflow.progress import Progress, hides_jobs

SNAKEFILE = """
import sys

from workflow.progress import hides_jobs, say_only_this


def wait_for_jobs():
    pass


rule all:
    input:
        "good.txt",
        "bad.txt",


rule good:
    output:
        "good.txt",
    log:
        "good.log",
    message:
        "Making good"
    shell:
        "{command}"


rule bad:
    input:
        "good.txt",
    output:
        "bad.txt",
    log:
        "bad.log",
    message:
        "Making bad"
    shell:
        "echo 'probecore: no good' > {{log}}; exit 1"


"""


def run(folder: Path, command: str) -> "subprocess.Popen[str]":
    (folder / "Snakefile").write_text(SNAKEFILE.format(command=command) + hooks())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.Popen(
        ["snakemake", "--cores", "1", "--quiet"],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_jobs_are_named_as_they_end_and_why_one_failed(tmp_path: Path) -> None:
    said, _ = run(tmp_path, "touch {output}").communicate()
    lines = said.splitlines()
    assert any(line.startswith("1 of 3: Making good, about ") for line in lines), said
    assert "failed: Making bad: probecore: no good (bad.log)" in lines
    assert not any(line.startswith(("Select", "Execute", "RuleException", "CalledProcess")) for line in lines), said
    assert "probecore: not finished; the same command goes on from here" in lines


def test_after_an_interrupt_the_same_command_goes_on(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts with `&` would ignore it
    process = run(tmp_path, "touch started; sleep 30; touch {output}")
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, _ = process.communicate()
    assert process.returncode
    assert "probecore: not finished; the same command goes on from here" in said.splitlines()


def test_nothing_is_added_to_what_snakemake_says_itself(tmp_path: Path) -> None:
    run(tmp_path, "touch {output}").communicate()
    said = Study(tmp_path).run("snakemake", "--cores", "1", check=False, PYTHONPATH=str(ROOT)).stdout
    assert "failed: Making bad" not in said


def test_what_is_quiet_about_other_things_hides_no_jobs() -> None:
    assert [value for value in Quietness if hides_jobs({value})] == [
        Quietness.RULES,
        Quietness.PROGRESS,
        Quietness.ALL,
    ]
    assert hides_jobs({Quietness.HOST, Quietness.RULES})
    assert not hides_jobs(set())
    assert not hides_jobs(None)


def test_a_group_that_failed_is_named_with_what_the_cluster_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "slurm.log"
    log.write_text("start\nout of memory\n")
    for logs in ([str(log)], []):
        record = logging.LogRecord("snakemake", logging.ERROR, "", 0, "Error in group 1", None, None)
        vars(record).update(event=LogEvent.GROUP_ERROR, groupid="1", aux_logs=logs, job_error_info=[])
        Progress(3).emit(record)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"failed: group 1: out of memory ({log})", "failed: group 1: no reason given"]
