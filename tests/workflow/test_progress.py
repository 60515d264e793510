"""What `snakemake --quiet` says: each job that ends, why one failed, and that the same command goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, Study
from tests.workflow.test_scheduler import hooks

SNAKEFILE = """
import sys

from workflow.progress import say_only_this


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
    process = run(tmp_path, "touch started; sleep 600; touch {output}")
    while not (tmp_path / "started").exists():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, _ = process.communicate()
    assert process.returncode
    assert "probecore: not finished; the same command goes on from here" in said.splitlines()


def test_nothing_is_added_to_what_snakemake_says_itself(tmp_path: Path) -> None:
    run(tmp_path, "touch {output}").communicate()
    said = Study(tmp_path).run("snakemake", "--cores", "1", check=False, PYTHONPATH=str(ROOT)).stdout
    assert "failed: Making bad" not in said
