"""What tests start without imports is what they would start."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import ROOT

SNAKEFILE = """
import os
import sys

import probecore

print("seen:", probecore.__file__, os.getcwd(), os.environ.get("MARK"), sys.argv[1:], "torch" in sys.modules)


rule all:
    shell:
        "exit 1"


"""


def test_a_command_sees_its_own_folder_environment_and_package(tmp_path: Path) -> None:
    (tmp_path / "probecore").mkdir()
    (tmp_path / "probecore/__init__.py").touch()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(tmp_path), "MARK": "ours"}
    for arguments in (["--dry-run"], ["--cores", "1"], ["--no-such-option"]):
        command = ["snakemake", *arguments]
        here = run(*preloaded.served(command, environment), tmp_path)
        there = run(command, environment, tmp_path)
        assert here.returncode == there.returncode, here.stdout
        assert seen(here.stdout) == seen(there.stdout)
        assert len(seen(here.stdout)) == (arguments != ["--no-such-option"])


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def seen(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("seen:")]


def test_jobs_and_what_they_start_are_served_too(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    shell: \'probecore models > models; python -c "print(1)" > one; '
        "python -P -m dvc version > dvc; probecore no-such-command || echo $? > status; which probecore > which'\n"
    )
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = run(*preloaded.served(["snakemake", "--cores", "1"], environment), tmp_path)
    assert done.returncode == 0, done.stdout
    said = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    plain = subprocess.run(["probecore", "models"], env=environment, capture_output=True, text=True, check=True)
    assert said["models"] == plain.stdout
    assert (said["one"], said["status"]) == ("1\n", "2\n")
    assert "DVC version" in said["dvc"]
    assert "preloaded-" in said["which"]


def test_packages_are_not_seen_before_they_are_imported() -> None:
    code = (
        "import sys; from tests.preloaded import Unseen; before = set(sys.modules); import numpy.linalg; whole = numpy\n"
        "Unseen(before); seen = 'numpy' in sys.modules; import numpy\n"
        "print(seen, numpy is whole, numpy.__spec__.origin == numpy.__file__, 'numpy.linalg' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False True True True\n"


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ('{"threads": 1, "isa": "avx2"}', False),
        ("numerics: {device: cpu, threads: 1, isa: avx2}", False),
        ('{"threads": 2}', True),
        ("numerics: {threads: 12}", True),
        ("isa: native", True),
        ("device: cuda", True),
        ('{"threads":1}', False),
    ],
)
def test_other_numerics_need_a_start(said: str, other: bool) -> None:
    assert bool(preloaded.OTHER_NUMERICS.search(said)) == other


def test_who_asks_and_is_killed_takes_the_command_along(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text("rule all:\n    shell: 'touch begun; sleep 20; touch ended'\n")
    programs = preloaded._servers() / "bin"
    environment = os.environ | {"PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    asking = subprocess.Popen(
        [str(programs / "snakemake"), "--cores", "1"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.1)
    asking.kill()
    asking.wait()
    again = run(*preloaded.served(["snakemake", "--cores", "1", "--unlock"], environment), tmp_path)
    assert again.returncode == 0
    assert not (tmp_path / "ended").exists()
