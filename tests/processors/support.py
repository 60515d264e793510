"""Running Python in the repository in surroundings of one's own."""

import os
import subprocess
import sys
from pathlib import Path

from probecore.files import sha256_of
from tests.conftest import ROOT


def run(*arguments: str, shim: Path | None = None, processor: str = "", **more: str) -> str:
    """Run Python in the repository as on another processor; what it prints."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | more
    if shim is not None:
        surroundings |= {"LD_PRELOAD": str(shim), "OTHER_PROCESSOR": processor}
    done = subprocess.run([sys.executable, *arguments], env=surroundings, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(folder: Path, *, shim: Path | None = None, processor: str = "") -> None:
    """Write a fingerprint and a small study into a folder."""
    target = str(folder / "fingerprint.csv")
    run("-m", "probecore.cli", "fingerprint", "--output", target, shim=shim, processor=processor)
    (folder / "study").mkdir()
    run("-m", "tests.processors.small_study", str(folder / "study"), shim=shim, processor=processor)


def hashes(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()}
    assert len(found) > 100
    return found
