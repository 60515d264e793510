"""The step `atlas`: what all measures say of a filter, beside simple baselines and beside what the filter is worth."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.atlas.agreement import agreement as agreement, matrix as matrix
    from probecore.measures.atlas.baselines import (
        activation_baselines as activation_baselines,
        weight_baselines as weight_baselines,
    )
    from probecore.measures.atlas.groups import groups_of as groups_of
    from probecore.measures.atlas.increases import calibration_error as calibration_error
    from probecore.measures.atlas.prediction import predict as predict
    from probecore.measures.atlas.shapley import shapley_values as shapley_values
    from probecore.measures.atlas.table import long_table as long_table, missing as missing
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "agreement": ["agreement", "matrix"],
            "baselines": ["activation_baselines", "weight_baselines"],
            "groups": ["groups_of"],
            "increases": ["calibration_error"],
            "prediction": ["predict"],
            "shapley": ["shapley_values"],
            "table": ["long_table", "missing"],
        },
    )
