"""Nulls, intervals and corrections that more than one measure uses; functions of arrays."""

from probecore.statistics.proportions import paired_difference, wilson_interval
from probecore.statistics.result import Estimate

__all__ = ["Estimate", "paired_difference", "wilson_interval"]
