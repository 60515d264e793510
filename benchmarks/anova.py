"""ANOVA tables and streamed excitations against what one would write: `python benchmarks/anova.py`.

Side by side in one process, interleaved, one thread, the instruction set of studies; medians over rounds of CPU times
and of the ratios within a round.

- tables: one-way ANOVA of each filter of a layer with 512 filters of 64 x 3 x 3 taps over five quantile bins, in one
  call of `one_way_anova`; against a loop over SciPy's `f_oneway`, given the groups ready cut, and over statsmodels (a
  formula and `anova_lm`; timed on 16 filters and scaled up). Largest differences of F and p, relative, beside.
- excitations: `dump_activations` that keeps nothing but the excitation sums of all conv layers (and logits), one probe
  dilation; against the same forward passes alone, in PyTorch's usual memory format. The dump runs them channels
  last, which has a row of its own. LeNet-5 on real MNIST images, sibling CNN on the same.
"""

from benchmarks.command import command, show
from probecore.determinism import Numerics, configure

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    OPTIONS = parser.parse_args()
    configure(Numerics())

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
import torch
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from torch import nn

from probecore.activations import create_activations, create_epoch, dump_activations
from probecore.activations.params import ExcitationParams
from probecore.dataset.embedded import mnist5k
from probecore.measures.anova.groups import one_way_anova
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.models.tracing import evaluating
from probecore.statistics.binning import quantile_bins

FILTERS, TAPS, BINS = 512, 576, 5
SCALED = 16
BATCH = 256

Row = dict[str, Any]


def main(options: argparse.Namespace) -> None:
    rounds = 1 if options.quick else options.rounds
    torch.set_num_threads(1)
    rows = tables(rounds)
    digits = mnist5k()
    images = np.concatenate([digits.train.inputs, digits.test.inputs] * 2)
    labels = np.concatenate([digits.train.targets, digits.test.targets] * 2)
    rows += excitations(ModelParams(name="lenet5"), images, labels, rounds)
    if not options.quick:
        rows += excitations(ModelParams(name="sibling_cnn"), images[:1000], labels[:1000], rounds)
    show("anova", rows, quick=options.quick)


def tables(rounds: int) -> list[Row]:
    rng = np.random.default_rng(0)
    excitations = rng.normal(size=(FILTERS, TAPS))
    weights = 0.1 * excitations + rng.normal(size=excitations.shape)
    groups = quantile_bins(excitations, BINS, axis=1)
    cut = [[row[of == index] for index in range(BINS)] for row, of in zip(weights, groups, strict=True)]

    def loop() -> np.ndarray:
        return np.array([scipy.stats.f_oneway(*parts) for parts in cut])

    def with_statsmodels() -> np.ndarray:
        found = []
        for row, of in zip(weights[:SCALED], groups, strict=False):
            table = anova_lm(ols("weight ~ C(bin)", pd.DataFrame({"weight": row, "bin": of})).fit())
            found.append(table.loc["C(bin)", ["F", "PR(>F)"]].to_numpy(dtype=float))
        return np.array(found)

    runs = {"one_way_anova": lambda: one_way_anova(weights, groups), "f_oneway": loop, "statsmodels": with_statsmodels}
    seconds, results = race(runs, rounds)
    seconds["statsmodels"] = [FILTERS / SCALED * time_ for time_ in seconds["statsmodels"]]
    ours = np.stack([results["one_way_anova"].f, results["one_way_anova"].p], axis=1)
    rows = []
    for name, times in seconds.items():
        theirs = ours if name == "one_way_anova" else results[name]
        difference = np.abs(ours[: len(theirs)] / theirs - 1).max()
        rows.append(row_of("tables", name, times, seconds["one_way_anova"], f"{difference:.1e}"))
    return rows


def excitations(params: ModelParams, images: np.ndarray, labels: np.ndarray, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    model = build_model(params, input_shape=images.shape[1:], outputs=10)
    pooled = ExcitationParams(layers=["conv*"], dilations=[1], by_class=False, covariance_images=0)
    by_class = ExcitationParams(layers=["conv*"], dilations=[1], covariance_images=0)
    four = ExcitationParams(layers=["conv*"], covariance_images=0)
    runs: dict[str, Callable[[], Any]] = {
        "forward": lambda: forward(model, images),
        "forward, channels last": lambda: forward(model, images, torch.channels_last),
        "logits alone": lambda: streamed(model, images, labels, None),
        "excitations": lambda: streamed(model, images, labels, pooled),
        "excitations by class": lambda: streamed(model, images, labels, by_class),
        "excitations by class, 4 dilations": lambda: streamed(model, images, labels, four),
    }
    seconds, _ = race(runs, rounds)
    part = f"{params.name}, {len(images)} images"
    return [row_of(part, name, times, seconds["forward"]) for name, times in seconds.items()]


def streamed(model: nn.Module, images: np.ndarray, labels: np.ndarray, params: ExcitationParams | None) -> None:
    with (
        tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".anova-") as folder,
        create_activations(Path(folder) / "file", model="benchmark", data_sha256="") as file,
    ):
        dump_activations(
            model,
            images,
            labels,
            group=create_epoch(file, 0, checkpoint_sha256="").create_group("test"),
            classes=10,
            normalise=normalise,
            store=(),
            excitations=params,
            batch=BATCH,
        )


def forward(model: nn.Module, images: np.ndarray, memory_format: torch.memory_format = torch.preserve_format) -> None:
    with evaluating(model):
        for start in range(0, len(images), BATCH):
            model(normalise(images[start : start + BATCH]).to(memory_format=memory_format))


def normalise(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).float().sub_(127.5).div_(255)


def race(runs: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """CPU seconds of each run by round, without the first, and what each returned."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    results = {}
    for round_ in range(rounds + 1):
        for name, run in runs.items():
            start = time.process_time()
            results[name] = run()
            if round_:
                seconds[name].append(time.process_time() - start)
    return seconds, results


def row_of(part: str, name: str, times: list[float], reference: list[float], difference: str = "") -> Row:
    row = {
        "part": part,
        "variant": name,
        "cpu_seconds": f"{statistics.median(times):.4f}",
        "speed_of_reference": f"{statistics.median(b / a for a, b in zip(times, reference, strict=True)):.3g}",
        "times_as_long": f"{statistics.median(a / b for a, b in zip(times, reference, strict=True)):.3g}",
        "relative_difference": difference,
        "torch_threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
    }
    print("  ".join(f"{value!s:>20}" for value in row.values()))
    return row


if __name__ == "__main__":
    main(OPTIONS)
