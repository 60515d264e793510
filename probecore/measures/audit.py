"""Audits: what a published procedure reports, for real data and for nothing, beside a corrected one. No torch here.

A measure declares its steps (`Measure.audits`); its gathering job gives each step's numbers, from tables. What follows
is computed of these numbers here, in words that are the same for all measures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.files import write_table
from probecore.measures.base import AuditStep
from probecore.statistics import Estimate, difference_over_seeds, over_seeds, wilson_interval
from probecore.statistics.seeds import FEWEST_FOR_INTERVAL

NAME = "audit"
"""Of the table and of the figure."""

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a procedure reports: a number over n cases and its interval, NaN where it has none."""

    value: float
    low: float
    high: float
    n: int
    by_network: Mapping[str, float] = field(default_factory=dict)
    """The number of each network, by its name."""


PROCEDURES = ("published", "published_nothing", "corrected", "corrected_nothing")
"""The numbers of a step."""

NUMBERS = ("value", "low", "high", "n")
"""The columns of each."""

NOT_RUN = Reported(value=np.nan, low=np.nan, high=np.nan, n=0)
"""Of a procedure that was not run on these data."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The four numbers of a step: both procedures, for real data and for nothing."""

    published: Reported
    published_nothing: Reported
    corrected: Reported
    corrected_nothing: Reported


def share_significant(p: npt.ArrayLike, *, networks: Sequence[str], cases: Sequence[str]) -> Reported:
    """Share of comparisons whose p is at most 5 %, with Wilson's 95 % interval over cases; NaN are left out.

    Parameters
    ----------
    p : of each comparison
    networks : the network of each
    cases : what each is of within its network; comparisons of one case depend on each other, and count as one, by
        their mean

    Examples
    --------
    >>> share_significant([0.01, 0.2, 0.03, 0.01], networks=["a"] * 4, cases=["x", "x", "y", "y"])
    Reported(value=0.75, low=0.08..., high=0.99..., n=2, by_network={'a': 0.75})
    """
    table = pd.DataFrame({"p": np.asarray(p, dtype=np.float64), "network": list(networks), "case": list(cases)})
    known = table[np.isfinite(table["p"])]
    if known.empty:
        return NOT_RUN
    hits = known.assign(hit=known["p"] <= LEVEL).groupby(["network", "case"])["hit"].mean()
    low, high = wilson_interval(float(hits.sum()), len(hits))
    return Reported(value=float(hits.mean()), low=low, high=high, n=len(hits), by_network=_by_network(hits))


def over_networks(
    values: npt.ArrayLike, networks: Sequence[str], low: npt.ArrayLike | None = None, high: npt.ArrayLike | None = None
) -> Reported:
    """Mean over networks of a value each; NaN are left out.

    Where each value has an interval of its own, from `low` to `high`, the mean's goes from the lowest end to the
    highest; else it is Student's 95 % t interval over networks, from five of them on.

    Examples
    --------
    >>> over_networks([1.0, 3.0], ["a", "b"], low=[0.5, 2.0], high=[1.5, 4.0])
    Reported(value=2.0, low=0.5, high=4.0, n=2, by_network={'a': 1.0, 'b': 3.0})
    """
    columns = {"value": values, "low": np.nan if low is None else low, "high": np.nan if high is None else high}
    table = pd.DataFrame({**columns, "network": list(networks)})
    known = table[np.isfinite(table["value"])]
    if known.empty:
        return NOT_RUN
    found = _by_network(known.set_index("network")["value"])
    mean = over_seeds(list(found.values()))
    ends = (mean.low, mean.high)
    if np.isfinite(known[["low", "high"]]).all(axis=None):
        ends = (float(known["low"].min()), float(known["high"].max()))
    return Reported(value=mean.value, low=ends[0], high=ends[1], n=len(found), by_network=found)


def exactly(value: float, *, n: int) -> Reported:
    """Take a number of n cases for what it is: no other sample would give another."""
    return Reported(value=value, low=value, high=value, n=n)


def _by_network(values: "pd.Series[Any]") -> dict[str, float]:
    return {str(name): float(mean) for name, mean in values.groupby("network").mean().items()}


def audit_table(experiment: str, steps: Sequence[AuditStep], found: Mapping[str, Found]) -> pd.DataFrame:
    """Make the table of an experiment: a row per step that has numbers, with its verdict.

    Parameters
    ----------
    experiment : its name
    steps : those that the measure declares
    found : numbers by the step's name
    """
    rows = [{"experiment": experiment, **_row(step, found[step.name])} for step in steps if step.name in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def write_audit(folder: Path, table: pd.DataFrame) -> None:
    """Write ``audit.csv``, steps in alphabetical order."""
    write_table(folder / f"{NAME}.csv", table, sort_by=["experiment", "step"])


def remarks_of(table: pd.DataFrame) -> list[str]:
    """Say each verdict of an audit as a sentence of the measure's summary."""
    return [f"Audit of {row.step}: {row.verdict}." for row in table.itertuples()]


def without_audit(table: pd.DataFrame) -> list[str]:
    """Name the figure that a summary leaves out where nothing was audited."""
    return [NAME] if table.empty else []


def verdict(step: AuditStep, found: Found) -> str:
    """Say in a line what follows from a step's numbers.

    A procedure is *wrong for nothing* where the interval of what it reports for nothing leaves out what is right. Else
    what it reports of real data is *above* or *below* that where the difference, by network, differs from 0 over five
    networks or more: a t test at 5 %. Everything else is *undecided*; that a difference is not seen is no finding.

    Examples
    --------
    >>> names = ["a", "b", "c", "d", "e"]
    >>> nothing, much = (over_networks(np.array([0.8, 0.9, 1.0, 1.1, 1.2]) + more, names) for more in (0, 1.5))
    >>> texts = dict(name="x", reports="a number", published="a", corrected="b", nothing="noise", source="")
    >>> step = AuditStep(**texts, right=1.0)
    >>> found = Found(published=much, published_nothing=much, corrected=nothing, corrected_nothing=nothing)
    >>> for line in verdict(step, found).split("; "):
    ...     print(line)
    published: wrong for nothing, 2.5 where 1 is right
    corrected: 1 against 1 for nothing, undecided: by 0 over 5 networks
    """
    published = _judged(found.published, found.published_nothing, step)
    corrected = "by construction" if step.by_construction else _judged(found.corrected, found.corrected_nothing, step)
    return f"published: {published}; corrected: {corrected}"


def _judged(real: Reported, nothing: Reported, step: AuditStep) -> str:
    if not nothing.n:
        return "no numbers"
    if step.right is not None and not _includes(nothing, step.right, step.tolerance):
        return _not_right(nothing, step.right)
    if not real.n:
        return f"{'' if step.right is None else 'right '}for nothing, {nothing.value:.3g}"
    return f"{real.value:.3g} against {nothing.value:.3g} for nothing, {_compared(real, nothing)}"


def _includes(nothing: Reported, right: float, tolerance: float) -> bool:
    low, high = (nothing.low, nothing.high) if np.isfinite(nothing.low) else (nothing.value, nothing.value)
    return low - tolerance <= right <= high + tolerance


def _not_right(nothing: Reported, right: float) -> str:
    numbers = f"{_apart(nothing.value, right)} where {right:.3g} is right"
    if np.isfinite(nothing.low):
        return f"wrong for nothing, {numbers}"
    values = ", ".join(f"{value:.3g}" for value in nothing.by_network.values())
    return f"undecided for nothing, {numbers}, without an interval: {_networks(nothing.n)} ({values})"


def _compared(real: Reported, nothing: Reported) -> str:
    """Say what the difference to nothing is over networks, each with itself."""
    names = [name for name in real.by_network if name in nothing.by_network]
    found = difference_over_seeds(
        [real.by_network[name] for name in names], [nothing.by_network[name] for name in names]
    )
    if found.n < FEWEST_FOR_INTERVAL:
        return f"undecided: {_networks(found.n)}"
    side = "undecided:" if not found.p <= LEVEL else "above it" if found.value > 0 else "below it"
    return f"{side} by {_with_interval(found)} over {found.n} networks"


def _with_interval(found: Estimate) -> str:
    interval = f" [{found.low:.3g}, {found.high:.3g}]" if np.isfinite(found.low) else ""
    return f"{found.value:.3g}{interval}"


def _networks(n: int) -> str:
    return f"{n} of {FEWEST_FOR_INTERVAL} networks"


def _apart(value: float, other: float) -> str:
    """Write a number with three digits, or as many as tell it from another one."""
    digits = next((n for n in range(3, 17) if f"{value:.{n}g}" != f"{other:.{n}g}"), 17)
    return f"{value:.{digits}g}"


def _row(step: AuditStep, found: Found) -> dict[str, Any]:
    texts = ("reports", "published", "corrected", "nothing", "source")
    numbers = {
        f"{which}_{column}": getattr(getattr(found, which), column) for which in PROCEDURES for column in NUMBERS
    }
    return {
        "step": step.name,
        **{name: getattr(step, name) for name in texts},
        "right": np.nan if step.right is None else step.right,
        **numbers,
        "verdict": verdict(step, found),
    }


def _columns() -> Iterable[str]:
    yield from ("experiment", "step", "verdict", "reports", "published", "corrected", "nothing", "right")
    for which in PROCEDURES:
        yield from (f"{which}_{column}" for column in NUMBERS)
    yield "source"


COLUMNS = list(_columns())
