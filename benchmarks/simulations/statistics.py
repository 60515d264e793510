"""The functions of `probecore.statistics` that more than one measure calls."""

from collections.abc import Callable

import numpy as np

from benchmarks.simulations import Repeat, Simulation
from probecore.statistics import (
    bca_interval,
    bootstrap_counts,
    mean_estimates,
    paired_difference,
    permutation_p,
    ratio_interval,
    spearman,
    wilson_interval,
)

Draw = Callable[[np.random.Generator], Repeat]


def proportion(truth: float, n: int) -> Draw:
    def repeat(rng: np.random.Generator) -> Repeat:
        successes = rng.binomial(n, truth, size=20)
        low, high = np.array([wilson_interval(int(count), n) for count in successes]).T
        return Repeat(truth=truth, value=successes / n, low=low, high=high)

    return repeat


def changes(gained: float, lost: float, n: int) -> Draw:
    def repeat(rng: np.random.Generator) -> Repeat:
        kinds = rng.choice(3, p=[gained, lost, 1 - gained - lost], size=(10, n))
        found = [paired_difference(kind != 0, kind != 1) for kind in kinds]
        columns = {name: np.array([getattr(each, name) for each in found]) for name in ("value", "low", "high")}
        p = np.array([each.p for each in found]) if gained == lost else np.nan
        return Repeat(truth=gained - lost, p=p, **columns)

    return repeat


def ranks(correlation: float, n: int, *, ties: bool = False) -> Draw:
    truth = np.nan if ties else 6 / np.pi * np.arcsin(correlation / 2)

    def repeat(rng: np.random.Generator) -> Repeat:
        x, noise = rng.normal(size=(2, n))
        y = correlation * x + np.sqrt(1 - correlation**2) * noise
        found = spearman(np.round(x) if ties else x, y, generator=rng, repeats=199)
        p = found.p if correlation == 0 else np.nan
        return Repeat(truth=0.0 if correlation == 0 else truth, value=found.value, low=found.low, high=found.high, p=p)

    return repeat


def rare_losses(rng: np.random.Generator) -> Repeat:
    """A fifth of 400 images change, by lognormal amounts; the mean is 0."""
    changed = rng.random((400, 20)) < 0.2
    values = changed * rng.choice([-1, 1], (400, 20)) * rng.lognormal(0, 1, (400, 20))
    return of_estimates(values, truth=0.0, rng=rng)


def skewed_losses(rng: np.random.Generator) -> Repeat:
    """All of 400 images change, by lognormal amounts about their mean."""
    values = rng.lognormal(0, 1, (400, 20)) - np.exp(0.5)
    return of_estimates(values, truth=0.0, rng=rng)


def of_estimates(values: np.ndarray, *, truth: float, rng: np.random.Generator) -> Repeat:
    found = mean_estimates(values, bootstrap_counts(len(values), 999, rng))
    columns = {name: np.array([getattr(each, name) for each in found]) for name in ("value", "low", "high", "p")}
    return Repeat(truth=truth, **columns)


def ratio(rng: np.random.Generator) -> Repeat:
    """Sums of skewed, dependent parts over 200 images."""
    positive = rng.gamma(1.0, size=(200, 5))
    negative = 0.3 * positive * rng.gamma(0.5, 2, size=(200, 5))
    value, low, high = ratio_interval(negative, positive + negative, bootstrap_counts(200, 999, rng))
    return Repeat(truth=0.3 / 1.3, value=value, low=low, high=high)


def variance_by_bca(rng: np.random.Generator) -> Repeat:
    """The standard deviation of 200 normal values."""
    sample = rng.normal(size=200)
    counts = bootstrap_counts(200, 999, rng)
    replicates = np.sqrt(counts @ sample**2 / 200 - (counts @ sample / 200) ** 2)
    without = np.array([np.delete(sample, i).std() for i in range(200)])
    low, high = bca_interval(sample.std(), replicates, without)
    return Repeat(truth=1.0, value=sample.std(), low=low, high=high)


def permuted(rng: np.random.Generator) -> Repeat:
    """A difference of means of heavy-tailed values under 99 permutations."""
    values = rng.standard_t(3, size=40)
    orders = np.argsort(rng.random((99, 40)), axis=1)
    null = values[orders][:, :20].mean(axis=1) - values[orders][:, 20:].mean(axis=1)
    observed = values[:20].mean() - values[20:].mean()
    return Repeat(p=permutation_p(observed, null, tail="two-sided"))


def simulation(name: str, function: str, n: int, repeat: Draw, *, slow: bool = False) -> Simulation:
    repeats, quick = (400, 20) if slow else (1000, 60)
    return Simulation(
        name=name, covers=(f"statistics:{function}",), n=n, repeat=repeat, repeats=repeats, quick_repeats=quick
    )


SIMULATIONS = [
    *(
        simulation(f"proportion {truth} of {n}", "wilson_interval", n, proportion(truth, n))
        for truth, n in ((0.995, 200), (0.98, 1000), (0.5, 50))
    ),
    *(
        simulation(f"changes of {n}, {gained} gained and {lost} lost", "paired_difference", n, changes(gained, lost, n))
        for gained, lost, n in ((0.05, 0.02, 200), (0.03, 0.03, 200), (0.002, 0.002, 1000))
    ),
    *(
        simulation(
            f"Spearman {correlation} of {n}{' with ties' * ties}", "spearman", n, ranks(correlation, n, ties=ties)
        )
        for correlation, n, ties in (
            (0.0, 8, False),
            (0.0, 16, True),
            (0.6, 8, False),
            (0.9, 16, False),
            (0.6, 84, False),
        )
    ),
    simulation("mean of rare losses", "mean_estimates", 400, rare_losses, slow=True),
    simulation("mean of skewed losses", "mean_estimates", 400, skewed_losses, slow=True),
    simulation("ratio of sums", "ratio_interval", 200, ratio),
    simulation("standard deviation by BCa", "bca_interval", 200, variance_by_bca),
    simulation("permuted groups", "permutation_p", 40, permuted),
]
