"""What depends on the processor, before and after our setting, and what the setting costs.

Usage: python benchmarks/processors.py [--quick] [--rounds R]    (in the repository's root, after `make demo`)

The same silicon dressed up as other processors by `tests/processors/other_processor.c`, which needs CPUID faulting and
gcc. Writes this machine's fingerprint and two others into ``benchmarks/fingerprints/``, how many primitives differ
between them under MKL's AVX2 mode and under ours into ``benchmarks/results/processors.csv``, and CPU seconds under
both, interleaved, into ``benchmarks/results/processors_cost.csv``: medians, and the median, lowest and highest ratio.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from probecore.fingerprint import MACHINE, PRIMITIVE, differing, machine, read_fingerprint, write_fingerprint

ROOT = Path(__file__).parents[1]
FINGERPRINTS, RESULTS = ROOT / "benchmarks/fingerprints", ROOT / "benchmarks/results"
OTHERS = {"amd-epyc-7742-by-shim": "amd,512,32768", "intel-small-caches-by-shim": "intel,256,8192"}
MODES = {"before": "AVX2", "after": "COMPATIBLE"}

WITH_MODE = """
import sys
import probecore.determinism as determinism
ours = determinism.environment
mode = sys.argv.pop(1)
determinism.environment = lambda numerics: ours(numerics) | {"MKL_CBWR": mode}
"""
FINGERPRINT = WITH_MODE + "from probecore.cli import main\nmain()"
TRAININGS = {
    "LeNet-5, training": ["train", "lenet5", {}, 1, 28, 64, 150],
    "VGG-6 (d = 16), training": ["train", "vgg6", {"width": 16}, 3, 32, 100, 15],
    "ResNet-18, training": ["train", "resnet18", {}, 3, 64, 16, 4],
}
"""Work → model, its options, channels, size and number of images, steps."""
LIGHTER: dict[str, dict[str, Any]] = {
    "anova": {},
    "mutual_information": {"shuffles": 19, "ablation": None, "redundancy": {"shuffles": 39}},
    "mechanism": {"heads": {"epochs": 5, "augmentation": None}, "bootstrap": 20, "pruning": None},
    "recos": {"images": 200, "resamples": 19, "polarity": {"images": 500}},
    "mean_dimension": {"epochs": [40], "images": 100, "features": 75, "companions": {"features": 5}},
}
"""What is less than in the demo's sections, so that every measure takes seconds."""
FILES = {
    "data": "data/mnist5k.h5",
    "checkpoints": "results/train/lenet5/trained-0.safetensors",
    "activations": "results/activations/lenet5/trained-0.h5",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fingerprints alone")
    arguments.add_argument("--rounds", type=int, default=3, help="interleaved rounds behind each cost")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_differences(Path(name))
    if not options.quick:
        write_costs(options.rounds)


def write_differences(folder: Path) -> None:
    FINGERPRINTS.mkdir(exist_ok=True)
    shim, rows = build_shim(folder), []
    for when, mode in MODES.items():
        found = {}
        for name, processor in {this_machine(): None, **OTHERS}.items():
            path = folder / f"{when}-{name}.csv"
            run(FINGERPRINT, mode, "fingerprint", "--output", path, shim=shim, processor=processor)
            found[name] = read_fingerprint(path) | ({(MACHINE, "shown as"): processor} if processor else {})
            if when == "after":
                write_fingerprint(FINGERPRINTS / f"{name}.csv", found[name])
        for name, each in found.items():
            names = differing(found[this_machine()], each)
            count = sum(kind == PRIMITIVE for kind, _ in each)
            row = {"MKL_CBWR": mode, "processor": name, "primitives": count, "differ": len(names)}
            rows.append(row | {"which": " ".join(names)})
    show(pd.DataFrame(rows), RESULTS / "processors.csv")


def build_shim(folder: Path) -> Path:
    shim = folder / "other_processor.so"
    source = ROOT / "tests/processors/other_processor.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", shim, source], check=True)
    return shim


def this_machine() -> str:
    """A file name made of vendor, family and model."""
    vendor, family, model = re.match(r"(\w+).*family (\d+), model (\d+)", machine()["processor"]).groups()
    return f"{vendor.lower()}-family-{family}-model-{model}"


def run(code: str, *arguments: Any, shim: Path | None = None, processor: str | None = None) -> None:
    """Run `code` in a Python of its own."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    if processor is not None:
        surroundings |= {"LD_PRELOAD": str(shim), "OTHER_PROCESSOR": processor}
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], env=surroundings, check=True)


def write_costs(rounds: int) -> None:
    """One Python per mode does the same work in turn; start-up is not counted."""
    workers = {mode: start_worker(mode) for mode in MODES.values()}
    rows = []
    for name, work in workloads().items():
        seconds = {mode: [] for mode in workers}
        for _ in range(rounds):
            for mode, worker in workers.items():
                seconds[mode].append(ask(worker, work))
        ratios = [after / before for before, after in zip(*seconds.values(), strict=True)]
        medians = {f"{mode.lower()}_s": f"{statistics.median(each):.2f}" for mode, each in seconds.items()}
        row = {"work": name, **medians, "ratio": f"{statistics.median(ratios):.3f}", **extremes(ratios)}
        rows.append(row | {"rounds": rounds})
        show(pd.DataFrame(rows).assign(processor=machine()["processor"]), RESULTS / "processors_cost.csv")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


def extremes(ratios: list[float]) -> dict[str, str]:
    return {"lowest": f"{min(ratios):.3f}", "highest": f"{max(ratios):.3f}"}


def start_worker(mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "benchmarks/processors_worker.py"), mode]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(worker: subprocess.Popen[str], work: list[Any]) -> float:
    """CPU seconds that the work took."""
    worker.stdin.write(json.dumps(work) + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def workloads() -> dict[str, list[Any]]:
    """Trainings, and the demo's measures of its first network."""
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())["experiments"]["lenet5"]
    measures = {name: ["measure", name, sections[name] | lighter, FILES] for name, lighter in LIGHTER.items()}
    return TRAININGS | measures


def show(table: pd.DataFrame, path: Path) -> None:
    print(table.to_string(index=False))
    table.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
