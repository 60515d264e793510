"""How well ranks of quantities together predict a truth in a network that the predictor has not seen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.measures.atlas.groups import Group, Groups, is_intervention
from probecore.measures.atlas.keys import CHANCE, HEADLINE, LOSSES
from probecore.measures.atlas.reliability import rank_correlations
from probecore.statistics.ranks import average_ranks

Array: TypeAlias = npt.NDArray[np.float64]

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-1, 4, 11))

BASELINES, EVERYTHING = "baselines", "all"


def feature_sets(groups: Groups) -> dict[str, list[int]]:
    """Rows of quantities by name: baselines, baselines with one measure, and all; never what changes a filter."""
    usable = [place for place, name in enumerate(groups.quantities) if not is_intervention(name) and name[2] != CHANCE]
    measures = list(dict.fromkeys(groups.quantities[place][0] for place in usable))
    baselines = [place for place in usable if groups.quantities[place][0] == "atlas"]
    added = {
        measure: [place for place in usable if groups.quantities[place][0] in ("atlas", measure)]
        for measure in measures
        if measure != "atlas"
    }
    return {BASELINES: baselines, **added, EVERYTHING: usable}


def predict(
    groups: Groups, *, sets: Mapping[str, Sequence[int]] | None = None, truths: Sequence[str] = LOSSES
) -> pd.DataFrame:
    """Predict truths in each network, by ridge regression on ranks from all other networks.

    Ranks within network and layer run from -1/2 to 1/2; what is missing is in the middle. The penalty is chosen by
    leave-one-out among the other networks' filters.

    Parameters
    ----------
    groups : of two networks or more, else nothing can be predicted
    sets : rows of quantities by name, by default `feature_sets`
    truths : which are predicted, of those that `groups` have

    Returns
    -------
    DataFrame
        A row per truth, set of features and network left out: ``value``, Spearman's correlation of prediction and truth
        within layers, averaged by their number of filters, and ``gain``, how much more than from baselines alone.
    """
    chosen = feature_sets(groups) if sets is None else sets
    rows = list(_rows(groups, chosen, truths)) if len(groups.networks) > 1 else []
    table = pd.DataFrame(rows, columns=["truth", "features", "network", "value", "gain", "n"])
    return table.astype({"value": float, "gain": float, "n": int})


def best_features(groups: Groups, sets: Mapping[str, Sequence[int]], truth: str = HEADLINE) -> str:
    """Name the set of features that predicts a truth best in networks left out; baselines if there are not two."""
    scores = predict(groups, sets=sets, truths=(truth,)).groupby("features")["value"].mean().reindex(list(sets))
    return str(scores.idxmax()) if scores.notna().any() else BASELINES


def predicted_ranks(
    groups: Groups, network: str, *, features: Sequence[int], truth: str = HEADLINE
) -> dict[str, Array]:
    """Predict a truth's ranks in one network by what was fitted to all others, (F,) by layer."""
    place = list(groups.truths).index(truth)
    others = [each for each in groups.groups if each.network != network and np.isfinite(each.truths[place]).all()]
    ranks, targets = [_scaled(each.quantities) for each in others], [_scaled(each.truths) for each in others]
    model = _fitted(list(features), place, ranks, targets)
    return {
        group.layer: np.asarray(model.predict(_scaled(group.quantities)[list(features)].T))
        for group in groups.groups
        if group.network == network
    }


def _rows(groups: Groups, sets: Mapping[str, Sequence[int]], truths: Sequence[str]) -> Iterator[dict[str, Any]]:
    ranks = [_scaled(group.quantities) for group in groups.groups]
    targets = [_scaled(group.truths) for group in groups.groups]
    for truth, name in [(place, name) for place, name in enumerate(groups.truths) if name in truths]:
        known = [place for place, group in enumerate(groups.groups) if np.isfinite(group.truths[truth]).all()]
        for network in groups.networks:
            train = [place for place in known if groups.groups[place].network != network]
            test = [place for place in known if groups.groups[place].network == network]
            if not train or not test:
                continue
            scores = {
                features: _score(rows, truth, [ranks[place] for place in train], [targets[place] for place in train],
                                 [ranks[place] for place in test], [groups.groups[place] for place in test])
                for features, rows in sets.items()
            }  # fmt: skip
            n = sum(groups.groups[place].truths.shape[1] for place in test)
            for features, value in scores.items():
                gain = value - scores[BASELINES]
                yield {"truth": name, "features": features, "network": network, "value": value, "gain": gain, "n": n}


def _score(
    rows: Sequence[int],
    truth: int,
    train: Sequence[Array],
    targets: Sequence[Array],
    test: Sequence[Array],
    groups: Sequence[Group],
) -> float:
    chosen = list(rows)
    model = _fitted(chosen, truth, train, targets)
    found = [
        rank_correlations(model.predict(part[chosen].T)[None], group.truths[[truth]])[0]
        for part, group in zip(test, groups, strict=True)
    ]
    weights = np.array([group.truths.shape[1] - 1 for group in groups], dtype=float)
    values = np.array(found)
    known = np.isfinite(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else np.nan


def _fitted(chosen: list[int], truth: int, ranks: Sequence[Array], targets: Sequence[Array]) -> Any:
    """A ridge regression of the truth's ranks on those of some quantities."""
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=PENALTIES, fit_intercept=False)
    features = np.concatenate([part[chosen].T for part in ranks])
    return model.fit(features, np.concatenate([part[truth] for part in targets]))


def _scaled(values: Array) -> Array:
    """Ranks of each row from -1/2 to 1/2, 0 where the value is missing."""
    known = np.isfinite(values)
    ranks = average_ranks(np.where(known, values, np.nan), axis=1)
    number = known.sum(axis=1, keepdims=True)
    return np.asarray(np.where(known, (ranks - (number + 1) / 2) / np.maximum(number, 1), 0.0))
