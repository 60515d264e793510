"""A Git and DVC repository with a study of seconds in its root, and the questions that tests ask of it."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from probecore.stages import dvc_yaml
from tests.conftest import PARAMS, ROOT, Study, read_params, write_yaml

TRACKED = ("Snakefile", "workflow", "profiles", "probecore", "own", ".dvcignore", ".gitignore")
"""What the repository takes from this one: everything that makes results."""

Jobs = set[tuple[str, str]]
"""Steps with the experiment or data set that they are for; for the report, with an empty name."""


class Repository(Study):
    """A study with its own copy of the code, in `folder`, and its DVC remote in ``store`` beside it."""

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the study, with the study's copy of the library."""
        return super().run(*command, check=check, **{"PYTHONPATH": str(self.folder)} | environment)

    def snakemake(
        self, *arguments: str, check: bool = True, cores: int = 2, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `snakemake` on the study, with its own Snakefile."""
        return self.run("snakemake", "--cores", str(cores), *arguments, check=check, **environment)

    def dvc(self, *arguments: str, check: bool = True) -> str:
        """Run a DVC command; what it prints."""
        return self.run("dvc", *arguments, check=check).stdout

    def git(self, *arguments: str) -> str:
        """Run a Git command; what it prints."""
        return self.run("git", *arguments).stdout

    def probecore(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of this package's commands."""
        return self.run("probecore", *arguments, check=check)

    def wanted_by_snakemake(self, *targets: str) -> Jobs:
        """What `snakemake --dry-run` would run."""
        printed = self.snakemake("--dry-run", "--printshellcmds", *targets).stdout
        logs = [log.split("/") for log in re.findall(r"> logs/([\w./-]+)\.log", printed)]
        jobs = {(log[0], log[1] if len(log) > 1 else "") for log in logs if log[-1] != "unwanted"}
        assert bool(logs) != ("Nothing to be done" in printed), printed
        return jobs

    def wanted_by_dvc(self) -> Jobs:
        """What `dvc repro --dry` would run, were every output to change; without steps that are not wanted."""
        printed = self.dvc("repro", "--dry", "--force-downstream")
        stages = [stage.partition("@") for stage in re.findall(r"Running stage '(.+)'", printed)]
        return {(step, key) for step, at, key in stages if self.params_of(f"{step}{at}{key}") is not None}

    def is_recorded(self) -> bool:
        """Whether `dvc status` finds nothing changed."""
        return "up to date" in self.dvc("status")

    def params(self) -> dict[str, Any]:
        """What ``params.yaml`` says."""
        content: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())
        return content

    def params_of(self, stage: str) -> Any:
        """The section of a stage; None for a step that is not wanted, nothing for stages that have no section."""
        step, _, key = stage.partition("@")
        return self.params()["experiments"].get(key, {}).get(step, {})

    def edit(self, path: str, value: object) -> None:
        """Set one key of ``params.yaml``."""
        params = self.params()
        *parents, key = path.split(".")
        section = params
        for parent in parents:
            section = section[parent]
        assert section.get(key) != value
        section[key] = value
        self.write_params(params)

    def write_params(self, params: dict[str, Any]) -> None:
        """Write ``params.yaml``."""
        write_yaml(self.folder / "params.yaml", params)

    def clone(self, name: str, *, cache_type: str = "copy") -> "Repository":
        """A clone beside this repository, with code and parameters but nothing from DVC yet."""
        clone = Repository(self.folder.parent / name)
        self.git("clone", "--quiet", str(self.folder), str(clone.folder))
        clone.configure()
        shutil.copytree(
            self.folder / ".probecore/checked", clone.folder / ".probecore/checked"
        )  # saves imports of torch
        clone.dvc("config", "--local", "cache.type", cache_type)
        return clone

    def configure(self) -> None:
        """Tell Git who commits."""
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.org")

    def commit(self, message: str) -> None:
        """Commit everything to Git."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


def build(folder: Path, params: dict[str, Any] | None = None, fill: Callable[[Path], None] | None = None) -> None:
    """Make the study in ``folder/study``, build it, record it, push it to ``folder/store``, commit it.

    By default it is the one of `small_params`; `fill` puts more into the study's folder.
    """
    study = Repository(folder / "study")
    for name in TRACKED:
        source, target = ROOT / name, study.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    study.write_params(params or small_params())
    if fill is not None:
        fill(study.folder)
    (study.folder / "dvc.yaml").write_text(dvc_yaml(claims=(study.folder / "claims.yaml").exists()))
    study.git("init", "--quiet", "--initial-branch=main")
    study.configure()
    study.dvc("init", "--quiet")
    study.dvc("config", "core.analytics", "false")
    study.dvc("config", "core.autostage", "false")
    study.dvc("remote", "add", "--quiet", "--default", "store", str(Path("..", "store")))
    study.snakemake()
    study.probecore("record")
    study.commit("built")
    study.dvc("push")


def small_params() -> dict[str, Any]:
    """The parameters of the other tests, with fewer networks."""
    params = read_params(PARAMS, ".")
    params["experiments"]["tiny"]["train"] |= {"epochs": 1, "shuffled": None}
    params["experiments"]["bare"]["train"] |= {"model": {"name": "mlp", "hidden": [8]}}
    return params


def damage(file: Path) -> None:
    """Change one byte in place, as a bad disk would, and leave the rest of the file as it is."""
    mode = stat.S_IMODE(file.stat().st_mode)
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    file.chmod(mode)


def object_of(file: Path) -> Path:
    """The path of a file's content below a DVC cache or remote."""
    import hashlib

    md5 = hashlib.md5(file.read_bytes()).hexdigest()
    return Path("files", "md5", md5[:2], md5[2:])


def copy(source: Path, target: Path) -> Repository:
    """A copy of what `build` made, with all times."""
    subprocess.run(["cp", "-a", f"{source}{os.sep}.", str(target)], check=True)
    return Repository(target / "study")
