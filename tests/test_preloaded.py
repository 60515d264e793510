"""What tests start without imports is what they would start."""

import os
import subprocess
import sys
from pathlib import Path

from tests import preloaded

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
        here = preloaded.run(command, tmp_path, environment)
        there = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert here.returncode == there.returncode, here.stdout
        assert seen(here.stdout) == seen(there.stdout)
        assert len(seen(here.stdout)) == (arguments != ["--no-such-option"])


def seen(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("seen:")]
