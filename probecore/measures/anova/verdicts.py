"""Whether the claim of a relation stands against each null: one test over networks, not one per network."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtrc, stdtr

from probecore.measures.anova.keys import ALPHA, MAIN
from probecore.measures.tables import is_last
from probecore.networks import condition_at, seed_number
from probecore.statistics import Estimate, adjust, difference_over_seeds, over_seeds

COLUMNS = [
    *("condition", "layer_index", "layer", "relation", "null"),
    *("networks", "value", "low", "high", "p", "p_holm", "held"),
]

CONTROLS = ("untrained", "reinitialised", "shuffled")

UNTRAINED = "untrained network"
SHUFFLED = "network trained on shuffled labels"


def judge(relations: pd.DataFrame, expanded: pd.DataFrame) -> pd.DataFrame:
    """Judge a relation against each null, with networks as the sample.

    Parameters
    ----------
    relations, expanded : the tables of an experiment, all networks

    Returns
    -------
    DataFrame
        One row per condition, layer, relation and null: how far R² lies above the null, mean over networks with its
        interval, p of one test over networks, also after Holm over the layers and relations of a null, and `held`:
        held or not held at 5 %; undecided where there are too few networks to test; no control where there is none.
    """
    main = _with_condition(relations[is_main(relations)])
    final = main[is_last(main)]
    judged = final[~final["condition"].isin(CONTROLS)]
    rows = [
        {**dict(zip(COLUMNS, key, strict=False)), "null": null, **_columns(found)}
        for key, group in judged.groupby(COLUMNS[:4])
        for null, found in _tests(group, _alike(main, *key[2:]), _alike(expanded, *key[2:]))
    ]
    verdicts = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("p_holm", "held")])
    verdicts["p_holm"] = verdicts.groupby("null")["p"].transform(lambda p: adjust(p, "holm"))
    verdicts["held"] = [_verdict(row) for row in verdicts.itertuples()]
    return verdicts[COLUMNS]


def is_main(table: pd.DataFrame) -> "pd.Series[bool]":
    """Find the regressions that verdicts are about."""
    return (table["excitation"] == MAIN) & (table["dilation"] == 1) & (table["class"] == "all")


def _tests(
    group: pd.DataFrame, relations: pd.DataFrame, expanded: pd.DataFrame
) -> Iterator[tuple[str, Estimate | None]]:
    """Each null with what it leaves of the relation in networks of one condition; None: there is no control."""
    yield "filters permuted", _beyond(group["r2"] - group["filters_null"], group["filters_p"])
    yield "kernels moved", _beyond(group["r2"] - group["taps_null"], group["taps_p"])
    yield UNTRAINED, _beyond_untrained(group, relations[relations["condition"] == "untrained"])
    shuffled = relations[is_last(relations) & (relations["condition"] == "shuffled")]
    matched = _by_seed(group).to_frame("value").join(_by_seed(shuffled).rename("control"), how="inner")
    if len(matched) and group["condition"].iloc[0] != "given":
        twins = (relations["condition"] == "twin").any() and group["condition"].iloc[0] != "twin"
        name = f"{SHUFFLED}, by another recipe" if twins else SHUFFLED
        yield name, difference_over_seeds(matched["value"], matched["control"])
    known = expanded[expanded["network"].isin(group["network"]) & is_last(expanded)]
    if len(known):
        chance = bdtrc((known["significant"] * known["n"]).round() - 1, known["n"], ALPHA)
        yield "constrained, kernels expanded", _beyond(known["significant"] - ALPHA, chance)


def _beyond(differences: "pd.Series[float]", p: Any) -> Estimate:
    """Test over networks; a single network is judged by its own p."""
    found = difference_over_seeds(differences)
    return replace(found, p=float(np.asarray(p)[0])) if len(differences) == 1 else found


def _beyond_untrained(group: pd.DataFrame, untrained: pd.DataFrame) -> Estimate | None:
    if group["condition"].iloc[0] == "given":
        return _one_among(float(group["r2"].iloc[0]), untrained["r2"].to_numpy()) if len(untrained) else None
    changes = group["change"].dropna() if "change" in group else pd.Series(dtype=float)
    return difference_over_seeds(changes) if len(changes) else None


def _one_among(value: float, controls: np.ndarray) -> Estimate:
    """Test whether one network could be another of its controls: t of a further draw, from three controls on."""
    mean = over_seeds(controls)
    sample = controls[np.isfinite(controls)]
    spread = sample.std(ddof=1) * np.sqrt(1 + 1 / mean.n) if mean.n > 2 else 0.0
    p = 2 * stdtr(mean.n - 1, -abs(value - mean.value) / spread) if spread else np.nan
    return Estimate(value=value - mean.value, null=0.0, p=float(p), n=mean.n)


def _columns(found: Estimate | None) -> dict[str, float]:
    if found is None:
        return {"networks": 0}
    return {"networks": found.n, "value": found.value, "low": found.low, "high": found.high, "p": found.p}


def _verdict(row: Any) -> str:
    if not row.networks:
        return "no control"
    if not np.isfinite(row.p_holm):
        return "undecided"
    return "held" if row.value > 0 and row.p_holm <= ALPHA else "not held"


def _alike(table: pd.DataFrame, layer: Any, relation: Any) -> pd.DataFrame:
    return table[(table["layer"] == layer) & (table["relation"] == relation)]


def _by_seed(table: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(table["r2"].to_numpy(), index=[seed_number(str(name)) for name in table["network"]], dtype=float)


def _with_condition(table: pd.DataFrame) -> pd.DataFrame:
    pairs = zip(table["network"], table["epoch"], strict=True)
    return table.assign(condition=[condition_at(str(network), int(epoch)) for network, epoch in pairs])
