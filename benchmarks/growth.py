"""How time grows with images, filters, classes, layers and pixels: `python benchmarks/growth.py [--quick]`.

Each measure of `probecore`, on chains of L convolutions of F filters each (3 x 3, ReLU) and a linear layer behind the
mean of their maps, with random weights; N random images of D pixels in K classes in each split. One of the five grows
at a time, the others stay. Options are small and the same at all sizes. Processor seconds of one call on one thread
(`--device cuda`: seconds on the wall), the least of the rounds, after one call that is not counted. The exponent is the
slope of a line through logarithms of the three times; what does not grow makes it smaller. `of the algorithm` is the
exponent of the term of the work that grows fastest, by counting:

- N: pairwise bounds of information take all pairs of images; all else is a sum over images. `mean_dimension`
  takes 300 base points by default, so that its time stops growing there.
- F: a layer has F² kernels, which every forward pass reads. Relations of `anova` take products of weights and taps for
  each filter, `mechanism` and `recos` run the network once for each filter, with F² kernels: three.
- K: `mechanism` has a field for each pair of classes.
- L: `mechanism` runs what follows each layer, `recos` the network without the mean of each layer's filters: two.
- D: `mean_dimension` exchanges each pixel, and runs a network of as many pixels for each: two.

Writes benchmarks/results/growth.csv.
"""

from benchmarks.command import add_device, clock, command, named, show, written
from probecore.determinism import Numerics, configure

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--only", help="one measure; rows of the others stay")
    parser.add_argument("--rounds", type=int, default=2)
    add_device(parser)
    OPTIONS = parser.parse_args()
    configure(Numerics())

import argparse
import sys
from typing import Any

import numpy as np
import torch
from torch import nn

import probecore as pc

BASE = {"N": 200, "F": 16, "K": 4, "L": 3, "D": 144}
GROWING = {"N": (200, 400, 800), "F": (16, 32, 64), "K": (4, 8, 16), "L": (3, 6, 12), "D": (144, 256, 576)}
"""The base comes first; D are squares."""

MEASURES: dict[str, dict[str, Any]] = {
    "anova": {"permutations": 19},
    "mutual_information": {"shuffles": 19, "layer_shuffles": 19, "redundancy": None, "ablation": None},
    "mechanism": {
        "heads": {"epochs": 2, "batch": 50, "augmentation": None},
        "sweep": [],
        "bootstrap": 20,
        "permutations": 20,
        "pruning": None,
    },
    "recos": {"resamples": 19, "sphere": {"patches": 400, "directions": 20}},
    "mean_dimension": {
        "bases": ["pixels"],
        "features": None,
        "layers": None,
        "companions": None,
        "deletion": None,
    },
}
ALGORITHM = {
    "anova": {"N": 1, "F": 3, "K": 1, "L": 1, "D": 1},
    "mutual_information": {"N": 2, "F": 2, "K": 1, "L": 1, "D": 1},
    "mechanism": {"N": 1, "F": 3, "K": 2, "L": 2, "D": 1},
    "recos": {"N": 1, "F": 3, "K": 1, "L": 2, "D": 1},
    "mean_dimension": {"N": 1, "F": 2, "K": 1, "L": 1, "D": 2},
}
"""The exponents by counting."""


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    rounds, rows, table = 1 if options.quick else options.rounds, [], named("growth", options.device)
    for measure in [options.only] if options.only else MEASURES:
        seconds(measure, BASE, options.device)
        for grows, sizes in GROWING.items():
            times = [least(measure, BASE | {grows: size}, options.device, rounds) for size in sizes]
            slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
            rows.append(
                {
                    "measure": measure,
                    "grows": grows,
                    "sizes": " ".join(map(str, sizes)),
                    "seconds": " ".join(f"{each:.2f}" for each in times),
                    "exponent": f"{slope:.2f}",
                    "of the algorithm": ALGORITHM[measure][grows],
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
    others = written(table, without={"measure": options.only}) if options.only else []
    show(table, [*others, *rows], quick=options.quick)


def least(measure: str, sizes: dict[str, int], device: str, rounds: int) -> float:
    return min(seconds(measure, sizes, device) for _ in range(rounds))


def seconds(measure: str, sizes: dict[str, int], device: str) -> float:
    """Seconds of one call."""
    n, side = sizes["N"], round(sizes["D"] ** 0.5)
    network = chain(sizes["F"], sizes["K"], sizes["L"]).to(device)
    images = np.random.default_rng(0).integers(0, 256, (2 * n, 1, side, side), dtype=np.uint8)
    labels = np.arange(2 * n) % sizes["K"]
    given = {"train_images": images[n:], "train_labels": labels[n:], "normalise": {"mean": 0.5}}
    started = clock(device)
    getattr(pc, f"measure_{measure}")(network, images[:n], labels[:n], **given, **MEASURES[measure])
    return clock(device) - started


def chain(filters: int, classes: int, layers: int) -> nn.Sequential:
    """Convolutions with ReLU, one after the other, a mean over places and a linear layer."""
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for index in range(layers):
        parts += [nn.Conv2d(filters if index else 1, filters, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(filters, classes)).eval()


if __name__ == "__main__":
    main(OPTIONS)
