"""Intervals and p-values of the mechanism's tables, on fields of single images whose class means are known.

What an interval of a count has to hold is what samples of as many images give on average, which is here the mean over
2,000 samples: see `probecore.measures.mechanism.estimates`.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.stats import binom

from benchmarks.simulations import AUDITED, Repeat, Simulation
from benchmarks.simulations.statistics import changes, rare_losses, skewed_losses
from probecore.measures.mechanism.estimates import COUNTS, Quantities, estimates, of_fields, of_winners, within_range
from probecore.measures.mechanism.probe import QUALITIES
from probecore.measures.mechanism.readout import Replicates, as_they_are, bootstrap, permutation, ranking_half
from probecore.measures.mechanism.replication import SWEPT
from probecore.measures.mechanism.winners import favourites
from probecore.statistics import share_of, spearman

LABELS, FILTERS, PER_LABEL, NOISE, THRESHOLD, REPLICATES = 4, 24, 25, 2.0, 0.3, 100
TRUE_LABELS = np.repeat(np.arange(LABELS), PER_LABEL)

FILTER_QUANTITIES = (*COUNTS, "strength")
WINNERS = ("single_accuracy", "winner_constancy")
LAYER_QUANTITIES = (
    "clusters", "clusters_all", "cluster_size", "labels", "labels_all", "noise", "noise_all", "column_noise",
    "column_noise_all", "row_noise", "row_noise_all", "other_noise", "other_noise_all", "clusterless", "dead", "signal",
    "background", "snr", "column_snr", "z_snr", "row_winners",
)  # fmt: skip

Draw = Callable[[np.random.Generator], Repeat]


@cache
def class_means() -> np.ndarray:
    """Fields (K, F, K) of an average image of each label: filters that know some labels."""
    rng = np.random.default_rng(20260101)
    known = np.eye(LABELS)[:, None] * (rng.random((FILTERS, LABELS)) < 0.4)
    return known + rng.normal(scale=0.4, size=(LABELS, FILTERS, LABELS))


def sample(rng: np.random.Generator, *, informed: bool = True) -> np.ndarray:
    """Fields of single images, (N, F, K)."""
    means = class_means()[TRUE_LABELS] if informed else class_means()[:1]
    return means + NOISE * rng.normal(size=(len(TRUE_LABELS), FILTERS, LABELS))


def quantities(fields: np.ndarray, replicates: Replicates) -> tuple[Quantities, Quantities]:
    """Of filters (R, F) and of the layer (R,), from single images as the product reads them."""
    one, together = of_fields(rates(fields, replicates), THRESHOLD)
    winner, winners_together = of_winners(rates(np.eye(LABELS)[fields.argmax(axis=2)], replicates))
    return one | winner, together | winners_together


@cache
def truths() -> tuple[Quantities, Quantities]:
    """Means over samples of as many images."""
    rng = np.random.default_rng(7)
    plain = as_they_are(TRUE_LABELS, classes=LABELS)
    drawn = [quantities(sample(rng), plain) for _ in range(2000)]
    return tuple(
        {name: np.nanmean([each[level][name][0] for each in drawn], axis=0) for name in drawn[0][level]}
        for level in (0, 1)
    )


def intervals(level: int, names: tuple[str, ...]) -> Draw:
    def repeat(rng: np.random.Generator) -> Repeat:
        fields, plain = sample(rng), as_they_are(TRUE_LABELS, classes=LABELS)
        replicates = bootstrap(TRUE_LABELS, classes=LABELS, repeats=REPLICATES, generator=rng)
        observed, drawn = quantities(fields, plain)[level], quantities(fields, replicates)[level]
        found = [within_range(name, estimates(observed[name][0], drawn[name], drawn[name])) for name in names]
        columns = {end: np.stack([each[end] for each in found]) for end in ("value", "low", "high")}
        return Repeat(truth=np.stack([truths()[level][name] for name in names]), **columns)

    return repeat


@cache
def votes() -> np.ndarray:
    """How often each output is a filter's winner, labels alike, (F, K)."""
    rng = np.random.default_rng(8)
    drawn = [np.eye(LABELS)[sample(rng).argmax(axis=2)].mean(axis=0) for _ in range(2000)]
    return np.asarray(np.mean(drawn, axis=0))


def favourite_share(level: int) -> Draw:
    """One half of the images chooses each filter's favourite, the other judges it."""

    def repeat(rng: np.random.Generator) -> Repeat:
        won = np.eye(LABELS)[sample(rng).argmax(axis=2)]
        ranking = ranking_half(TRUE_LABELS, classes=LABELS)
        both = as_they_are(TRUE_LABELS, classes=LABELS, chosen=np.stack([ranking, ~ranking]))
        drawn = bootstrap(TRUE_LABELS, classes=LABELS, repeats=REPLICATES, generator=rng, chosen=~ranking)
        ranked, judged = rates(won, both)
        favourite = favourites(ranked)
        observed, replicates = (
            of_winners(each, favourite)[level]["winner_share"] for each in (judged, rates(won, drawn))
        )
        found = within_range("winner_share", estimates(observed, replicates, replicates))
        truth = np.take_along_axis(votes(), favourite[:, None], axis=1)[:, 0]
        return Repeat(truth if level == 0 else truth.mean(), found["value"], found["low"], found["high"])

    return repeat


def rates(values: np.ndarray, replicates: Replicates) -> np.ndarray:
    """Means over the images of each label, (R, F, K, K), of what single images give, (N, F, K)."""
    rows = replicates.rows(slice(None), slice(None), classes=LABELS)
    return (rows @ values.reshape(len(values), -1)).reshape(-1, LABELS, FILTERS, LABELS).transpose(0, 2, 1, 3)


def tests(level: int, names: tuple[str, ...]) -> Draw:
    def repeat(rng: np.random.Generator) -> Repeat:
        fields = sample(rng, informed=False)
        null = permutation(TRUE_LABELS, classes=LABELS, repeats=99, generator=rng)
        observed = quantities(fields, as_they_are(TRUE_LABELS, classes=LABELS))[level]
        permuted = quantities(fields, null)[level]
        return Repeat(p=np.stack([estimates(observed[name][0], permuted[name], permuted[name])["p"] for name in names]))

    return repeat


def accuracy(truth: float, n: int) -> Draw:
    """A head that is right as often as chance, where `truth` is the share of the largest class."""

    def repeat(rng: np.random.Generator) -> Repeat:
        right = rng.binomial(n, truth, size=20)
        columns = [share_of(int(count), n) for count in right]
        ends = {name: np.array([each[name] for each in columns]) for name in ("value", "low", "high")}
        return Repeat(truth=truth, p=binom.sf(right - 1, n, truth), **ends)

    return repeat


def qualities_against_importance(correlation: float, filters: int) -> Draw:
    """Sampling noise of both halves in filters whose true quality and importance are correlated as said."""

    def repeat(rng: np.random.Generator) -> Repeat:
        quality, noise = rng.normal(size=(2, filters))
        importance = correlation * quality + np.sqrt(1 - correlation**2) * noise
        found = spearman(quality, importance, generator=rng, repeats=199)
        p = found.p if correlation == 0 else np.nan
        truth = 6 / np.pi * np.arcsin(correlation / 2)
        return Repeat(truth=truth, value=found.value, low=found.low, high=found.high, p=p)

    return repeat


def named(table: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{table}:{name}" for name in names)


N = len(TRUE_LABELS)
LAYER_TABLES = (*named("layers.csv", (*LAYER_QUANTITIES, *WINNERS)), *named("sweep.csv", SWEPT))
ACCURACIES = ("layers.csv:accuracy", "layers.csv:network_accuracy", "pruning.csv:accuracy")

SIMULATIONS = [
    Simulation(name="counts of a layer", covers=LAYER_TABLES, n=N, repeat=intervals(1, LAYER_QUANTITIES)),
    Simulation(name="winners of a layer", covers=named("layers.csv", WINNERS), n=N, repeat=intervals(1, WINNERS)),
    Simulation(name="counts of filters", covers=named("filters.csv", COUNTS), n=N, repeat=intervals(0, COUNTS)),
    Simulation(name="strength of filters", covers=("filters.csv:strength",), n=N, repeat=intervals(0, ("strength",))),
    Simulation(name="winners of filters", covers=named("filters.csv", WINNERS), n=N, repeat=intervals(0, WINNERS)),
    *(
        Simulation(
            name=f"favourites of {table}",
            covers=(f"{table}.csv:winner_share",),
            n=N // 2,
            repeat=favourite_share(level),
        )
        for level, table in enumerate(("filters", "layers"))
    ),
    Simulation(name="layers without labels", covers=LAYER_TABLES, n=N, repeat=tests(1, LAYER_QUANTITIES)),
    Simulation(
        name="filters without labels",
        covers=named("filters.csv", (*FILTER_QUANTITIES, *WINNERS)),
        n=N,
        repeat=tests(0, (*FILTER_QUANTITIES, *WINNERS)),
    ),
    Simulation(name="a head at chance", covers=ACCURACIES, n=1000, repeat=accuracy(0.12, 1000)),
    Simulation(name="a nearly perfect head", covers=ACCURACIES, n=1000, repeat=accuracy(0.99, 1000)),
    Simulation(
        name="rare losses",
        covers=("filters.csv:loss_increase",),
        n=400,
        repeat=rare_losses,
        repeats=400,
        quick_repeats=20,
    ),
    Simulation(
        name="skewed losses",
        covers=("filters.csv:loss_increase",),
        n=400,
        repeat=skewed_losses,
        repeats=400,
        quick_repeats=20,
    ),
    Simulation(name="changed hits", covers=("filters.csv:accuracy_drop",), n=1000, repeat=changes(0.004, 0.004, 1000)),
    *(
        Simulation(
            name=f"qualities against importance of {filters} filters, {correlation}",
            covers=named("importance.csv", QUALITIES),
            n=filters,
            repeat=qualities_against_importance(correlation, filters),
        )
        for correlation, filters in ((0.0, 16), (0.6, 16), (0.6, 84))
    ),
]

EXEMPT = [AUDITED]
