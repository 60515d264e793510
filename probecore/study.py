"""Making studies, and where the workflow lies that runs them. Not here: what a study's parameters mean."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from probecore.errors import InputError, ProbecoreError
from probecore.files import write_text
from probecore.params import STEPS

PACKAGE = Path(__file__).resolve().parent

COPIED = ("dvc.yaml", ".dvcignore", ".gitignore", "own/README.md")
"""Files that every study has, equal to those beside the Snakefile."""

LINKS = ("home", "probecore")
"""Links to this installation that a study outside the repository has; they are not for Git."""

PARAMS = """\
# yaml-language-server: $schema={home}/params.schema.json
# Check this file with `probecore check`. A new experiment is a new block below; nothing else needs an edit.
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}

datasets:
  mnist5k: {{}}                         # 5,000 real MNIST images, no download

experiments:
  lenet5:
    dataset: mnist5k
    train:
      model: lenet5
      seeds: [0, 1]                   # one network each
      epochs: 10
      augmentation: {{shift: 2}}
    activations:
      layers: ["conv*", "act*", "fc*"]
      store: [pooled, class_means]
    recos: {{polarity: {{}}}}
"""

DVC_CONFIG = "[core]\n    analytics = false\n    autostage = false\n"


def home() -> Path:
    """The directory of the Snakefile: inside the installed package, or the repository's root."""
    installed = PACKAGE / "home"
    return installed if installed.is_dir() else PACKAGE.parent


def init_study(folder: Path) -> str:
    """Make a study in `folder`, or give a clone of one its links to this installation.

    Returns
    -------
    str
        The directory of the Snakefile as seen from the study.

    Raises
    ------
    InputError
        If `folder` holds anything else, or Git is missing.
    """
    if shutil.which("git") is None:
        raise InputError("git: no such program; install it, DVC needs it")
    folder = folder.resolve()
    below = _is_below_home(folder)
    present = _names_in(folder)
    if "params.yaml" in present and not below and not present.intersection(LINKS):
        renew_links(folder)
    elif present - {".git"}:
        raise InputError(f"{folder}: is no empty folder; name a new one, or a clone of a study that has no links yet")
    else:
        _fill(folder, below=below)
        _put_under_version_control(folder)
    return os.path.relpath(home(), folder) if below else "home"


def renew_links(folder: Path) -> list[str]:
    """Let the links of a study lead to this installation.

    Returns
    -------
    list of str
        Links that led elsewhere, or were missing.
    """
    folder = folder.resolve()
    targets = {"probecore": PACKAGE} if _is_below_home(folder) else {"probecore": PACKAGE, "home": home()}
    wrong = [name for name, target in targets.items() if (folder / name).resolve() != target.resolve()]
    for name in wrong:
        link = folder / name
        if link.exists() and not link.is_symlink():
            raise InputError(f"{link}: is no link; move it away, here a link to this installation must stand")
        link.unlink(missing_ok=True)
        target = targets[name]
        link.symlink_to(os.path.relpath(target, folder) if _is_below_home(folder) else target)
    return wrong


def _is_below_home(folder: Path) -> bool:
    """Whether the study lies in the repository."""
    return home() == PACKAGE.parent and folder.is_relative_to(home())


def _names_in(folder: Path) -> set[str]:
    if folder.is_dir():
        return {path.name for path in folder.iterdir()}
    return {folder.name} if folder.exists() else set()


def _fill(folder: Path, *, below: bool) -> None:
    (folder / "own").mkdir(parents=True)
    for name in COPIED:
        shutil.copyfile(home() / name, folder / name)
    renew_links(folder)
    if not below:
        with (folder / ".gitignore").open("a", encoding="utf-8") as file:
            file.write("# this machine's installation; `probecore init .` makes these links in a clone\n")
            file.writelines(f"/{name}\n" for name in LINKS)
    params = PARAMS.format(home=os.path.relpath(home(), folder) if below else "home")
    unused = [step for step in STEPS if f"    {step}:" not in params]
    write_text(folder / "params.yaml", params + "".join(f"    {step}: null\n" for step in unused))


def _put_under_version_control(folder: Path) -> None:
    """DVC in the Git repository around `folder`, or in a new one."""
    around = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=folder, capture_output=True, text=True, check=False
    )
    if around.returncode:
        _run(["git", "init", "--quiet"], folder)
    below = not around.returncode and Path(around.stdout.strip()).resolve() != folder
    _run([sys.executable, "-P", "-m", "dvc", "init", "--quiet", *(["--subdir"] if below else [])], folder)
    write_text(folder / ".dvc" / "config", DVC_CONFIG)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ProbecoreError(f"{folder}: `{' '.join(command)}` failed: {' '.join(reason)}")
