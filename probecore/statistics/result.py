"""The result of an estimate: the columns that every table of estimates has. What measures return has them too."""

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

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends, `low` and `high`; NaN where there is no interval."""
        return self.low, self.high
