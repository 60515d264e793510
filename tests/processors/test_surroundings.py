"""The same bytes in other surroundings: the list of `reprotest`, all at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probecore.fingerprint import differing, read_fingerprint
from tests.conftest import ROOT
from tests.processors.support import SMALL_STUDY, hashes, run

SHUFFLED_FOLDERS = """
import os, random
ordered_scandir, ordered_listdir = os.scandir, os.listdir

class Shuffled(list):
    def __enter__(self): return self
    def __exit__(self, *_): pass
    close = lambda self: None
    def __next__(self):
        if not self: raise StopIteration
        return self.pop()
    def __iter__(self): return self

def shuffled(entries):
    entries = list(entries)
    random.Random(5).shuffle(entries)
    return entries

os.scandir = lambda *where: Shuffled(shuffled(ordered_scandir(*where)))
os.listdir = lambda *where: shuffled(ordered_listdir(*where))
"""
"""A `sitecustomize` under which folders list their files in another order."""

WAYS = {
    "setarch": ["setarch", "-R"],
    "taskset": ["taskset", "--cpu-list", "0"],
    "faketime": ["faketime", "2031-02-03 04:05:06"],
}
"""Commands that change the layout of memory, the processors and the clock."""


def prefix() -> list[str]:
    """Those of `WAYS` that are here, after another name of the host where this user may give one."""
    found = [part for command, way in WAYS.items() if shutil.which(command) for part in way]
    if shutil.which("unshare") and subprocess.run(["unshare", "--uts", "true"], capture_output=True).returncode == 0:
        found = ["unshare", "--uts", "sh", "-c", 'hostname another; exec "$@"', "sh", *found]
    return found


@pytest.mark.slow
def test_the_surroundings_do_not_reach_the_bytes(tmp_path: Path) -> None:
    here, folder = tmp_path / "here", tmp_path / "a path with blanks, and é" / "elsewhere"
    here.mkdir()
    folder.mkdir(parents=True)
    run("-m", SMALL_STUDY, str(here))
    done = subprocess.run(
        [*prefix(), sys.executable, "-m", SMALL_STUDY, str(folder)],
        cwd=copy_of_code(tmp_path / "another build path"),
        env=surroundings(tmp_path),
        umask=0o077,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert differing(*(read_fingerprint(each / "fingerprint.csv") for each in (here, folder))) == []
    assert hashes(folder / "study") == hashes(here / "study")


def copy_of_code(target: Path) -> Path:
    for name in ("probecore", "tests"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def surroundings(folder: Path) -> dict[str, str]:
    """Environment variables that differ from the usual ones in all that could matter; PYTHONPATH leads to the copy."""
    (folder / "first").mkdir()
    (folder / "first/sitecustomize.py").write_text(SHUFFLED_FOLDERS)
    return os.environ | {
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANG": "tr_TR.UTF-8",
        "USER": "somebody",
        "LOGNAME": "somebody",
        "PYTHONHASHSEED": "12345",
        "OMP_NUM_THREADS": "3",
        "MPLCONFIGDIR": "/nonexistent",
        "EDITOR": "cat",
        "NOISE": "x" * 3000,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": f"/nonexistent:{os.environ['PATH']}:/also/nonexistent",
        "PYTHONPATH": f"{folder / 'first'}:{folder / 'another build path'}",
    }


@pytest.mark.slow
def test_nothing_of_the_list_is_left_out() -> None:
    """Clock, host name, processors and layout of memory need commands that not every machine has."""
    if missing := {"unshare", *WAYS} - {Path(part).name for part in prefix()}:
        pytest.skip(f"not varied on this machine: {', '.join(sorted(missing))}")


def test_the_shuffling_of_folders_works(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHUFFLED_FOLDERS)
    for number in range(9):
        (tmp_path / f"{number}").touch()
    code = "import pathlib, os; print(os.listdir('.'), [path.name for path in pathlib.Path().iterdir()])"
    outputs = {
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | more, capture_output=True).stdout
        for more in ({}, {"PYTHONPATH": str(tmp_path)})
    }
    assert len(outputs) == 2
