"""What Snakemake, DVC and jobs cost beside the work, now and before: `python benchmarks/workflow.py [--quick]`.

Before is the tree of Git's revision `--before`, by default the last one in which Snakemake was given each module that a
job imports as a file, parsed them at each start, and had its limit of rate. Both trees run in this environment, in
turns, on the same parameters; the numbers are processor seconds, of a command with all that it starts, or, where the
row says so, of Snakemake's own process while a small study is made.

Writes benchmarks/results/workflow.csv.
"""

from benchmarks.command import command, show

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--before", default="cfea8a0~1", metavar="REVISION")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is written (default 3)")
    OPTIONS = parser.parse_args()

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

SMALL = {"activations": {"layers": ["*"], "store": ["maps", "pooled"]}, "recos": {"polarity": {"images": 50}}}
"""The only steps of a study that is made."""
MEASURED = ("anova", "mutual_information", "mechanism", "recos", "mean_dimension")

ATLAS = "probecore/measures/atlas"
JOB = "import probecore.cli, probecore.measures.recos.run"


def params(networks: int, steps: dict[str, Any]) -> dict[str, Any]:
    """A study of so many networks with these steps beside training."""
    train = {"model": "lenet5", "seeds": list(range(networks)), "epochs": 1, "batch": 20}
    return {
        "home": "home",
        "numerics": {"device": "cpu", "threads": 1},
        "datasets": {"mnist5k": {"train_samples": 200, "test_samples": 100}},
        "experiments": {"tiny": {"dataset": "mnist5k", "train": train, **steps}},
    }


class Study:
    """A study in a folder of its own that one tree's code makes."""

    def __init__(self, tree: Path, folder: Path, networks: int, *, whole: bool) -> None:
        self.tree, self.folder = tree, folder
        folder.mkdir()
        self.run("probecore", "init", str(folder / "study"))
        self.folder = folder / "study"
        steps = dict.fromkeys(("activations", *MEASURED, *(["atlas"] if (tree / ATLAS).exists() else [])))
        everything = {"activations": {"store": ["pooled", "class_means"], "excitations": {}}} | {
            measure: {} for measure in MEASURED
        }
        content = params(networks, steps | (everything if whole else SMALL))
        (self.folder / "params.yaml").write_text(json.dumps(content))

    def run(self, *command: str) -> float:
        """Run a command; processor seconds of it and of all that it started."""
        return self._watched(command)[0]

    def snakemake(self, *arguments: str) -> float:
        """Run `snakemake` on the study."""
        return self.run(*self._snakemake(arguments))

    def making(self) -> float:
        """Make the study; processor seconds of Snakemake's own process."""
        return self._watched(self._snakemake(()))[1]

    def _snakemake(self, arguments: Sequence[str]) -> tuple[str, ...]:
        return ("snakemake", "--snakefile", "home/Snakefile", "--cores", "2", "--quiet", "all", *arguments)

    def _watched(self, command: Sequence[str]) -> tuple[float, float]:
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(self.tree)}
        with (self.folder / "said.txt").open("w+") as said:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=said, stderr=said)
            own, over = [0.0], threading.Event()
            watcher = threading.Thread(target=_watch, args=(process.pid, own, over))
            watcher.start()
            _, status, used = os.wait4(process.pid, 0)
            over.set()
            watcher.join()
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                sys.exit(f"{' '.join(command)} of {self.tree} ended with {process.returncode}:\n{said.read()[-2000:]}")
        return used.ru_utime + used.ru_stime, own[0]


def _watch(number: int, own: list[float], over: threading.Event) -> None:
    """Keep the processor seconds of a process itself, as long as it can be asked."""
    while not over.wait(0.02):
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return
        if fields[0] != "Z":
            own[0] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        before = Path(temporary, "before")
        before.mkdir()
        archive = subprocess.run(["git", "archive", options.before], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "x", "-C", str(before)], input=archive.stdout, check=True)
        found = []
        trees = {"before": before, "now": ROOT}
        for case, measure in cases(trees, Path(temporary), quick=options.quick):
            rounds = [{when: measure(when) for when in trees} for _ in range(1 if options.quick else options.rounds)]
            spent = {when: statistics.median(one[when] for one in rounds) for when in trees}
            row = {f"{when}_seconds": f"{seconds:.2f}" for when, seconds in spent.items()}
            found.append({"case": case, **row, "before_by_now": f"{spent['before'] / spent['now']:.2f}"})
            show("workflow", found, quick=options.quick)


def cases(trees: dict[str, Path], folder: Path, *, quick: bool) -> Iterator[tuple[str, Callable[[str], float]]]:
    """What is measured of the tree of a name; studies are made on the way."""
    studies: dict[str, Study] = {}
    for networks in (3,) if quick else (10, 100, 400):
        for when, tree in trees.items():
            studies[when] = Study(tree, folder / f"{when}-{networks}", networks, whole=True)
        yield f"snakemake -n, everything to do, networks: {networks}", lambda when: studies[when].snakemake("--dry-run")

    def making(when: str) -> float:
        studies[when] = Study(trees[when], Path(tempfile.mkdtemp(dir=folder)) / when, 2, whole=False)
        return studies[when].making()

    yield "Snakemake's own process while a study of two networks is made", making
    yield "snakemake -n, nothing to do, as made", lambda when: studies[when].snakemake("--dry-run")
    yield "probecore record, again and again", lambda when: studies[when].run("probecore", "record")
    yield "dvc repro, nothing to do", lambda when: studies[when].run("dvc", "repro", "--quiet")
    yield "snakemake -n, nothing to do, recorded", lambda when: studies[when].snakemake("--dry-run")
    yield "what a job of RECOS imports", lambda when: studies[when].run(sys.executable, "-c", JOB)
    yield "import torch alone", lambda when: studies[when].run(sys.executable, "-c", "import torch")


if __name__ == "__main__":
    main(OPTIONS)
