"""The same bytes in other surroundings: the list of `reprotest`, all at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.processors.support import hashes

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

ENVIRONMENT = {
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
}


def prefix() -> list[str]:
    """Commands that change the clock, the host's name, the processors and the layout of memory, where they are here."""
    ways = {
        "setarch": ["setarch", "-R"],
        "taskset": ["taskset", "--cpu-list", "0"],
        "faketime": ["faketime", "2031-02-03 04:05:06"],
    }
    found = [part for command, way in ways.items() if shutil.which(command) for part in way]
    if shutil.which("unshare") and subprocess.run(["unshare", "--uts", "true"], capture_output=True).returncode == 0:
        found = ["unshare", "--uts", "sh", "-c", 'hostname another; exec "$@"', "sh", *found]
    return found


def test_the_surroundings_do_not_reach_the_bytes(here: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a path with blanks, and é" / "study"
    folder.mkdir(parents=True)
    (tmp_path / "first").mkdir()
    (tmp_path / "first/sitecustomize.py").write_text(SHUFFLED_FOLDERS)
    environment = os.environ | ENVIRONMENT
    environment["HOME"] = str(tmp_path)
    environment["TMPDIR"] = str(tmp_path)
    environment["PATH"] = f"/nonexistent:{environment['PATH']}:/also/nonexistent"
    environment["PYTHONPATH"] = f"{tmp_path / 'first'}:{ROOT}"
    command = [*prefix(), sys.executable, "-m", "tests.processors.small_study", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, umask=0o077, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert hashes(folder) == hashes(here / "study")


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
