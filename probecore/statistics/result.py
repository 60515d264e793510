"""The result of an estimate: the columns that every table of estimates has."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval, what to expect if there were nothing to find, and its sample size."""

    value: float
    low: float = math.nan
    high: float = math.nan
    null: float = math.nan
    p: float = math.nan
    n: int
