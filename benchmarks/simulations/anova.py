"""Simulations of the intervals and p-values of `anova`, with its own functions."""

from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter

from benchmarks.simulations import AUDITED, Exempt, Repeat, Simulation
from probecore.measures.anova import LayerModel, matrix_association, two_way_anova
from probecore.measures.anova.diagnostics import assumptions, binned
from probecore.measures.anova.expanded import expanded_match
from probecore.measures.anova.intervals import difference_interval
from probecore.measures.anova.keys import ALPHA, MAIN
from probecore.measures.anova.verdicts import judge
from probecore.statistics.binning import quantile_bins

Array = npt.NDArray[np.float64]
Generator = np.random.Generator

PERMUTATIONS = 199
TAP_CORRELATIONS = ("weight_excitation_r_train", "weight_excitation_r_test", "weight_excitation_r_difference")


def smooth_fields(rng: Generator, count: int, side: int, sigma: float) -> Array:
    """Independent stationary fields (count, side, side) of unit variance, cut out of larger ones."""
    margin = 4 * int(np.ceil(sigma))
    fields = gaussian_filter(rng.normal(size=(count, *[side + 2 * margin] * 2)), (0, sigma, sigma))
    inside = slice(margin, margin + side)
    return fields[:, inside, inside] / fields.std()


def related(rng: Generator, filters: int, taps: int, slope: float, spread: float) -> tuple[Array, Array]:
    """Weights that follow excitations, with a slope of its own in each filter."""
    excitations = rng.normal(size=(filters, taps))
    slopes = slope * (1 + spread * rng.normal(size=(filters, 1)))
    return slopes * excitations + rng.normal(size=excitations.shape), excitations


def true_r2(slope: float, spread: float) -> float:
    """R² of `related` with infinitely many filters."""
    return slope**2 / (slope**2 * (1 + spread**2) + 1)


def r2_interval(rng: Generator, *, filters: int, taps: int, slope: float, spread: float, degree: int = 1) -> Repeat:
    model = LayerModel(filters, taps, generator=rng, permutations=19, degree=degree)
    fit = model.associate(*related(rng, filters, taps, slope, spread))
    return Repeat(truth=true_r2(slope, spread), value=fit.r2, low=fit.low, high=fit.high)


def change_interval(rng: Generator, *, filters: int, taps: int, before: float, after: float) -> Repeat:
    model = LayerModel(filters, taps, generator=rng, permutations=19)
    fits = [model.associate(*related(rng, filters, taps, slope, 0.4)) for slope in (before, after)]
    change = fits[1].r2 - fits[0].r2
    low, high = difference_interval(change, fits[1].replicates - fits[0].replicates)
    return Repeat(truth=true_r2(after, 0.4) - true_r2(before, 0.4), value=change, low=low, high=high)


def gram_of(rng: Generator, filters: int) -> tuple[Array, Array]:
    """Weights (F, 25) that vary as the patches do whose covariance is the matrix."""
    places = np.indices((5, 5)).reshape(2, 25).T
    matrix = np.exp(-0.3 * ((places[:, None] - places) ** 2).sum(2))
    return rng.normal(size=(filters, 25)) @ np.linalg.cholesky(matrix + 1e-9 * np.eye(25)).T, matrix


@cache
def mean_gram_r2(filters: int) -> float:
    """R² of WᵀW to expect with so many filters."""
    rng = np.random.default_rng(0)
    drawn = [gram_of(rng, filters) for _ in range(2000)]
    return float(np.mean([np.corrcoef((w.T @ w).ravel(), m.ravel())[0, 1] ** 2 for w, m in drawn]))


def gram_interval(rng: Generator, *, filters: int) -> Repeat:
    weights, matrix = gram_of(rng, filters)
    fit = matrix_association(weights, matrix, generator=rng, grid=(5, 5), permutations=19)
    return Repeat(truth=mean_gram_r2(filters), value=fit.r2, low=fit.low, high=fit.high)


def gram_p(rng: Generator) -> Repeat:
    """Unrelated weights of three channels, and patches whose channels and places vary differently."""
    weights, patches = (smooth_fields(rng, 3 * count, 3, 1.0).reshape(count, 27) for count in (12, 20))
    matrix = patches.T @ patches
    return Repeat(p=matrix_association(weights, matrix, generator=rng, grid=(3, 3), permutations=PERMUTATIONS).p)


def unrelated_p(rng: Generator, *, column: str, sigma: float) -> Repeat:
    """Unrelated fields: of the F test independent pairs, of the rest smooth ones."""
    fields = [
        smooth_fields(rng, 6, 5, sigma) if sigma else rng.normal(size=(6, 5, 5)) for _ in ("weights", "excitations")
    ]
    weights, excitations = (field.reshape(6, 25) for field in fields)
    fit = LayerModel(6, 25, grid=(5, 5), generator=rng, permutations=PERMUTATIONS).associate(weights, excitations)
    return Repeat(p=getattr(fit, column))


def tap_correlation(rng: Generator, *, side: int, sigma: float, r: float) -> Repeat:
    common, one, other = (smooth_fields(rng, 6, side, sigma).reshape(6, -1) for _ in range(3))
    weights, excitations = (np.sqrt(r) * common + np.sqrt(1 - r) * own for own in (one, other))
    model = LayerModel(6, side * side, grid=(side, side), generator=rng, permutations=PERMUTATIONS)
    found = model.tap_correlations(weights, excitations)
    return Repeat(truth=np.full(6, r), value=found.r, low=found.low, high=found.high, p=np.nan if r else found.p)


def binned_p(rng: Generator, *, column: str) -> Repeat:
    weights, excitations = rng.normal(size=(2, 16, 25))
    return Repeat(p=(binned(weights, excitations) | assumptions(weights, excitations))[column])


def two_way_p(rng: Generator) -> Repeat:
    weights, excitations = rng.normal(size=(2, 16, 25))
    bins = quantile_bins(excitations.reshape(-1), 5)
    table = two_way_anova(weights.reshape(-1), bins, np.repeat(np.arange(16), 25))
    return Repeat(p=np.array([table.first.p, table.second.p, table.interaction.p]))


def expanded_p(rng: Generator) -> Repeat:
    maps, kernels = smooth_fields(rng, 6, 24, 3.0), smooth_fields(rng, 6, 5, 1.0)
    return Repeat(p=expanded_match(maps, kernels).p)


def verdict(rng: Generator, *, null: str, rise: float = 0.0) -> Repeat:
    """Five networks whose R² lies `rise` above that of their controls."""
    keys = {"layer": "conv1", "layer_index": 0, "relation": "R2", "excitation": MAIN, "dilation": 1, "class": "all"}
    noise = {"filters_null": 0.1, "filters_p": 0.5, "taps_null": 0.1, "taps_p": 0.5}
    rows: list[dict[str, Any]] = []
    for seed in range(5):
        r2 = 0.1 + rise + rng.normal(scale=0.03)
        control = 0.1 + rng.normal(scale=0.03)
        rows.append(keys | noise | {"network": f"trained-{seed}", "epoch": 9, "r2": r2, "change": r2 - control})
        rows.append(keys | noise | {"network": f"shuffled-{seed}", "epoch": 9, "r2": control})
    expanded = pd.DataFrame(
        [
            {key: keys[key] for key in ("layer", "relation")}
            | {"network": f"trained-{seed}", "epoch": 9, "significant": rng.binomial(16, ALPHA) / 16, "n": 16}
            for seed in range(5)
        ]
    )
    verdicts = judge(pd.DataFrame(rows), expanded)
    row = verdicts.set_index("null").loc[null]
    return Repeat(truth=rise, value=row["value"], low=row["low"], high=row["high"], p=np.nan if rise else row["p"])


def _of_relations() -> list[Simulation]:
    r2, change = ("relations.csv:r2",), ("relations.csv:change",)
    sizes = ((6, 25), (16, 150), (32, 9))
    found = [
        Simulation(
            name=f"R² {true_r2(slope, spread):.2f}, slopes differ by {spread}, {filters} filters",
            covers=r2,
            n=filters * taps,
            repeat=partial(r2_interval, filters=filters, taps=taps, slope=slope, spread=spread),
            quick_repeats=200,
        )
        for filters, taps in sizes
        for slope, spread in ((0.0, 0.0), (0.5, 0.0), (1.0, 0.3), (3.0, 0.3))
    ]
    cubic = partial(r2_interval, filters=16, taps=25, slope=0.5, spread=0.3, degree=3)
    found.append(Simulation(name="R² of a cubic", covers=r2, n=400, repeat=cubic))
    found += [
        Simulation(
            name=f"R² of Gram matrix, {filters} filters",
            covers=r2,
            n=325,
            repeat=partial(gram_interval, filters=filters),
        )
        for filters in (16, 32)
    ]
    found += [
        Simulation(
            name=f"change of R² by {true_r2(after, 0.4) - true_r2(before, 0.4):.2f}, {filters} filters",
            covers=change,
            n=filters * taps,
            repeat=partial(change_interval, filters=filters, taps=taps, before=before, after=after),
            quick_repeats=200,
        )
        for filters, taps in sizes
        for before, after in ((0.5, 0.5), (0.5, 1.0))
    ]
    columns = {"p": (0.0,), "filters_p": (0.0, 1.0), "taps_p": (0.0, 0.6, 1.0)}
    found += [
        Simulation(
            name=f"{column} of unrelated fields, smoothed by {sigma}",
            covers=(f"relations.csv:{column}",),
            n=150,
            repeat=partial(unrelated_p, column=column, sigma=sigma),
            quick_repeats=200,
        )
        for column, sigmas in columns.items()
        for sigma in sigmas
    ]
    gram = "taps_p of unrelated Gram matrices"
    return [*found, Simulation(name=gram, covers=("relations.csv:taps_p",), n=378, repeat=gram_p, quick_repeats=200)]


SIMULATIONS = [
    *_of_relations(),
    *(
        Simulation(
            name=f"correlation {r} of taps of {side}×{side} fields, smoothed by {sigma}",
            covers=tuple(f"filters.csv:{quantity}" for quantity in TAP_CORRELATIONS),
            n=side * side,
            repeat=partial(tap_correlation, side=side, sigma=sigma, r=r),
        )
        for side, sigma in ((3, 0.6), (5, 0.6), (5, 1.0))
        for r in (0.0, 0.5)
    ),
    *(
        Simulation(
            name=f"{column} of unrelated pairs",
            covers=(f"one_way.csv:{column}",),
            n=400,
            repeat=partial(binned_p, column=column),
            quick_repeats=200,
        )
        for column in ("p", "welch_p", "kruskal_p", "breusch_pagan_p", "brown_forsythe_p")
    ),
    Simulation(name="two-way table of unrelated pairs", covers=("two_way.csv:p",), n=400, repeat=two_way_p),
    Simulation(
        name="maps and expanded kernels, unrelated and smooth",
        covers=("expanded.csv:significant",),
        n=6,
        repeat=expanded_p,
    ),
    *(
        Simulation(
            name=f"five networks against {null}, {rise} above",
            covers=("verdicts.csv:value", "verdicts.csv:p"),
            n=5,
            repeat=partial(verdict, null=null, rise=rise),
            quick_repeats=100,
        )
        for null in ("filters permuted", "untrained network", "network trained on shuffled labels")
        for rise in (0.0, 0.05)
    ),
]

EXEMPT = [
    Exempt(covers=["permutations.csv:bin"], reason="its low and high are edges of a histogram's bins"),
    Exempt(covers=["known_by_related.csv:f"], reason="the authors' own test; its cases share weights, as it says"),
    AUDITED,
]
