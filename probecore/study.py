"""Making studies, finding them, and where the workflow lies that runs them. Not here: what parameters mean."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from probecore.errors import InputError, ProbecoreError
from probecore.files import write_text
from probecore.first_params import Beginning, first_params
from probecore.stages import dvc_yaml

PACKAGE = Path(__file__).resolve().parent

COPIED = (".dvcignore", ".gitignore", "own/README.md")
"""Files that every study has, equal to those beside the Snakefile."""

LINKS = ("home", "probecore", "profiles")
"""Links to this installation that a study outside the repository has; they are not for Git."""

DVC_CONFIG = "[core]\n    analytics = false\n    autostage = false\n"


def home() -> Path:
    """The directory of the Snakefile: inside the installed package, or the repository's root."""
    installed = PACKAGE / "home"
    return installed if installed.is_dir() else PACKAGE.parent


def study_around(folder: Path) -> Path:
    """Find the study that `folder` is, or lies in.

    Raises
    ------
    InputError
        If there is no ``params.yaml`` here or above.
    """
    for place in (folder, *folder.parents):
        if (place / "params.yaml").is_file():
            return place
    raise InputError(f"{folder}: no params.yaml here or above; go to a study, or make one: `probecore init FOLDER`")


def init_study(folder: Path, beginning: Beginning | None = None) -> None:
    """Make a study in `folder`, or give a clone of one its links to this installation.

    Parameters
    ----------
    beginning : Beginning, optional
        The network and the data to begin with; by default LeNet-5 on the embedded images.

    Raises
    ------
    InputError
        If `folder` holds anything else, or what is to be begun with is not there.
    """
    folder = folder.resolve()
    below = _is_below_home(folder)
    present = _names_in(folder)
    if "params.yaml" in present and beginning is None and not below and not present.intersection(LINKS):
        renew_links(folder)
    elif present - {".git"}:
        raise InputError(f"{folder}: is no empty folder; name a new one, or a clone of a study that has no links yet")
    else:
        _fill(folder, beginning or Beginning())
        _put_under_version_control(folder)


def home_from(folder: Path) -> str:
    """The directory of the Snakefile as a study in `folder` writes it."""
    return os.path.relpath(home(), folder.resolve()) if _is_below_home(folder.resolve()) else "home"


def write_snakefile(folder: Path) -> bool:
    """Write the line by which `snakemake` finds the workflow from a study; False if the study has a Snakefile."""
    if (folder / "Snakefile").exists():
        return False
    path = "/".join([home_from(folder), "Snakefile"])
    line = f"workflow.include({json.dumps(path, ensure_ascii=False)}, overwrite_default_target=True)"
    write_text(folder / "Snakefile", f"{line}  # `include` alone would leave `snakemake` without a target\n")
    return True


def ignore_links(folder: Path) -> bool:
    """Let Git ignore the links of a study outside the repository; False if it does."""
    path = folder / ".gitignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [f"/{name}" for name in LINKS if f"/{name}" not in lines]
    if _is_below_home(folder.resolve()) or not missing:
        return False
    note = "# this machine's installation; `probecore init .` makes these links in a clone"
    write_text(path, "\n".join([*lines, *([] if note in lines else [note]), *missing]) + "\n")
    return True


def renew_links(folder: Path) -> list[str]:
    """Let the links of a study lead to this installation.

    Returns
    -------
    list of str
        Links that led elsewhere, or were missing.
    """
    folder = folder.resolve()
    targets = {"probecore": PACKAGE, "profiles": home() / "profiles"}
    if not _is_below_home(folder):
        targets["home"] = home()
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


def _fill(folder: Path, beginning: Beginning) -> None:
    params = first_params(beginning, folder=folder, home=home_from(folder))
    (folder / "own").mkdir(parents=True)
    for name in COPIED:
        shutil.copyfile(home() / name, folder / name)
    for file in beginning.own_files:
        shutil.copyfile(file, folder / "own" / file.name)
    renew_links(folder)
    write_snakefile(folder)
    ignore_links(folder)
    write_text(folder / "dvc.yaml", dvc_yaml(claims=False))
    write_text(folder / "params.yaml", params)


def _put_under_version_control(folder: Path) -> None:
    """DVC in the Git repository around `folder`, or in a new one; without Git where there is none, or it looks away."""
    git = shutil.which("git") is not None
    top = _asks_git(folder, "rev-parse", "--show-toplevel") if git else None
    if git and top is None:
        _run(["git", "init", "--quiet"], folder)
    unseen = not git or (top is not None and _asks_git(folder, "check-ignore", ".") is not None)
    below = top is not None and Path(top).resolve() != folder
    options = ["--no-scm"] if unseen else ["--subdir"] if below else []
    _run([sys.executable, "-P", "-m", "dvc", "init", "--quiet", *options], folder)
    write_text(folder / ".dvc" / "config", DVC_CONFIG + ("    no_scm = true\n" if unseen else ""))


def _asks_git(folder: Path, *question: str) -> str | None:
    done = subprocess.run(["git", *question], cwd=folder, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ProbecoreError(f"{folder}: `{' '.join(command)}` failed: {' '.join(reason)}")
