"""Simulations for mutual information: units, layers, pairs and choices whose information is known.

Where the truth is a mean of the estimator at that N (pairwise bounds, the probe), it is the mean over many samples.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.simulations import AUDITED, Repeat, Simulation
from probecore.measures.mutual_information import (
    MutualInformation,
    choice_order,
    gaussian,
    kolchinsky_tracey,
    label_information,
    pair_information,
    probe_bound,
)
from probecore.measures.mutual_information.discrete import class_information, equal_bins, unit_entropies
from probecore.measures.mutual_information.plane import Point, contrast_rows, convergence_rows, layer_points
from probecore.statistics import permutation_p, share_of, spearman

CLASSES = 10
N = 1000
MEANS = np.linspace(-1.5, 1.5, CLASSES)
LABELS = np.arange(N) % CLASSES
SIGMA2 = 0.1
SMALL, LAYER = 300, 600
"""Images of a layer."""


def known_units(rng: np.random.Generator, *, spread: float, cut: bool, images: int = N) -> Repeat:
    """I(T;Y) of 20 units, normal around class means or those rectified."""
    labels = np.arange(images) % CLASSES
    values = spread * MEANS[labels][:, None] - 0.3 * cut + rng.normal(size=(images, 20))
    values = np.maximum(values, 0) if cut else values
    found = label_information(values, labels, repeats=1, generator=rng)
    return Repeat(truth_of_unit(spread, cut), found.value, found.low, found.high)


def ignorant_units(rng: np.random.Generator) -> Repeat:
    """The p-value of one rectified unit that knows nothing."""
    labels = np.arange(500) % CLASSES
    values = np.maximum(rng.normal(size=(500, 1)), 0)
    found = label_information(values, labels, repeats=39, generator=rng)
    return Repeat(truth=0.0, value=found.value, p=found.p)


@cache
def truth_of_unit(spread: float, cut: bool) -> float:
    """I(T;Y) by quadrature."""
    means = spread * MEANS - 0.3 * cut
    x = np.linspace(1e-9 if cut else -14, 14, 20001)
    density = norm.pdf(x[:, None], means, 1)
    ratio = np.log(np.maximum(density, 1e-300) / np.maximum(density.mean(axis=1, keepdims=True), 1e-300))
    smooth = np.trapezoid(density * ratio, x, axis=0)
    zero = norm.cdf(-means)
    return float((smooth + (zero * np.log(zero / zero.mean()) if cut else 0)).mean())


def entropies(rng: np.random.Generator) -> Repeat:
    """Entropy of binned units; the layer's range is held by a unit that reaches both its ends."""
    values = rng.beta(2, 5, size=(N, 10))
    values[:2, 0] = 0, 1
    value, low, high = unit_entropies(equal_bins(values, 30))
    shares = np.diff(_beta_25(np.linspace(0, 1, 31)))
    truth = -(shares * np.log(np.maximum(shares, 1e-300))).sum()
    return Repeat(truth, value[1:], low[1:], high[1:])


def _beta_25(x: np.ndarray) -> np.ndarray:
    from scipy.stats import beta

    return np.asarray(beta.cdf(x, 2, 5))


def one_class(rng: np.random.Generator) -> Repeat:
    """The p-values of one unit that knows nothing of any class; that of class 3."""
    values = rng.normal(size=(500, 1))
    labels = np.arange(500) % CLASSES
    shuffled = np.stack([rng.permutation(labels) for _ in range(39)])
    value = class_information(values, labels, classes=CLASSES)
    p = permutation_p(value, class_information(values, shuffled, classes=CLASSES))
    return Repeat(truth=0.0, value=value[0, 3], p=p[0, 3])


def layer(rng: np.random.Generator, *, spread: float = 1.2, n: int = LAYER) -> tuple[np.ndarray, np.ndarray]:
    """A layer of 6 units in ten classes, of total variance near 1, and its labels."""
    labels = np.arange(n) % CLASSES
    centres = np.random.default_rng(0).normal(size=(CLASSES, 6)) * spread
    return (centres[labels] + rng.normal(size=(n, 6))) / np.sqrt(6 * (1 + spread**2)), labels


Estimator = Callable[[np.ndarray, np.ndarray], MutualInformation]
Movement = Callable[[np.random.Generator, Any, int], tuple[float, float, float]]


def pairwise(bound: int, *, of_label: bool) -> Estimator:
    """The lower bound (0) or the upper one (1)."""
    return lambda vector, labels: kolchinsky_tracey(vector, labels if of_label else None, noise_variance=SIGMA2)[bound]


ESTIMATORS: dict[tuple[str, str], Estimator] = {
    ("input", "lower"): pairwise(0, of_label=False),
    ("input", "upper"): pairwise(1, of_label=False),
    ("label", "lower"): pairwise(0, of_label=True),
    ("label", "upper"): pairwise(1, of_label=True),
    ("label", "probe"): probe_bound,
}
"""By quantity and name."""


@cache
def mean_estimate(estimator: Estimator, n: int) -> float:
    """Mean of an estimate over 150 samples."""
    rng = np.random.default_rng(1)
    return float(np.mean([estimator(*layer(rng, n=n)).value for _ in range(150)]))


def plane(rng: np.random.Generator, *, estimator: Estimator, images: int) -> Repeat:
    """An estimate of a layer, whose truth is its mean at that N."""
    found = estimator(*layer(rng, n=images))
    return Repeat(mean_estimate(estimator, images), found.value, *found.interval)


def plane_of_ignorance(rng: np.random.Generator) -> Repeat:
    """The p-value of a layer that knows nothing, upper pairwise estimate."""
    vector, labels = rng.normal(size=(100, 3)) / np.sqrt(3), np.arange(100) % 4
    found = layer_points(vector, labels, noise_variances=[SIGMA2], bins=5, repeats=19, generator=rng)
    upper = next(one for one in found if one.estimator.endswith("upper") and one.quantity == "label")
    return Repeat(p=upper.estimate.p)


def moved(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A layer before and after training, on the same images with part of their noise in common, and the labels."""
    vector, labels = layer(rng, spread=0.6, n=n)
    return vector, 0.4 * vector + 0.8 * layer(rng, spread=1.2, n=n)[0], labels


def changed(rng: np.random.Generator, estimator: Estimator, n: int) -> tuple[float, float, float]:
    """How an estimate changes, with its interval."""
    before, after, labels = moved(rng, n)
    name = "probe_bound" if estimator is probe_bound else ""
    points = ([Point(name, 0.0, "", True, estimator(vector, labels))] for vector in (before, after))
    (row,) = contrast_rows(*points)
    return row["value"], row["low"], row["high"]


def approached(rng: np.random.Generator, column: str, n: int) -> tuple[float, float, float]:
    """A column of the second row of the convergence, with its interval."""
    before, after, labels = moved(rng, n)
    points = {
        epoch: [
            Point("kolchinsky_tracey_upper", SIGMA2, quantity, True, ESTIMATORS[quantity, "upper"](vector, labels))
            for quantity in ("input", "label")
        ]
        for epoch, vector in enumerate((before, after))
    }
    row = list(convergence_rows(points, ceiling=np.log(CLASSES), accuracy={0: 0.0, 1: 0.0}))[1]
    return row[column], row[f"{column}_low"], row[f"{column}_high"]


@cache
def mean_movement(kind: Movement, what: Estimator | str, n: int) -> float:
    """Its mean over 150 samples."""
    rng = np.random.default_rng(2)
    return float(np.mean([kind(rng, what, n)[0] for _ in range(150)]))


def movement(rng: np.random.Generator, *, kind: Movement, what: Estimator | str, images: int) -> Repeat:
    """A change, or an approach to the bound, whose truth is its mean at that N."""
    return Repeat(mean_movement(kind, what, images), *kind(rng, what, images))


def pairs(rng: np.random.Generator, *, kind: str) -> Repeat:
    """Redundancy of one pair of each of two layers, whose units are independent given the label."""
    signal = {
        "ignorant": np.zeros((N, 2)),
        "one": np.stack([MEANS[LABELS], np.zeros(N)], axis=1),
        "halves": np.stack([2.0 * (LABELS % 2), LABELS // 2], axis=1),
        "both": np.stack([MEANS[LABELS]] * 2, axis=1),
    }[kind]
    found = pair_information(signal + rng.normal(size=(N, 2)), LABELS, bins=4, shuffles=39, generator=rng)
    truth = 0.1142 if kind == "both" else 0.0
    return Repeat(truth, found.redundancy[0, 1], found.low[0, 1], found.high[0, 1], found.p[0, 1])


def called_synergetic(rng: np.random.Generator) -> Repeat:
    """The p of a pair that is called synergetic where its interval lies below 0, and 1 of one that is not; truth 0."""
    signal = np.stack([2.0 * (LABELS % 2), LABELS // 2], axis=1)
    found = pair_information(signal + rng.normal(size=(N, 2)), LABELS, bins=4, shuffles=39, generator=rng)
    return Repeat(p=found.p[0, 1] if found.high[0, 1] < 0 else 1.0)


def shared(rng: np.random.Generator) -> Repeat:
    """The G-test of two independent units."""
    found = pair_information(rng.normal(size=(N, 2)), LABELS, bins=4, shuffles=0, generator=rng)
    return Repeat(truth=0.0, value=found.shared[0, 1], p=found.shared_p[0, 1])


def choice(rng: np.random.Generator, *, informed: int) -> Repeat:
    """The first of eight units that know nothing, after some that know much."""
    values, labels = rng.normal(size=(400, 8)), np.arange(400) % 4
    values[:, :informed] += labels[:, None]
    found = choice_order(pair_information(values, labels, bins=4, shuffles=39, generator=rng))
    return Repeat(p=found.p[informed])


def orders(rng: np.random.Generator, *, rho: float) -> Repeat:
    """Spearman's correlation of 16 units at two checkpoints."""
    z = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 16)
    found = spearman(z[:, 0], z[:, 1], generator=rng, repeats=199)
    return Repeat(6 / np.pi * np.arcsin(rho / 2), found.value, found.low, found.high, np.nan if rho else found.p)


def between_layers(rng: np.random.Generator, *, rho: float) -> Repeat:
    """Gaussian information of two layers, of components whose variances fall, with noise."""
    scales = np.sqrt(0.4 ** np.arange(6))
    first = rng.normal(size=(N if rho else 200, 6))
    second = rho * first + np.sqrt(1 - rho**2) * rng.normal(size=first.shape)
    repeats = 0 if rho else 19
    found = gaussian(first * scales, second * scales, noise_variance=SIGMA2, repeats=repeats, generator=rng)
    ratio = rho * scales**2 / (scales**2 + SIGMA2)
    return Repeat(-np.log(1 - ratio**2).sum() / 2, found.value, *found.interval, np.nan if rho else found.p)


def shares(rng: np.random.Generator) -> Repeat:
    """Accuracies between those of chance and of a good network, 500 images."""
    truth = np.array([0.1, 0.4, 0.8, 0.97])
    found = [share_of(int(rng.binomial(500, one)), 500, name="accuracy") for one in truth]
    return Repeat(truth, *(np.array([one[name] for one in found]) for name in ("accuracy", "low", "high")))


def _simulation(
    name: str,
    covers: str,
    n: int,
    repeat: object,
    repeats: int = 400,
    *,
    printed: bool = True,
    **settings: object,
) -> Simulation:
    def run(rng: np.random.Generator) -> Repeat:
        return repeat(rng, **settings)  # type: ignore[operator]

    return Simulation(name=name, covers=(covers,), n=n, repeat=run, repeats=repeats, printed=printed)


INFORMATION, PAIR = "filters.csv:label_information", "pairs.csv:redundancy"

SIMULATIONS = [
    *(
        _simulation(
            f"unit, spread {spread:g}{', rectified' * cut}",
            INFORMATION,
            n,
            known_units,
            200,
            spread=spread,
            cut=cut,
            images=n,
        )
        for spread, cut, n in (
            (0.0, False, N),
            (1.0, False, N),
            (1.0, True, N),
            (1.0, True, 500),
            (0.0, True, N),
            (3.0, False, N),
        )
    ),
    _simulation("unit that knows nothing, rectified", INFORMATION, 500, ignorant_units),
    _simulation("entropy of a binned unit", "filters.csv:input_information", N, entropies, 200),
    _simulation("unit that knows nothing of a class", "classes.csv:value", 500, one_class),
    *(
        _simulation(
            f"layer, {quantity}, {name}",
            f"plane.csv:{quantity}",
            n,
            plane,
            1000 if name == "probe" else 200,
            estimator=estimator,
            images=n,
        )
        for (quantity, name), estimator in ESTIMATORS.items()
        for n in (SMALL, LAYER)
    ),
    _simulation("layer that knows nothing", "plane.csv:label", 100, plane_of_ignorance),
    *(
        _simulation(
            f"change of a layer, {quantity}, {name}",
            f"contrasts.csv:{quantity}",
            n,
            movement,
            200,
            printed=estimator is not probe_bound,
            kind=changed,
            what=estimator,
            images=n,
        )
        for (quantity, name), estimator in ESTIMATORS.items()
        for n in (SMALL, LAYER)
    ),
    *(
        _simulation(column, f"convergence.csv:{column}", n, movement, 200, kind=approached, what=column, images=n)
        for column in ("distance", "drift")
        for n in (SMALL, LAYER)
    ),
    *(_simulation(f"pair, {kind}", PAIR, N, pairs, 1000, kind=kind) for kind in ("ignorant", "one", "halves", "both")),
    _simulation("pair called synergetic, truth 0", PAIR, N, called_synergetic, 1000),
    _simulation("independent units", "pairs.csv:shared", N, shared),
    *(
        _simulation(f"unit that knows nothing, place {informed + 1}", "choice.csv:gain", 400, choice, informed=informed)
        for informed in (0, 1, 2, 3)
    ),
    *(_simulation(f"orders, ρ {rho:g}", "orders.csv:value", 16, orders, rho=rho) for rho in (0.0, 0.5, 0.8)),
    *(
        _simulation(f"layers, ρ {rho:g}", "layers.csv:value", N if rho else 200, between_layers, rho=rho)
        for rho in (0.0, 0.5, 0.9)
    ),
    _simulation("accuracy after removal", "ablation.csv:accuracy", 500, shares),
    _simulation("accuracy of networks trained anew", "design.csv:accuracy", 500, shares),
]

EXEMPT = [AUDITED]
