"""Nulls, intervals and corrections that more than one measure uses; functions of arrays."""

from probecore.statistics.families import adjust
from probecore.statistics.intervals import (
    Intervals,
    bca_interval,
    mean_estimates,
    mean_interval,
    ratio_interval,
    studentised_interval,
)
from probecore.statistics.proportions import Z, paired_difference, share_of, wilson_interval
from probecore.statistics.resampling import bootstrap_counts, percentile_interval, permutation_p, spearman
from probecore.statistics.result import Estimate
from probecore.statistics.seeds import difference_over_seeds, headline_over_seeds, over_seeds

__all__ = [
    "Estimate",
    "Intervals",
    "Z",
    "adjust",
    "bca_interval",
    "bootstrap_counts",
    "difference_over_seeds",
    "headline_over_seeds",
    "mean_estimates",
    "mean_interval",
    "over_seeds",
    "paired_difference",
    "percentile_interval",
    "permutation_p",
    "ratio_interval",
    "share_of",
    "spearman",
    "studentised_interval",
    "wilson_interval",
]
