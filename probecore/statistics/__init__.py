"""Nulls, intervals and corrections that more than one measure uses; functions of arrays."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.statistics.binning import quantile_bins as quantile_bins
    from probecore.statistics.families import adjust as adjust
    from probecore.statistics.intervals import (
        Intervals as Intervals,
        bca_interval as bca_interval,
        mean_estimates as mean_estimates,
        mean_interval as mean_interval,
        ratio_interval as ratio_interval,
        studentised_interval as studentised_interval,
    )
    from probecore.statistics.proportions import (
        Z as Z,
        paired_difference as paired_difference,
        share_of as share_of,
        wilson_interval as wilson_interval,
    )
    from probecore.statistics.resampling import (
        bootstrap_counts as bootstrap_counts,
        percentile_interval as percentile_interval,
        permutation_p as permutation_p,
        rank_correlation as rank_correlation,
        spearman as spearman,
    )
    from probecore.statistics.result import Estimate as Estimate
    from probecore.statistics.seeds import (
        difference_over_seeds as difference_over_seeds,
        headline_over_seeds as headline_over_seeds,
        over_seeds as over_seeds,
    )
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "binning": ["quantile_bins"],
            "families": ["adjust"],
            "intervals": [
                "Intervals",
                "bca_interval",
                "mean_estimates",
                "mean_interval",
                "ratio_interval",
                "studentised_interval",
            ],
            "proportions": ["Z", "paired_difference", "share_of", "wilson_interval"],
            "resampling": ["bootstrap_counts", "percentile_interval", "permutation_p", "rank_correlation", "spearman"],
            "result": ["Estimate"],
            "seeds": ["difference_over_seeds", "headline_over_seeds", "over_seeds"],
        },
    )
