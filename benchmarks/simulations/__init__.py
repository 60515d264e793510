"""What the calibration suite simulates: a module per measure, each with `SIMULATIONS`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Repeat:
    """One repeat of an experiment whose truth is known; arrays stand for several estimates at once.

    An estimate without an interval or without a p-value has NaN there. `p` counts only where the null is true.
    """

    truth: np.ndarray | float = np.nan
    value: np.ndarray | float = np.nan
    low: np.ndarray | float = np.nan
    high: np.ndarray | float = np.nan
    p: np.ndarray | float = np.nan


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """An experiment with a known truth, which vouches for columns of a measure's tables.

    Attributes
    ----------
    name
        What is simulated, a few words.
    covers
        Table and quantity of the measure, ``"layers.csv:snr"``; the quantity is the entry of the column ``quantity``
        where the table has one, else the name of the column that the interval or p-value belongs to.
    n
        Size of a sample, as the tables' column ``n`` counts it.
    repeat
        Draws one sample, calls the product's own function on it, and returns what it printed beside the truth.
    repeats, quick_repeats
        How often, in the committed table and in the tests; a quick run of all simulations takes about two minutes.
    printed
        False: a case where no interval is known to hold. Few samples may show one: those whose interval misses are
        to be at most 5 % of all.
    """

    name: str
    covers: tuple[str, ...]
    n: int
    repeat: Callable[[np.random.Generator], Repeat]
    repeats: int = 1000
    quick_repeats: int = 60
    printed: bool = True


@dataclass(frozen=True)
class Exempt:
    """A column with an interval or p-value that no simulation can vouch for, and why."""

    covers: Iterable[str]
    reason: str


AUDITED = Exempt(
    covers=[f"audit.csv:{side}" for side in ("published", "published_nothing", "corrected", "corrected_nothing")],
    reason="numbers of other tables, and shares of networks, whose verdicts tests/measures/test_audit.py simulates",
)
"""What an audit compares."""
