"""How far quantities rank the filters of a layer as truths do: over networks, against chance, and beyond size.

Spearman's correlations within network and layer; their mean over networks by a random-effects meta-analysis; p by
permutation of the truths' filters within network and layer, the same for all quantities, so that the largest of them
all (max-T) says how often any quantity looks so good by chance.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from probecore.measures.atlas.groups import (
    Group,
    Groups,
    basis_of,
    directions,
    is_intervention,
    label,
)
from probecore.measures.atlas.keys import SIZES
from probecore.measures.atlas.reliability import centred_ranks
from probecore.statistics import permutation_p
from probecore.statistics.seeds import FEWEST_FOR_INTERVAL

Array: TypeAlias = npt.NDArray[np.float64]

PERMUTATIONS = 999

LARGEST = 0.999
"""Correlations are taken as no larger on Fisher's scale, where 1 is infinite."""

ALL = "all"
"""What stands for a layer in rows over all layers."""


class RandomEffects(NamedTuple):
    """A mean over studies, with its 95 % interval and the variance between studies; arrays of one shape."""

    value: Array
    low: Array
    high: Array
    between: Array


def random_effects(effects: npt.ArrayLike, variances: npt.ArrayLike) -> RandomEffects:
    """Average effects over the first axis of (K, ...) when studies differ by more than chance; NaN counts as no study.

    The variance between studies is DerSimonian and Laird's (doi 10.1016/0197-2456(86)90046-2), the interval Hartung and
    Knapp's (doi 10.1002/sim.791), of Student's t with K - 1 degrees of freedom; none with fewer than five studies.
    Statsmodels has the same for one effect at a time (tested).
    """
    effects, variances = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    known = np.isfinite(effects) & np.isfinite(variances)
    values, weights = np.where(known, effects, 0.0), np.where(known, 1 / np.where(known, variances, 1.0), 0.0)
    number = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=0)
        fixed = (weights * values).sum(axis=0) / total
        excess = (weights * (values - fixed) ** 2).sum(axis=0) - (number - 1)
        between = np.maximum(0.0, excess / (total - (weights**2).sum(axis=0) / total))
        between = np.where(number > 1, between, 0.0)
        weights = np.where(known, 1 / (np.where(known, variances, 1.0) + between), 0.0)
        mean = (weights * values).sum(axis=0) / weights.sum(axis=0)
        error = np.sqrt((weights * (values - mean) ** 2).sum(axis=0) / (number - 1) / weights.sum(axis=0))
        half = np.where(number >= FEWEST_FOR_INTERVAL, stdtrit(np.maximum(number - 1, 1), 0.975) * error, np.nan)
    return RandomEffects(mean, mean - half, mean + half, between)


class Correlations(NamedTuple):
    """Of one group: observed (T, Q), permuted (B, T, Q), filters behind each pair (T, Q), and covariates."""

    observed: Array
    permuted: Array
    filters: Array
    covariates: int


def correlate(group: Group, order: Array, *, sizes: Sequence[int] = ()) -> Correlations:
    """Correlate ranks of truths and quantities over the filters that both know.

    Parameters
    ----------
    group : with F filters
    order : random keys (B, F); sorting them permutes filters
    sizes : rows of quantities whose ranks are taken out of both sides; of what is left of truths after each permutation
        again, for else chance would look smaller than it is (Freedman and Lane, doi 10.1080/07350015.1983.10509354)
    """
    shape = (len(group.truths), len(group.quantities))
    observed, permuted = np.full(shape, np.nan), np.full((len(order), *shape), np.nan)
    known = np.isfinite(group.truths)
    masks = np.isfinite(group.quantities) & np.isfinite(group.quantities[list(sizes)]).all(axis=0)
    for (truths, of_truths), (chosen, of_quantities) in itertools.product(_alike(known), _alike(masks)):
        mask = of_truths & of_quantities
        if mask.sum() - 3 - len(sizes) <= 0:
            continue
        without = basis_of(group.quantities[list(sizes)][:, mask])
        x = directions(centred_ranks(group.quantities[chosen][:, mask]), without)
        y = directions(centred_ranks(group.truths[truths][:, mask]), without)
        orders = np.argsort(order[:, mask], axis=1)
        observed[np.ix_(truths, chosen)] = y @ x.T
        for truth, ranks in zip(truths, y, strict=True):
            permuted[:, truth, chosen] = directions(ranks[orders], without) @ x.T
    return Correlations(observed, permuted, known.astype(float) @ masks.T, len(sizes))


def _alike(known: npt.NDArray[np.bool_]) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Rows of (R, F) that know the same filters, and which these are (F,)."""
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == index), pattern) for index, pattern in enumerate(patterns)]


def agreement(groups: Groups, *, generator: np.random.Generator, permutations: int = PERMUTATIONS) -> pd.DataFrame:
    """Compare every quantity with every truth, by layer and over all layers.

    Returns
    -------
    DataFrame
        A row per layer (``all`` for all), truth and ``predictor``, see `label`: ``value``, the mean correlation over
        networks, with ``low`` and ``high`` from five networks on; ``p``, and ``p_max`` corrected for all predictors of
        this layer and truth; ``partial``, ``partial_p`` and ``partial_p_max``, the same with ranks of `SIZES` taken out
        of both; ``ceiling``, the correlation that a perfect predictor could expect given the truth's reliability, and
        ``disattenuated``, the value over it; ``between``, the variance between networks on Fisher's scale.
    """
    orders = [generator.random((permutations, group.truths.shape[1])) for group in groups.groups]
    sizes = groups.rows_of("atlas", SIZES)
    plain = [correlate(group, order) for group, order in zip(groups.groups, orders, strict=True)]
    partial = [correlate(group, order, sizes=sizes) for group, order in zip(groups.groups, orders, strict=True)]
    rows: list[dict[str, Any]] = []
    for layer in [ALL, *groups.layers]:
        chosen = [place for place, group in enumerate(groups.groups) if layer in (ALL, group.layer)]
        part = Groups(
            groups=[groups.groups[place] for place in chosen], quantities=groups.quantities, truths=groups.truths
        )
        rows += _rows(part, layer, [plain[place] for place in chosen], [partial[place] for place in chosen])
    return pd.DataFrame(rows)


def _rows(
    groups: Groups, layer: str, plain: Sequence[Correlations], partial: Sequence[Correlations]
) -> Iterator[dict[str, Any]]:
    family = np.array([not is_intervention(name) for name in groups.quantities])
    effects, networks = _over_networks(groups, plain)
    partials, _ = _over_networks(groups, partial)
    tests = _tests(plain, family)
    beyond = _tests(partial, family)
    ceilings = _ceilings(groups)
    for (t, truth), (q, name) in (
        (one, other) for one in enumerate(groups.truths) for other in enumerate(groups.quantities)
    ):
        value, ceiling = float(effects.value[t, q]), float(ceilings[t])
        yield {
            "layer": layer,
            "truth": truth,
            "predictor": label(name),
            "measure": name[0],
            "value": value,
            "low": effects.low[t, q],
            "high": effects.high[t, q],
            "null": 0.0,
            "p": tests[0][t, q],
            "p_max": tests[1][t, q],
            "partial": partials.value[t, q],
            "partial_low": partials.low[t, q],
            "partial_high": partials.high[t, q],
            "partial_p": beyond[0][t, q],
            "partial_p_max": beyond[1][t, q],
            "ceiling": ceiling,
            "disattenuated": value / ceiling if ceiling > 0 else np.nan,
            "between": effects.between[t, q],
            "networks": int(networks[t, q]),
            "n": int(sum(each.filters[t, q] for each in plain if np.isfinite(each.observed[t, q]))),
        }


def _over_networks(groups: Groups, found: Sequence[Correlations]) -> tuple[RandomEffects, Array]:
    """The mean over networks on the scale of correlations, and of how many, (T, Q) each."""
    effects, variances = [], []
    for network in groups.networks:
        own = [each for each, group in zip(found, groups.groups, strict=True) if group.network == network]
        observed = np.clip(np.stack([each.observed for each in own]), -LARGEST, LARGEST)
        weights = np.stack([np.broadcast_to(each.filters - 3 - each.covariates, observed[0].shape) for each in own])
        weights = np.where(np.isfinite(observed), weights, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.nansum(weights * np.arctanh(observed), axis=0) / weights.sum(axis=0)
            effects.append(mean)
            variances.append((1 + np.tanh(mean) ** 2 / 2) / weights.sum(axis=0))
    pooled = random_effects(np.stack(effects), np.stack(variances))
    value, low, high = (np.tanh(each) for each in pooled[:3])
    scaled = RandomEffects(value, low, high, pooled.between)
    return scaled, np.isfinite(np.stack(effects)).sum(axis=0)


def _tests(found: Sequence[Correlations], family: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """P of the weighted mean correlation and p of the largest of the family, (T, Q) each."""
    weights = [np.where(np.isfinite(each.observed), each.filters - 1 - each.covariates, 0.0) for each in found]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.sum(weights, axis=0)
        pairs = list(zip(weights, found, strict=True))
        observed = sum(weight * np.nan_to_num(each.observed) for weight, each in pairs) / total
        permuted = sum(weight * np.nan_to_num(each.permuted) for weight, each in pairs) / total
        scale = np.sqrt(((permuted**2).sum(axis=0) + observed**2) / (len(permuted) + 1))
        statistic, null = np.abs(observed) / scale, np.abs(permuted) / scale
    largest = np.max(np.nan_to_num(null) * family, axis=2)
    by_chance = permutation_p(statistic, np.repeat(largest[:, :, None], len(family), axis=2))
    return permutation_p(observed, permuted, tail="two-sided"), np.where(family, by_chance, np.nan)


def _ceilings(groups: Groups) -> Array:
    """Root of the truths' reliability, (T,), over layers and networks by their number of filters."""
    weights = np.stack([np.isfinite(group.truths).sum(axis=1) for group in groups.groups]).astype(float)
    roots = np.sqrt(np.stack([group.reliability for group in groups.groups]))
    weights = np.where(np.isfinite(roots), weights, 0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray((weights * np.nan_to_num(roots)).sum(axis=0) / weights.sum(axis=0))


def matrix(groups: Groups) -> pd.DataFrame:
    """Correlate all quantities and truths with each other: the mean over networks and layers, by number of filters.

    Returns
    -------
    DataFrame
        ``first`` and ``second``, names as `label` gives them, ``value``, and ``n``, the filters that know both.
    """
    labels = [*map(label, groups.quantities), *groups.truths]
    sums, weights = np.zeros((2, len(labels), len(labels)))
    for group in groups.groups:
        values = np.concatenate([group.quantities, group.truths])
        correlations = pd.DataFrame(values.T).corr(method="spearman", min_periods=4).to_numpy()
        known = np.isfinite(values).astype(float)
        both = np.where(np.isfinite(correlations), known @ known.T, 0.0)
        sums += both * np.nan_to_num(correlations)
        weights += both
    with np.errstate(invalid="ignore"):
        means = sums / weights
    places = pd.MultiIndex.from_product([labels, labels], names=["first", "second"])
    return pd.DataFrame({"value": means.ravel(), "n": weights.ravel().astype(int)}, index=places).reset_index()
