"""How fast this machine is at the kinds of work that steps are made of, measured once and kept in the user's cache."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from probecore.dataset.obtain import default_cache
from probecore.files import write_json
from probecore.fingerprint.machine import processor
from probecore.models.build import build_model
from probecore.models.layers import list_layers
from probecore.models.params import ModelParams
from probecore.planning.work import Work
from probecore.progress import say

FILE = "speed.json"

ROUNDS = 5

SHAPE, IMAGES = (3, 64, 64), 8
"""What is run."""


@dataclass(frozen=True)
class Speed:
    """What one thread does in a processor second."""

    multiply_adds: float
    numbers: float
    calls: float

    def seconds(self, work: Work) -> float:
        """Processor seconds of work on one thread."""
        return work.multiply_adds / self.multiply_adds + work.numbers / self.numbers + work.calls / self.calls


def speed_of_this_machine(cache: Path | None = None) -> Speed:
    """The speed that was measured before on this processor with this torch; else it is measured, in some seconds."""
    path = (cache or default_cache()) / FILE
    key = f"{processor()}; torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
    known = _known(path)
    if key not in known:
        say("measuring how fast this machine is, once")
        known[key] = asdict(measure_speed())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, known)
    return Speed(**known[key])


def _known(path: Path) -> dict[str, dict[str, float]]:
    """What is kept; nothing where the file is missing or of another form."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: asdict(Speed(**values)) for key, values in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


@torch.no_grad()
def measure_speed() -> Speed:
    """Time a ResNet-18, passes over numbers, and calls of small modules, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = build_model(ModelParams(name="resnet18"), input_shape=SHAPE, outputs=10).eval()
        multiply_adds = sum(layer.macs for layer in list_layers(network, SHAPE))
        images = torch.ones(IMAGES, *SHAPE)
        values, order = np.random.default_rng(0).random(1 << 20), np.random.default_rng(1).permutation(1 << 20)
        small, point = nn.Conv2d(4, 4, 3, padding=1), torch.ones(1, 4, 8, 8)
        return Speed(
            multiply_adds=IMAGES * multiply_adds / _quickest(lambda: network(images)),
            numbers=values.size / _quickest(lambda: values[order].sum()),
            calls=100 / _quickest(lambda: [small(point) for _ in range(100)]),
        )
    finally:
        torch.set_num_threads(threads)


def _quickest(run: Callable[[], object]) -> float:
    """Processor seconds of the quickest of some runs, which others on the machine disturb least."""
    run()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return max(min(times), 1e-6)
