"""What depends on the processor, before and after our setting, and what the setting costs.

Usage: python benchmarks/processors.py [--quick] [--rounds R]    (in the repository's root, after `make demo`)

The same silicon dressed up as other processors by `tests/processors/other_processor.c`, which needs CPUID faulting and
gcc. Writes this machine's fingerprint and two others into ``benchmarks/fingerprints/``, how many primitives differ
between them under MKL's AVX2 mode and under ours into ``benchmarks/results/processors.csv``, and CPU seconds under
both, interleaved, into ``benchmarks/results/processors_cost.csv``.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from probecore.fingerprint import differing, machine, read_fingerprint

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
COMMAND = WITH_MODE + "from probecore.cli import main\nmain()"
TRAINING = (
    WITH_MODE
    + """
from probecore.determinism import Numerics, configure, torch_device
configure(Numerics())
import torch
import torch.nn.functional as F
from probecore.models import build_model
from probecore.models.params import ModelParams
torch_device(Numerics())
name, options, channels, size, batch, steps = eval(sys.argv[1])
model = build_model(ModelParams(name=name, **options), (channels, size, size), 10)
optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
images, labels = torch.rand(batch, channels, size, size), torch.arange(batch) % 10
for _ in range(steps):
    optimiser.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    optimiser.step()
"""
)
TRAININGS = {
    "LeNet-5, training": ("lenet5", {}, 1, 28, 64, 400),
    "VGG-6 (d = 16), training": ("vgg6", {"width": 16}, 3, 32, 100, 60),
    "ResNet-18, training": ("resnet18", {}, 3, 64, 16, 8),
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
    shim = folder / "other_processor.so"
    source = ROOT / "tests/processors/other_processor.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", shim, source], check=True)
    rows = []
    for when, mode in MODES.items():
        found = {}
        for name, processor in {this_machine(): None, **OTHERS}.items():
            path = folder / f"{when}-{name}.csv"
            run(COMMAND, mode, "fingerprint", "--output", path, shim=shim, processor=processor)
            found[name] = read_fingerprint(path)
            if when == "after":
                (FINGERPRINTS / f"{name}.csv").write_bytes(path.read_bytes())
        names = {name: differing(found[this_machine()], other) for name, other in found.items()}
        rows += [
            {"MKL_CBWR": mode, "processor": name, "of": len(found[name]), "differ": len(each), "which": " ".join(each)}
            for name, each in names.items()
        ]
    show(pd.DataFrame(rows), RESULTS / "processors.csv")


def this_machine() -> str:
    """A file name made of vendor, family and model."""
    vendor, family, model = re.match(r"(\w+).*family (\d+), model (\d+)", machine()["processor"]).groups()
    return f"{vendor.lower()}-family-{family}-model-{model}"


def run(code: str, *arguments: Any, shim: Path | None = None, processor: str | None = None) -> float:
    """Run `code` in a Python of its own; its CPU seconds."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    if processor is not None:
        surroundings |= {"LD_PRELOAD": str(shim), "OTHER_PROCESSOR": processor}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], env=surroundings, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_costs(rounds: int) -> None:
    rows = []
    for name, code, arguments in workloads():
        seconds: dict[str, list[float]] = {mode: [] for mode in MODES.values()}
        for _ in range(rounds):
            for mode in seconds:
                seconds[mode].append(run(code, mode, *arguments))
        ratios = [after / before for before, after in zip(*seconds.values(), strict=True)]
        medians = {f"{mode.lower()}_s": f"{statistics.median(each):.2f}" for mode, each in seconds.items()}
        rows.append({"work": name, **medians, "ratio": f"{statistics.median(ratios):.3f}", "rounds": rounds})
    show(pd.DataFrame(rows).assign(processor=machine()["processor"]), RESULTS / "processors_cost.csv")


def workloads() -> Iterator[tuple[str, str, list[Any]]]:
    """Trainings, and the demo's measures of its first network, start-up included."""
    for name, case in TRAININGS.items():
        yield name, TRAINING, [repr(case)]
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())["experiments"]["lenet5"]
    with tempfile.TemporaryDirectory() as folder:
        for measure in ("anova", "mutual_information", "mechanism", "recos", "mean_dimension"):
            files = ["--data", "data/mnist5k.h5", "--checkpoints", "results/train/lenet5/trained-0.safetensors"]
            if measure in ("anova", "mutual_information"):
                files += ["--activations", "results/activations/lenet5/trained-0.h5"]
            section = ["--params", json.dumps(sections[measure]), "--numerics", "{}"]
            yield measure, COMMAND, [measure, "network", *files, *section, "--output", folder]


def show(table: pd.DataFrame, path: Path) -> None:
    print(table.to_string(index=False))
    table.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
