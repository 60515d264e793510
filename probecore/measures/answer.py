"""The number with which a measure answers its question on the first screen of the report, made from its tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from probecore.measures.base import Answer
from probecore.measures.tables import at_the_end
from probecore.networks import in_order, shown_condition, untrained_control
from probecore.statistics import Estimate, difference_over_seeds, over_seeds
from probecore.statistics.seeds import FEWEST_FOR_INTERVAL
from probecore.summary import Answered, AnswerRow

NO_CONTROL = "no control"
UNDECIDED = "undecided"

UNTRAINED = ("untrained", "reinitialised")


def answer_from(tables: Mapping[str, pd.DataFrame], answer: Answer) -> Answered:
    """Answer a measure's question from its gathered tables.

    The verdict compares networks after training with themselves before it, a paired t test over seeds; with fewer than
    five seeds nothing is decided, see `probecore.statistics.over_seeds`.

    Examples
    --------
    >>> table = pd.DataFrame({"network": "trained-0", "epoch": [0, 0, 9, 9], "value": [0.1, 0.3, 0.5, 0.7]})
    >>> print(answer_from({"layers": table}, Answer(says="R²", table="layers", where={}, null=None)).sentence)
    R²: 0.6 after training and 0.2 before it (1 network), a difference of 0.4
    """
    values = _by_network(tables[answer.table], answer)
    rows = [_row(condition, values[values["condition"] == condition]) for condition in in_order(values["condition"])]
    shown = shown_condition(values["condition"]) if len(values) else ""
    change, before = _change(values, shown)
    return Answered(
        says=answer.says, rows=rows, verdict=_verdict(change), sentence=_sentence(answer, rows, shown, change, before)
    )


def _by_network(table: pd.DataFrame, answer: Answer) -> pd.DataFrame:
    """One row per network and condition, with `value` and `null`."""
    if table.empty:  # not asked for: it has its key columns alone
        return pd.DataFrame(columns=["condition", "network", "epoch", "value", "null"])
    rows = at_the_end(table)
    for column, wanted in answer.where.items():
        rows = rows[rows[column].astype(str) == str(wanted)]
    keys = ["condition", "network", "epoch"]
    if answer.at_end:
        rows = rows[rows[answer.at_end] == rows.groupby(keys)[answer.at_end].transform("max")]
    null = rows[answer.null] / answer.unit if answer.null else np.nan
    named = {"value": rows[answer.column] / answer.unit, "null": null}
    means = rows[keys].assign(**named).groupby(keys, as_index=False).mean()
    return means[means["value"].notna()]


def _row(condition: str, networks: pd.DataFrame) -> AnswerRow:
    mean = over_seeds(networks["value"])
    return AnswerRow(
        condition=condition,
        n=mean.n,
        value=mean.value,
        low=_known(mean.low),
        high=_known(mean.high),
        least=float(networks["value"].min()),
        most=float(networks["value"].max()),
        null=_known(float(networks["null"].mean())),
    )


def _change(values: pd.DataFrame, shown: str) -> tuple[Estimate, float]:
    """What training changed in the networks that are shown, and the mean of their controls; NaN without any."""
    after = values[values["condition"] == shown].set_index("network")["value"]
    untrained = values[values["condition"].isin(UNTRAINED)].set_index("network")["value"]
    controls = {name: untrained_control(name, values["network"]) for name in after.index if shown not in UNTRAINED}
    pairs = [(after[name], untrained[control]) for name, control in controls.items() if control in untrained.index]
    if not pairs:
        return Estimate(value=np.nan, n=0), np.nan
    trained, before = np.array(pairs).T
    return difference_over_seeds(trained, before), float(before.mean())


def _verdict(change: Estimate) -> str:
    if not change.n:
        return NO_CONTROL
    if change.n < FEWEST_FOR_INTERVAL:
        return f"{UNDECIDED}: {change.n} of {FEWEST_FOR_INTERVAL} networks"
    if change.p < 0.05:
        return "higher than untrained" if change.value > 0 else "lower than untrained"
    return "not told from untrained"


def _sentence(answer: Answer, rows: list[AnswerRow], shown: str, change: Estimate, before: float) -> str:
    row = next((row for row in rows if row.condition == shown), None)
    if row is None:
        return f"{answer.says}: not measured"
    networks = f"{row.n} network" + ("s" if row.n > 1 else "")
    if not change.n:
        return f"{answer.says}: {row.value:.3g} ({networks}), and no untrained network to compare with"
    interval = f" (95 % interval {change.low:.3g} to {change.high:.3g})" if np.isfinite(change.low) else ""
    return (
        f"{answer.says}: {row.value:.3g} after training and {before:.3g} before it ({networks}),"
        f" a difference of {change.value:.3g}{interval}"
    )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
