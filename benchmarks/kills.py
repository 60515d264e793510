"""What kills do to a study: `python benchmarks/kills.py [--quick] [--kills 200]`.

A tiny study (an MLP after one epoch on 20 images, its mean dimension, the report) is made, recorded and pushed once.
Then, round after round, something is taken away and a command started that brings it back: Snakemake,
`probecore record`, `probecore repro`, `probecore pull`, `probecore push`. It, or one of Snakemake's jobs, is stopped at
a random moment, started and stopped again, at most five times; by SIGKILL, SIGTERM or by SIGINT to the whole group, as
a terminal does. After each kill, what lies under a final name must be whole, also in DVC's cache and remote; in the end
the same command must give all bytes of the first run.

Each round is a row in ``benchmarks/results/kills.csv``; rounds that stand there already are not repeated, so that a
stopped run goes on. Runs with other seeds may work beside it, and add to the same table. A quick run ends with the
first round that killed something. Rows of `dvc repro` are of seeds 401 and 402, before there was `probecore repro`.
"""

from benchmarks.command import RESULTS, command

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often with this seed (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of commands, signals and moments (default 0)")
    OPTIONS = parser.parse_args()

import argparse
import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from probecore.params import STEPS

RESULT = RESULTS / "kills.csv"

PARAMS = """\
home: home
numerics: {device: cpu, threads: 1, isa: avx2}
datasets:
  mnist5k: {train_samples: 20, test_samples: 20}
experiments:
  tiny:
    dataset: mnist5k
    train: {model: {name: mlp, hidden: [4]}, seeds: [0], epochs: 1, batch: 10}
    activations: null
    anova: null
    mutual_information: null
    mechanism: null
    recos: null
    mean_dimension: {images: 10, features: 10}
    atlas: null
"""

SNAKEMAKE = ("snakemake", "--snakefile", "home/Snakefile", "--cores", "1", "--quiet")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

REPORT = ("results/report",)
MEASURED = (*REPORT, "results/mean_dimension")
TRAINED = (*MEASURED, "results/train")
FOLDERS = (
    *TRAINED,
    *(f"results/{step}" for step in STEPS if step not in ("train", "mean_dimension")),
)
MADE = tuple((".dvc/cache/runs", *part) for part in (REPORT, MEASURED, TRAINED, (*TRAINED, "data")))
"""Parts of what jobs make."""
CACHE = ".dvc/cache"
STORE = "../store"


@dataclass(frozen=True)
class Target:
    """A command to be killed, and the choice of folders of which one is taken away before it starts."""

    command: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    job: bool = False
    """Whether one of its jobs is killed and not the command itself."""


TARGETS = {
    "snakemake": Target(SNAKEMAKE, MADE),
    "job": Target(SNAKEMAKE, MADE, job=True),
    "repro": Target(("probecore", "repro"), MADE),
    "record": Target(("probecore", "record"), ((CACHE,),)),
    "pull": Target(("probecore", "pull"), ((CACHE, "data", *FOLDERS),)),
    "push": Target(("probecore", "push"), ((STORE,),)),
}

IN_A_ROW = 5

DVC_LOCK = "lock of DVC deleted"
"""`dvc` writes ``.dvc/tmp/rwlock`` in place; killed meanwhile, it ends from then on in a line that names this file."""

DAMAGED = "damaged"

FOUND = ("half files", "other bytes", "not recovered")


def main(options: argparse.Namespace) -> None:
    """Kill, add to the table, and print it; ends with 1 if anything was found."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts with `&` would ignore it
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        result = Path(name) / RESULT.name if options.quick else RESULT
        known = pd.read_csv(result) if result.exists() else pd.DataFrame(columns=["seed", "round", "kills"])
        mine = known[known.seed == options.seed]
        kills, rounds = int(mine.kills.sum()), itertools.filterfalse(set(mine["round"]).__contains__, itertools.count())
        study = Study(Path(name))
        while kills < (1 if options.quick else options.kills):
            number = next(rounds)
            row = {"seed": options.seed, "round": number, **play(study, Random(f"{options.seed} {number}"))}
            pd.DataFrame([row]).to_csv(result, mode="a", index=False, header=not result.exists())
            print(row, file=sys.stderr, flush=True)
            kills += row["kills"]
        table = summed(pd.read_csv(result))
    print(table.to_string())
    sys.exit(bool(table.loc[("all", ""), list(FOUND)].sum()))


def summed(rounds: pd.DataFrame) -> pd.DataFrame:
    """Kills, and what was found, by command and signal."""
    table = rounds.groupby(["command", "signal"])[["kills", DVC_LOCK, *FOUND]].sum()
    table.loc[("all", ""), :] = table.sum()
    return table.astype(int)


class Study:
    """A study that is recorded and pushed, and a copy of it to start from again."""

    def __init__(self, top: Path) -> None:
        self.folder, self.whole = top / "now" / "study", top / "whole"
        self.folder.parent.mkdir()
        must(top, "probecore", "init", str(self.folder))
        (self.folder / "params.yaml").write_text(PARAMS)
        must(self.folder, "dvc", "remote", "add", "--quiet", "--default", "store", STORE)
        must(self.folder, *SNAKEMAKE)
        must(self.folder, "probecore", "record")
        must(self.folder, "probecore", "push")
        must(self.folder, *SNAKEMAKE)  # settles the times of files that DVC has put in place anew
        shutil.copytree(self.folder.parent, self.whole, symlinks=True)
        good = hashes(self.folder)
        stored = {file.removeprefix(STORE) for file in good if file.startswith(STORE)}
        unshared = {file for file in good if file.startswith(CACHE)} - {CACHE + file for file in stored}
        self.good = {file: content for file, content in good.items() if file not in unshared}
        self.durations = dict.fromkeys(TARGETS, 10.0) | {"push": 3.0, "pull": 4.0}
        """In seconds, of a command that is left alone: a guess that follows what was seen."""

    def without(self, part: tuple[str, ...]) -> None:
        """Bring everything back as it was, and take `part` away."""
        shutil.rmtree(self.folder.parent)
        shutil.copytree(self.whole, self.folder.parent, symlinks=True)
        for name in part:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def again(self, name: str) -> "tuple[subprocess.CompletedProcess[str], bool]":
        """Run the command once more, and whether DVC's own lock had to be deleted, as its message says, to do so."""
        began = time.monotonic()
        done = run(self.folder, *TARGETS[name].command)
        if half_a_lock := done.returncode != 0 and "RWLock-file" in done.stdout:
            (self.folder / ".dvc/tmp/rwlock").unlink()
            done = run(self.folder, *TARGETS[name].command)
        self.durations[name] = (self.durations[name] + time.monotonic() - began) / 2
        return done, half_a_lock


def play(study: Study, random: Random) -> dict[str, Any]:
    """One round: a command, a signal, up to `IN_A_ROW` kills, and the same command once more, left alone."""
    name, sent = random.choice(list(TARGETS)), random.choice(SIGNALS)
    target = TARGETS[name]
    part = random.choice(target.parts)
    study.without(part)
    leaders: list[int] = []
    half: list[str] = []
    while len(leaders) < IN_A_ROW:
        leader = start_and_kill(study.folder, target, sent, random.random() * study.durations[name])
        if leader is None:
            break
        leaders.append(leader)
        found = hashes(study.folder)
        half += [name for file, value in found.items() if value == DAMAGED or study.good.get(file, value) != value]
    again, half_a_lock = study.again(name)
    end_of(leaders)
    now = hashes(study.folder)
    other = [file for file, content in study.good.items() if now.get(file) != content]
    if again.returncode or half or other:
        print(name, sent.name, part, half, other, again.stdout, file=sys.stderr)
    counted = dict(zip(FOUND, (len(half), len(other), int(again.returncode != 0)), strict=True))
    named = {"command": name, "signal": sent.name, "without": part[-1], "kills": len(leaders)}
    return {**named, DVC_LOCK: int(half_a_lock), **counted}


def start_and_kill(folder: Path, target: Target, sent: signal.Signals, seconds: float) -> int | None:
    """Start the command and kill it, or its next job, after some time; its session, None if it was done before."""
    process = subprocess.Popen(
        target.command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment(),
    )
    time.sleep(seconds)
    victims = [process.pid]
    while process.poll() is None:
        if target.job:
            victims = [pid for pid in members(process.pid) if is_job(pid)]
        if victims:
            send(process.pid, victims[0], sent, target)
            process.wait()
            return process.pid
        time.sleep(0.02)
    return None


def send(leader: int, victim: int, sent: signal.Signals, target: Target) -> None:
    if sent == signal.SIGINT and not target.job:
        os.killpg(leader, sent)
    else:
        os.kill(victim, sent)


def end_of(sessions: Sequence[int]) -> None:
    """Wait for processes that outlived their leaders."""
    while any(list(members(session)) for session in sessions):
        time.sleep(0.1)


def members(session: int) -> Iterator[int]:
    """The processes of a session, without those that ended."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of = (path / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(of) == session and state != "Z":
            yield int(path.name)


def is_job(pid: int) -> bool:
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(os.fsdecode(word)).name == "probecore" for word in words[:2])


def hashes(folder: Path) -> dict[str, str]:
    """What the study makes, records and stores, by path and content; without what is being written."""
    tops = ("data", "results", f"{CACHE}/files", f"{STORE}/files")
    found = {}
    for path in (folder / "dvc.lock", *(path for top in tops for path in (folder / top).rglob("*"))):
        if path.is_file() and not is_being_written(path):
            with contextlib.suppress(FileNotFoundError):
                found[os.path.relpath(path, folder)] = content_of(path)
    return found


def content_of(path: Path) -> str:
    """SHA-256 of a file; of an object of DVC, which is named by the MD5 of its content, whether that is so."""
    content = path.read_bytes()
    if "files" not in path.parts:
        return hashlib.sha256(content).hexdigest()
    return "whole" if hashlib.md5(content).hexdigest() == path.parent.name + path.stem else DAMAGED


def is_being_written(path: Path) -> bool:
    """Whether it has a temporary name: ours begin with a dot, those of DVC's objects are no hash."""
    return path.name.startswith(".") or ("files" in path.parts and len(path.stem) != 30)


def must(folder: Path, *command: str) -> None:
    done = run(folder, *command)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )


def environment() -> dict[str, str]:
    return os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


if __name__ == "__main__":
    main(OPTIONS)
