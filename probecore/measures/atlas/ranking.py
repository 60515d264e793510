"""The filters of one network in order of what one quantity says of them, or of what the best predictor makes of all."""

from dataclasses import replace

import numpy as np
import pandas as pd

from probecore.errors import InputError
from probecore.measures.atlas.groups import groups_of, label, reads_training_images
from probecore.measures.atlas.keys import HEADLINE, QUANTITY
from probecore.measures.atlas.prediction import best_features, feature_sets, predicted_ranks
from probecore.measures.tables import is_last
from probecore.schema import did_you_mean
from probecore.statistics.filters import in_order_of_execution

BEST = "best"
"""Instead of a quantity: what predicts a filter's worth best in other networks of the condition."""

COLUMNS = ["layer_index", "layer", "rank", "filter", "by", "value", "low", "high", "n", "reliability"]


def rank_filters(table: pd.DataFrame, network: str, by: str = HEADLINE) -> pd.DataFrame:
    """Rank the filters of each layer of a network at its last checkpoint, the highest first.

    Parameters
    ----------
    table : the long table, see `long_table`
    network : one of the table
    by : a quantity, as ``taylor``, ``mechanism:strength`` or ``mechanism:strength@block``; or ``best``, the ridge
        prediction of ``zero_loss`` from ranks of quantities that read no training images: fitted on the other networks
        of the condition, of those features that predict these best when one is left out

    Returns
    -------
    DataFrame
        `COLUMNS`, layers in the order they run: ``rank`` is 1 for the highest value of the layer, and none where the
        value is missing.

    Raises
    ------
    InputError
        If there is no such network or quantity, if several are meant, or if no other network can tell what predicts.
    """
    last = table[is_last(table)]
    own = last[last["network"] == network]
    if own.empty:
        raise InputError(f"no network {network!r}{did_you_mean(network, table['network'].unique())}")
    rows = _predicted(last[last["condition"] == own["condition"].iloc[0]], network) if by == BEST else _named(own, by)
    rows = rows.assign(rank=rows.groupby("layer")["value"].rank(ascending=False, method="first"))
    return rows.sort_values(in_order_of_execution(["layer", "rank", "filter"]), ignore_index=True)[COLUMNS]


def is_of_training_images(table: pd.DataFrame, by: str) -> bool:
    """Whether what ranks is taken from training images at large, or from heads trained on them; `best` is not."""
    return by != BEST and any(map(reads_training_images, _meant(table, by).itertuples(index=False, name=None)))


def _named(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """The rows of the quantity that is meant, of one in each layer."""
    meant = _meant(rows, by)
    found = rows.merge(meant, on=QUANTITY).assign(by=by)
    if found.duplicated(["layer", "filter"]).any():
        several = ", ".join(sorted(label(name) for name in meant.itertuples(index=False, name=None)))
        raise InputError(f"{by}: several quantities are called so; write one of {several}")
    return found


def _meant(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """The quantities that may be called so."""
    quantities = rows[QUANTITY].drop_duplicates()
    names = {(measure, site, quantity): _names(measure, site, quantity) for measure, site, quantity in
             quantities.itertuples(index=False)}  # fmt: skip
    meant = pd.DataFrame([name for name, spelled in names.items() if by in spelled], columns=QUANTITY)
    if meant.empty:
        known = {spelling for spelled in names.values() for spelling in spelled}
        raise InputError(f"no quantity {by!r}{did_you_mean(by, known)}")
    return meant


def _names(measure: str, site: str, quantity: str) -> tuple[str, ...]:
    """How a quantity may be called."""
    return quantity, f"{quantity}@{site}", f"{measure}:{quantity}", label((measure, site, quantity))


def _predicted(table: pd.DataFrame, network: str) -> pd.DataFrame:
    """What the best predictor says of a network, found and fitted without it."""
    groups = groups_of(table)
    others = replace(groups, groups=[group for group in groups.groups if group.network != network])
    if HEADLINE not in groups.truths or not others.groups:
        raise InputError(f"{network}: no other network of its condition has {HEADLINE}; name a quantity, not {BEST}")
    sets = {
        name: [row for row in rows if not reads_training_images(groups.quantities[row])]
        for name, rows in feature_sets(groups).items()
    }
    best = best_features(others, sets)
    places = table[table["network"] == network].groupby("layer")["layer_index"].first()
    rows = [
        {"layer": layer, "layer_index": places[layer], "filter": filter_, "value": value, "by": f"{BEST}: {best}"}
        for layer, values in predicted_ranks(groups, network, features=sets[best]).items()
        for filter_, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(low=np.nan, high=np.nan, n=len(others.networks), reliability=np.nan)
