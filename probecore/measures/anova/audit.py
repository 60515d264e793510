"""What the published procedure reports, beside what a sound one does, over networks: tables, audit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from probecore.errors import InputError
from probecore.measures.anova.groups import two_way_anova
from probecore.measures.audit import LEVEL, Found, Reported, over_networks, share_significant
from probecore.measures.tables import after_training, is_last, of_one_condition

AUTHORS = {"entry": "grey, drawn 1x1", "reading": "bytes"}
SOUND = {"entry": "plain", "reading": "true"}
REAL = {"features": "images", "weights": "trained"}
NOTHING = {"features": "noise", "weights": "permuted"}

REPORTED = ["condition", "features", "entry", "reading", "weights", "related"]
"""What identifies a row of ``reported.csv``."""


def numbers(tables: Mapping[str, pd.DataFrame]) -> Mapping[str, Found]:
    """Give the numbers of the audit's steps, from the tables of an experiment; none where nothing was measured."""
    return {**_of_published(tables["published"], tables["byte_reading"]), **_of_ansatz(tables["ansatz"])}


def _of_ansatz(ansatz: pd.DataFrame) -> Mapping[str, Found]:
    if ansatz.empty:
        return {}
    first = ansatz[ansatz["layer_index"] == 0]
    trained = of_one_condition(first)
    before = first[(first["epoch"] == 0) & first["network"].isin(trained["network"]) & ~is_last(first)]

    def mean(table: pd.DataFrame, column: str) -> Reported:
        return over_networks(table[column], table["network"])

    return {
        "neural feature ansatz": Found(
            published=mean(trained, "r_published"),
            published_nothing=mean(before, "r_published"),
            corrected=mean(trained, "r_best"),
            corrected_nothing=mean(before, "r_best"),
        )
    }


def _of_published(published: pd.DataFrame, byte_reading: pd.DataFrame) -> Mapping[str, Found]:
    """Give the numbers of the authors' procedure.

    A case is a parameter set of a network: its comparisons with several image sets depend on each other, most of all
    where these are noise, whose mean features are nearly the same.
    """
    if published.empty:
        return {}
    shown, facts = of_one_condition(published), of_one_condition(byte_reading)

    def share(keys: Mapping[str, str], column: str) -> Reported:
        rows = shown[_is(shown, keys)]
        return share_significant(rows[column], networks=rows["network"], cases=rows["parameter_set"])

    def fact(quantity: str) -> Reported:
        rows = facts[_is(facts, {"quantity": quantity, "weights": "trained"})]
        return over_networks(rows["value"], rows["network"])

    return {
        "comparison": Found(
            published=share(AUTHORS | REAL, "two_means_p"),
            published_nothing=share(AUTHORS | NOTHING, "two_means_p"),
            corrected=share(SOUND | REAL, "rotated_p"),
            corrected_nothing=share(SOUND | NOTHING, "rotated_p"),
        ),
        "reading": Found(
            published=fact("r2_entries"),
            published_nothing=fact("r2_entries_moved"),
            corrected=fact("r2_weights"),
            corrected_nothing=fact("r2_weights_moved"),
        ),
    }


def reported(published: pd.DataFrame) -> pd.DataFrame:
    """Make the table of what each procedure reports, by features and parameters: shares of cases with p ≤ 5 %.

    Cases without a p, as of features that are all the same, do not count.
    """
    columns = [*REPORTED, "networks", "cases", "two_means", "f_test", "rotations", "r2"]
    if published.empty:
        return pd.DataFrame(columns=columns)
    known = after_training(published).dropna(subset=["two_means_p", "p", "rotated_p"])
    rows = [
        {
            **dict(zip(REPORTED, key, strict=True)),
            "networks": group["network"].nunique(),
            "cases": len(group),
            "two_means": float((group["two_means_p"] <= LEVEL).mean()),
            "f_test": float((group["p"] <= LEVEL).mean()),
            "rotations": float((group["rotated_p"] <= LEVEL).mean()),
            "r2": float(group["r2"].mean()),
        }
        for key, group in known.groupby(REPORTED)
    ]
    return pd.DataFrame(rows, columns=columns)


def known_by_related(published: pd.DataFrame) -> pd.DataFrame:
    """Make the two-way table of R² by position: known or unknown images, by related or unrelated sets.

    Cases of one network share its weights, so that p is too small; it is the authors' design, not a test of ours.
    """
    columns = ["condition", "reading", "term", "ss", "df", "f", "p", "partial_eta2", "n"]
    rows: list[dict[str, Any]] = []
    if not published.empty:
        table = after_training(published)
        table = table[_is(table, REAL | {"entry": "plain"}) & np.isfinite(table["r2"])]
        for (condition, reading), group in table.groupby(["condition", "reading"]):
            rows += _two_way({"condition": condition, "reading": reading}, group)
    return pd.DataFrame(rows, columns=columns)


def _two_way(keys: dict[str, Any], group: pd.DataFrame) -> list[dict[str, Any]]:
    known, related = (group["split"] == "train").astype(int), group["related"].astype(int)
    if related.nunique() < 2 or known.nunique() < 2:
        return []
    try:
        table = two_way_anova(group["r2"].to_numpy(), known.to_numpy(), related.to_numpy())
    except InputError:
        return []
    terms = {"known": table.first, "related": table.second, "known by related": table.interaction}
    return [{**keys, "term": name, **vars(term), "n": len(group)} for name, term in terms.items()]


def _is(table: pd.DataFrame, keys: Mapping[str, str]) -> "pd.Series[bool]":
    return pd.Series(np.logical_and.reduce([table[name] == value for name, value in keys.items()]), index=table.index)
