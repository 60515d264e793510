"""What follows from the mean dimensions of an experiment's networks, in sentences made of the numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from probecore.measures.tables import is_last
from probecore.networks import condition_of
from probecore.statistics import difference_over_seeds

BASES = {"pixels": "the inputs' own coordinates", "pca": "principal components"}
LEVEL = 0.05


@dataclass(frozen=True)
class Verdict:
    """Whether a quantity lies above a bound, and what says so: one network's interval, or a test over seeds."""

    is_above: bool
    is_below: bool
    ground: str


def what_follows(companions: pd.DataFrame) -> list[str]:
    """One remark for each condition and basis, about the networks after training."""
    if companions.empty:
        return []
    last = companions[is_last(companions)]
    conditions = last["network"].map(lambda name: condition_of(str(name)))
    return [
        f"{_named(rows, str(condition))}, in {BASES[str(basis)]}: {_mean_dimensions(rows)} {_functions(rows)}".rstrip()
        for (condition, basis), rows in last.groupby([conditions, "basis"])
        if {"given_points", "independent_margins"} <= set(rows.dropna(subset="value")["quantity"])
    ]


def compare(rows: pd.DataFrame, bound: float, *, column: str = "value") -> Verdict:
    """Compare one quantity of the networks of a condition with `bound`.

    Of one network its interval decides, of more a t test over seeds at 5 %; with two there is no test.
    """
    interval = ["low", "high"] if column == "value" else [f"{column}_low", f"{column}_high"]
    values = rows[column].dropna()
    if len(values) == 1:
        low, high = rows.loc[values.index[0], interval]
        if np.isnan(low):
            return Verdict(is_above=False, is_below=False, ground="no interval")
        return Verdict(is_above=low > bound, is_below=high < bound, ground=f"95 % interval {low:.2f} to {high:.2f}")
    test = difference_over_seeds(values - bound)
    if np.isnan(test.p):
        return Verdict(is_above=False, is_below=False, ground=f"{len(values)} seeds are too few for a test")
    is_different = test.p <= LEVEL
    return Verdict(
        is_above=is_different and test.value > 0,
        is_below=is_different and test.value < 0,
        ground=f"p = {test.p:.2g} over {test.n} seeds",
    )


def _named(rows: pd.DataFrame, condition: str) -> str:
    count = rows["network"].nunique()
    return f"Network {condition}" if count == 1 else f"Networks {condition} (means over {count} seeds)"


def _mean_dimensions(rows: pd.DataFrame) -> str:
    given = _mean(rows, "given_points")
    independent = _of(rows, "independent_margins")
    text = (
        f"the output's mean dimension is {given:.2f} on the given points and {independent['value'].mean():.2f} where "
        "the same coordinates are made independent"
    )
    if not np.isnan(within := _mean(rows, "within_classes")):
        text += f", {within:.2f} within classes"
    if not np.isnan(linear := _mean(rows, "linear_surrogate")):
        text += f"; its best linear fit has {linear:.2f} on the given points"
    text += "."
    if given < 1:
        text += (
            " Every function of independent coordinates has 1 or more, so what is below 1 comes from dependence among "
            "coordinates and says nothing of additivity."
        )
    above = compare(independent, 1.0)
    follows = "So it is not additive" if above.is_above else "It is not told apart from an additive function"
    return f"{text} {follows} where coordinates are independent ({above.ground} against 1).{_since(independent)}"


def _since(independent: pd.DataFrame) -> str:
    """How the value under independence moved since the untrained network."""
    if "change" not in independent or independent["change"].isna().all():
        return ""
    moved = compare(independent, 0.0, column="change")
    how = "above" if moved.is_above else "below" if moved.is_below else "not told apart from"
    size = abs(independent["change"].mean())
    return f" There it is {how} the untrained network's, by {size:.2f} ({moved.ground} against 0)."


def _functions(rows: pd.DataFrame) -> str:
    additive, other = _mean(rows, "r2_additive"), _mean(rows, "r2_non_additive")
    if np.isnan(additive) or np.isnan(other):
        return ""
    gain = compare(_of(rows, "r2_gain"), 0.0)
    follows = (
        "so what this additive function misses on the given points is not noise"
        if gain.is_above
        else "so nothing that additive functions miss was found on the given points"
    )
    return (
        f"An additive function fitted to other test images explains {additive:.2f} of the output's variance, a "
        f"non-additive one {other:.2f} ({gain.ground} for the difference), {follows}; the best functions of each kind "
        "may explain more."
    )


def _of(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return rows[rows["quantity"] == quantity]


def _mean(rows: pd.DataFrame, quantity: str) -> float:
    return float(_of(rows, quantity)["value"].mean())
