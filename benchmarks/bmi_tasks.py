"""Estimators of mutual information on tasks of the `bmi` benchmark, truths in closed form.

Run `python benchmarks/bmi_tasks.py [--quick]`.
The tasks are those of Czyż, Grabowski, Vogt, Beerenwinkel and Marx (2023, arXiv 2306.11078), written anew from the
article's formulas: normal variables, Student's t (dependent though uncorrelated), uniform noise, and maps of single
coordinates, which change nothing about the truth and much about distances. N = 1000, ten seeds, nats.
"""

import os

from benchmarks.command import command, show

if __name__ == "__main__":
    OPTIONS = command(__doc__).parse_args()

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")})

import argparse
import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, ndtr, psi

from probecore.measures.mutual_information import gaussian, ksg

N = 1000
Pair = tuple[np.ndarray, np.ndarray]
Draw = Callable[[np.random.Generator], Pair]


def main(options: argparse.Namespace) -> None:
    quick = options.quick
    rows = [measured(name, truth, draw, seeds=2 if quick else 10) for name, truth, draw in tasks()]
    show("bmi_tasks", rows, quick=options.quick)


def measured(name: str, truth: float, draw: Draw, *, seeds: int) -> dict[str, str]:
    """Mean and standard deviation over seeds of each estimator."""
    estimators: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "ksg": lambda x, y: ksg(x, y).value,
        "ksg_normal_scores": lambda x, y: ksg(x, y, scores="normal").value,
        "gaussian": lambda x, y: gaussian(x, y).value,
    }
    pairs = [draw(np.random.default_rng(seed)) for seed in range(seeds)]
    row = {"task": name, "n": str(N), "truth": f"{truth:.3f}"}
    for estimator, estimate in estimators.items():
        found = [estimate(*pair) for pair in pairs]
        row[estimator] = f"{np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}"
    return row


def tasks() -> list[tuple[str, float, Draw]]:
    """Name, truth and sampler of each task."""
    return [
        ("normal 1×1, ρ .75", -math.log(1 - 0.75**2) / 2, normal(1, 0.75)),
        ("normal 3×3, two pairs of ρ .8", -math.log(1 - 0.8**2), pairs_of_normals),
        ("normal 1×1, ρ .75, cubed", -math.log(1 - 0.75**2) / 2, mapped(normal(1, 0.75), lambda v: v**3)),
        ("normal 1×1, ρ .75, made uniform", -math.log(1 - 0.75**2) / 2, mapped(normal(1, 0.75), ndtr)),
        ("normal 1×1, ρ .75, exponential", -math.log(1 - 0.75**2) / 2, mapped(normal(1, 0.75), np.exp)),
        ("uniform noise, ε .1", 0.1 - math.log(0.2), uniform(0.1)),
        ("uniform noise, ε .75", 1 / 3, uniform(0.75)),
        *(
            (f"Student {d}×{d}, ν {freedom}", student_truth(d, freedom), student(d, freedom))
            for d, freedom in ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2))
        ),
        ("Student 1×1, ν 1, asinh", student_truth(1, 1), mapped(student(1, 1), np.arcsinh)),
    ]


def normal(width: int, rho: float) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        x = rng.normal(size=(N, width))
        return x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=(N, width))

    return draw


def pairs_of_normals(rng: np.random.Generator) -> Pair:
    x, y = normal(3, 0.8)(rng)
    y[:, 2] = rng.normal(size=N)
    return x, y


def uniform(half: float) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        x = rng.random(N)
        return x, x + rng.uniform(-half, half, N)

    return draw


def student(width: int, freedom: int) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        both = rng.normal(size=(N, 2 * width)) / np.sqrt(rng.chisquare(freedom, (N, 1)) / freedom)
        return both[:, :width], both[:, width:]

    return draw


def student_truth(width: int, freedom: int) -> float:
    """2 h(d) - h(2d), entropies of the multivariate t with unit dispersion."""

    def entropy(k: int) -> float:
        half = (freedom + k) / 2
        density = -gammaln(half) + gammaln(freedom / 2) + k / 2 * math.log(freedom * math.pi)
        return float(density + half * (psi(half) - psi(freedom / 2)))

    return 2 * entropy(width) - entropy(2 * width)


def mapped(draw: Draw, function: Callable[[np.ndarray], np.ndarray]) -> Draw:
    def again(rng: np.random.Generator) -> Pair:
        x, y = draw(rng)
        return function(x), function(y)

    return again


if __name__ == "__main__":
    main(OPTIONS)
