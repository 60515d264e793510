"""Studies small enough for tests, on real images."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from probecore.params import STEPS
from probecore.stages import dvc_yaml
from tests import preloaded

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the processors; read when numpy and torch are imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).parents[1]

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
experiments:
  tiny:
    dataset: mnist5k
    train: &train
      model: {{name: mlp, hidden: [16]}}
      seeds: [0, 1]
      epochs: 2
      batch: 20
      shuffled: {{}}
    activations: {{layers: ["*"], store: [maps, pooled, class_means], excitations: {{dilations: [1]}}}}
    recos: {{polarity: {{images: 50}}}}
  bare:
    dataset: mnist5k
    train: {{<<: *train, model: lenet5, seeds: [0], epochs: 1, shuffled: null}}
"""
"""Steps that an experiment does not name are not wanted, see `read_params`."""


UNLIKE_A_USER = ("SNAKEMAKE", "DVC_", "PYTHONDONTWRITEBYTECODE")
"""Beginnings of variables that commands do not see; without bytecode each start would compile the package anew."""


class Study:
    """A study folder and the commands a user would type in it."""

    served = True
    """Whether servers may run the commands; if not, each is a process of its own, which can be found and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment in the study; its output is captured."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(UNLIKE_A_USER)}
        path = os.pathsep.join([str(Path(sys.executable).parent), clean["PATH"]])
        done = self.start(command, clean | {"PATH": path} | environment)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Start a command in the study, with this environment and no other; without imports where that is as good."""
        places = {"PATH", "PYTHONPATH"}
        plain = all(os.environ.get(name) == value for name, value in environment.items() if name not in places)
        if self.served and command[0] in preloaded.PROGRAMS and plain and not _changes_starts(environment):
            command, environment = preloaded.served(command, environment)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=3000,
            check=False,
        )

    def snakemake(
        self, *arguments: str, check: bool = True, cores: int = 2, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `snakemake` on the study."""
        base = ("snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores))
        return self.run(*base, *arguments, check=check, **environment)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file under data/ and results/, by relative path."""
        from probecore.files import sha256_of

        files = (path for top in ("data", "results") for path in (self.folder / top).rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): sha256_of(path) for path in sorted(files)}


def _changes_starts(environment: Mapping[str, str]) -> bool:
    places = environment.get("PYTHONPATH", "").split(os.pathsep)
    return any(Path(place, "sitecustomize.py").exists() for place in places)


def read_params(text: str, home: str) -> dict[str, Any]:
    """The content of a ``params.yaml``; steps that `text` does not name are null."""
    content: dict[str, Any] = yaml.safe_load(text.format(home=home))
    for experiment in content["experiments"].values():
        for step in STEPS:
            experiment.setdefault(step, None)
    return content


def write_yaml(path: Path, content: dict[str, Any]) -> None:
    """Write a mapping in its own order."""
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def make_study(folder: Path, params: str = PARAMS) -> Study:
    """A study in `folder` that uses this repository's code."""
    folder.mkdir(parents=True)
    write_yaml(folder / "params.yaml", read_params(params, str(ROOT)))
    (folder / "probecore").symlink_to(ROOT / "probecore")
    (folder / "own").mkdir()
    (folder / "own" / "README.md").write_text("")
    (folder / "dvc.yaml").write_text(dvc_yaml(claims=False))
    for name in (".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    return Study(folder)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first test of the first worker makes, and all others find; not to be changed."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(shared / f"{name}-being-made")
            (shared / f"{name}-being-made").rename(folder)
    return folder


@pytest.fixture
def draft_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw all that a figure holds, once and coarsely: for tests that ask whether, not how it is drawn."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    save = Figure.savefig

    def draft(figure: Figure, file: Path, *, format: str, **_: object) -> None:
        file.touch() if format == "svg" else save(figure, file, format=format, dpi=20)

    monkeypatch.setattr(Figure, "savefig", draft)
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *_: None)


@pytest.fixture
def small_study(tmp_path: Path) -> Study:
    """A study of seconds: 300 images, an MLP and LeNet-5 after one or two epochs."""
    return make_study(tmp_path / "study")
