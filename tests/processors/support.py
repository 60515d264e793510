"""Running Python in the repository in surroundings of one's own."""

import os
import subprocess
import sys
from pathlib import Path

from probecore.files import sha256_of
from tests.conftest import ROOT

SMALL_STUDY = "tests.processors.small_study"


def run(*arguments: str, shim: Path | None = None, processor: str = "", **more: str) -> str:
    """Run Python in the repository as on another processor; what it prints."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | more
    if shim is not None:
        surroundings |= {"LD_PRELOAD": str(shim), "OTHER_PROCESSOR": processor}
    done = subprocess.run([sys.executable, *arguments], env=surroundings, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hashes(study: Path) -> dict[str, str]:
    """SHA-256 of every file that a small study made; report and figures must be among them."""
    files = (path for top in ("data", "results") for path in (study / top).rglob("*") if path.is_file())
    found = {path.relative_to(study).as_posix(): sha256_of(path) for path in files}
    assert len(found) > 150
    assert {"results/report/index.html", "results/anova/small/filters.csv"} <= found.keys()
    return found
