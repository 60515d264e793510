"""Work under one mode of MKL, for `processors.py`: a list in JSON on each line in, its CPU seconds out.

Usage: python benchmarks/processors_worker.py MODE    (MODE is a value of MKL_CBWR)
"""

import os
import sys

from probecore.determinism import Numerics, configure, torch_device

configure(Numerics())
os.environ["MKL_CBWR"] = sys.argv[1]

import importlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.params import section_class
from probecore.provenance import package_of


def main() -> None:
    torch_device(Numerics())
    for line in sys.stdin:
        work, *arguments = json.loads(line)
        started = time.process_time()
        {"train": train, "measure": measure}[work](*arguments)
        print(time.process_time() - started, flush=True)


def train(model: str, options: dict[str, Any], channels: int, size: int, batch: int, steps: int) -> None:
    torch.manual_seed(0)
    network = build_model(ModelParams(name=model, **options), input_shape=(channels, size, size), outputs=10)
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
    images, labels = torch.rand(batch, channels, size, size), torch.arange(batch) % 10
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimiser.step()


def measure(name: str, section: dict[str, Any], files: dict[str, str]) -> None:
    """Measure one network, whose files are in the study of the working directory."""
    kind = section_class(name)
    job = importlib.import_module(f"{package_of(name)}.run")
    paths = {key: Path(path) for key, path in files.items()}
    if not kind.reads_activations:
        del paths["activations"]
    with tempfile.TemporaryDirectory() as folder:
        job.run_network(params=kind.read(section), numerics=Numerics(), output=Path(folder), **paths)


if __name__ == "__main__":
    main()
