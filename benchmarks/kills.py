"""What kills do to a study: `python benchmarks/kills.py --kills 200`.

A tiny study is made, recorded and pushed once. Then, again and again, a command is started after something was taken
away that it brings back, and stopped at a random moment: Snakemake or one of its jobs, `probecore record`,
`dvc repro`, `probecore pull`, `dvc push`; by SIGKILL, SIGTERM or by SIGINT to the whole group, as a terminal does.
What lies under a final name must then be whole, and the same command once more must give all bytes of the first run.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PARAMS = """\
home: home
numerics: {device: cpu, threads: 1, isa: avx2}
datasets:
  mnist5k: {train_samples: 200, test_samples: 100}
experiments:
  tiny:
    dataset: mnist5k
    train: {model: {name: mlp, hidden: [8]}, seeds: [0, 1], epochs: 20, batch: 10}
    activations: null
    anova: null
    mutual_information: null
    mechanism: null
    recos: null
    mean_dimension: null
"""
SNAKEMAKE = ["snakemake", "--snakefile", "home/Snakefile", "--cores", "2", "--quiet"]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Target:
    """A command to be killed, and what is taken away before it starts."""

    command: list[str]
    take_away: Callable[[Path], None]
    job: bool = False
    """Whether one of its jobs is killed and not the command itself."""


def take_results(study: Path) -> None:
    for name in ("data", "results/train", "results/report", ".probecore/resume", ".dvc/cache/runs"):
        shutil.rmtree(study / name, ignore_errors=True)


def take_files(study: Path) -> None:
    for name in ("data", "results/train", "results/report", ".dvc/cache"):
        shutil.rmtree(study / name, ignore_errors=True)


def take_cache(study: Path) -> None:
    shutil.rmtree(study / ".dvc/cache", ignore_errors=True)


def take_remote(study: Path) -> None:
    shutil.rmtree(study.parent / "store", ignore_errors=True)


TARGETS = {
    "snakemake": Target(SNAKEMAKE, take_results),
    "job": Target(SNAKEMAKE, take_results, job=True),
    "dvc repro": Target(["dvc", "repro"], take_results),
    "record": Target(["probecore", "record"], take_cache),
    "pull": Target(["probecore", "pull"], take_files),
    "push": Target(["dvc", "push"], take_remote),
}


def main() -> None:
    """Make the study, kill, and print the table; ends with 1 if a byte differs or a file is half written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how often (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of commands, signals and moments (default 0)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        study = Path(name) / "study"
        durations = make_study(study)
        counts = kill_again_and_again(study, durations, random.Random(arguments.seed), arguments.kills)
    print_table(counts)
    sys.exit(any(counts[key, signal_, what] for key, signal_, what in counts if what in BAD))


BAD = ("half", "differing", "not recovered")


def make_study(study: Path) -> dict[str, float]:
    """A study that is recorded and pushed; how long its commands take, in seconds."""
    run(study.parent, ["probecore", "init", str(study)])
    (study / "params.yaml").write_text(PARAMS)
    run(study, ["dvc", "remote", "add", "--quiet", "--default", "store", "../store"])
    made = timed(study, SNAKEMAKE)
    recorded = timed(study, ["probecore", "record"])
    pushed = timed(study, ["dvc", "push"])
    return {
        "snakemake": made,
        "job": made,
        "dvc repro": 1.5 * made,
        "record": recorded,
        "push": pushed,
        "pull": 2 * pushed,
    }


def kill_again_and_again(
    study: Path, durations: dict[str, float], choose: random.Random, kills: int
) -> Counter[tuple[str, str, str]]:
    """Counts by target, signal and what was found."""
    good, counts = hashes(study), Counter[tuple[str, str, str]]()
    shutil.copy(study / "dvc.lock", study.parent / "dvc.lock")
    for number in range(kills):
        name, sent = choose.choice(list(TARGETS)), choose.choice(SIGNALS)
        target = TARGETS[name]
        run(study, ["dvc", "push"], check=False)
        target.take_away(study)
        killed = kill(study, target, sent, choose.random() * durations[name])
        half = sum(good.get(file) != value for file, value in hashes(study).items())
        again = run(study, target.command, check=False)
        left = run(study, SNAKEMAKE, check=False).returncode if name != "push" else 0
        now = hashes(study)
        differing = sum(now.get(file) != value for file, value in good.items())
        found = {"kills": 1, "in time": killed, "half": half, "differing": differing}
        found["not recovered"] = int(bool(again.returncode or left))
        counts.update({(name, sent.name, what): int(count) for what, count in found.items()})
        print(f"{number + 1} of {kills}: {name}, {sent.name}: {found}", file=sys.stderr, flush=True)
        if found["not recovered"]:
            print(again.stdout, file=sys.stderr)
        make_whole(study)
    return counts


def make_whole(study: Path) -> None:
    """All files, the record and the remote as they were, for the next kill."""
    shutil.copy(study.parent / "dvc.lock", study / "dvc.lock")
    run(study, SNAKEMAKE)
    run(study, ["probecore", "record"])
    run(study, ["dvc", "push"])


def kill(study: Path, target: Target, sent: signal.Signals, seconds: float) -> bool:
    """Start the command and kill it or a job of it after some time; whether it still ran."""
    process = subprocess.Popen(
        target.command,
        cwd=study,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment(),
    )
    time.sleep(seconds)
    if process.poll() is not None:
        return False
    jobs = [pid for pid in group_of(process.pid) if is_job(pid)] if target.job else []
    if target.job and not jobs:
        process.wait()
        return False
    if jobs:
        os.kill(jobs[0], sent)
    elif sent == signal.SIGINT:
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    process.wait()
    return True


def group_of(leader: int) -> list[int]:
    """The processes of a session."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if session_of(int(path.name)) == leader]


def session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def is_job(pid: int) -> bool:
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(os.fsdecode(word)).name == "probecore" for word in words[:2])


def hashes(study: Path) -> dict[str, str]:
    """SHA-256 of all files that the study makes, by path; not of those that are being written."""
    files = [path for top in ("data", "results") for path in (study / top).rglob("*")]
    whole = (path for path in files if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(study).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in whole}


def timed(study: Path, command: list[str]) -> float:
    began = time.monotonic()
    run(study, command)
    return time.monotonic() - began


def run(folder: Path, command: list[str], *, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command, cwd=folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if check and done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done


def environment() -> dict[str, str]:
    return os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def print_table(counts: Counter[tuple[str, str, str]]) -> None:
    columns = ["kills", "in time", *BAD]
    print(f"{'killed':12}{'by':10}" + "".join(f"{column:>15}" for column in columns))
    for name, sent in sorted({key[:2] for key in counts}):
        print(f"{name:12}{sent:10}" + "".join(f"{counts[name, sent, column]:15}" for column in columns))
    sums = [sum(count for key, count in counts.items() if key[2] == column) for column in columns]
    print(f"{'all':22}" + "".join(f"{count:15}" for count in sums))


if __name__ == "__main__":
    main()
