"""Audits: what a published procedure reports, for real data and for nothing, beside a corrected one. No torch here.

A measure declares its steps (`Measure.audits`); its gathering job gives each step's numbers, from tables. What follows
is computed of these numbers here, in words that are the same for all measures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.files import write_table
from probecore.measures.base import AuditStep
from probecore.statistics import wilson_interval

NAME = "audit"
"""Of the table and of the figure."""

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a procedure reports over cases: a number, and from where to where it goes."""

    value: float
    low: float
    high: float
    n: int


PROCEDURES = ("published", "published_nothing", "corrected", "corrected_nothing")
"""The numbers of a step."""

NOT_RUN = Reported(value=np.nan, low=np.nan, high=np.nan, n=0)
"""Of a procedure that was not run on these data."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The four numbers of a step: both procedures, for real data and for nothing."""

    published: Reported
    published_nothing: Reported
    corrected: Reported
    corrected_nothing: Reported
    right: float | None = None
    """What is right for nothing, where it depends on the data."""


def share_significant(p: npt.ArrayLike) -> Reported:
    """Share of cases whose p is at most 5 %, with its 95 % interval as if cases were independent; NaN are left out.

    Examples
    --------
    >>> share_significant([0.01, 0.2, 0.03, 0.6]).value
    0.5
    """
    known = np.asarray(p, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return NOT_RUN
    hits = int((known <= LEVEL).sum())
    low, high = wilson_interval(hits, len(known))
    return Reported(value=hits / len(known), low=low, high=high, n=len(known))


def mean_of(values: npt.ArrayLike) -> Reported:
    """Mean over cases, from the least of them to the most; NaN are left out.

    Examples
    --------
    >>> mean_of([1.0, 3.0])
    Reported(value=2.0, low=1.0, high=3.0, n=2)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return NOT_RUN
    return Reported(value=float(known.mean()), low=float(known.min()), high=float(known.max()), n=len(known))


def exactly(value: float, *, n: int) -> Reported:
    """Take a number of n cases for what it is: no other sample would give another."""
    return Reported(value=value, low=value, high=value, n=n)


def widest(values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Reported:
    """Mean over cases that have an interval each, from the lowest end of these to the highest.

    Examples
    --------
    >>> widest([1.0, 3.0], [0.5, 2.0], [1.5, 4.0])
    Reported(value=2.0, low=0.5, high=4.0, n=2)
    """
    columns = np.stack([np.asarray(each, dtype=np.float64) for each in (values, low, high)])
    known = columns[:, np.isfinite(columns).all(axis=0)]
    if not known.size:
        return NOT_RUN
    return Reported(
        value=float(known[0].mean()), low=float(known[1].min()), high=float(known[2].max()), n=known.shape[1]
    )


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

    Each procedure is *wrong for nothing* where what it reports for nothing leaves out what is right; else it *finds
    nothing* where what it reports for real data overlaps with what it reports for nothing; else it *finds* something.

    Examples
    --------
    >>> nothing, much = mean_of([0.9, 1.0]), mean_of([2.4, 2.5])
    >>> texts = dict(name="x", reports="a number", published="a", corrected="b", nothing="noise", source="")
    >>> step = AuditStep(**texts, right=1.0)
    >>> found = Found(published=much, published_nothing=much, corrected=much, corrected_nothing=nothing)
    >>> verdict(step, found)
    'published: wrong for nothing, 2.45 where 1 is right; corrected: 2.45 against 0.95 for nothing, beyond it'
    """
    right = _right(step, found)
    published = _judged(found.published, found.published_nothing, right, step.tolerance)
    corrected = _judged(found.corrected, found.corrected_nothing, right, step.tolerance)
    return f"published: {published}; corrected: {corrected}"


def _right(step: AuditStep, found: Found) -> float:
    right = step.right if found.right is None else found.right
    if right is None:
        raise ValueError(f"{step.name}: neither the step nor its numbers say what is right")
    return right


def _judged(real: Reported, nothing: Reported, right: float, tolerance: float) -> str:
    if not nothing.n:
        return "no numbers"
    if not nothing.low - tolerance <= right <= nothing.high + tolerance:
        return f"wrong for nothing, {nothing.value:.3g} where {right:.3g} is right"
    if not real.n:
        return f"right for nothing, {nothing.value:.3g}"
    numbers = f"{real.value:.3g} against {nothing.value:.3g} for nothing"
    apart = real.low > nothing.high or real.high < nothing.low
    return f"{numbers}, {'beyond it' if apart else 'no more than that'}"


def _row(step: AuditStep, found: Found) -> dict[str, Any]:
    texts = ("reports", "published", "corrected", "nothing", "source")
    numbers = {
        f"{which}_{column}": value for which in PROCEDURES for column, value in asdict(getattr(found, which)).items()
    }
    return {
        "step": step.name,
        **{name: getattr(step, name) for name in texts},
        "right": _right(step, found),
        **numbers,
        "verdict": verdict(step, found),
    }


def _columns() -> Iterable[str]:
    yield from ("experiment", "step", "verdict", "reports", "published", "corrected", "nothing", "right")
    for which in PROCEDURES:
        yield from (f"{which}_{column}" for column in ("value", "low", "high", "n"))
    yield "source"


COLUMNS = list(_columns())
