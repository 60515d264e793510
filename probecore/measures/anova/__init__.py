"""The step `anova`: do weights follow the features? A reconstruction of Alsaghir et al., doi 10.3390/e24010132."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.anova.excitations import (
        activation_weighted_patch as activation_weighted_patch,
        feature_map_statistics as feature_map_statistics,
        mean_patch as mean_patch,
        patch_covariance as patch_covariance,
    )
    from probecore.measures.anova.expanded import expanded_match as expanded_match
    from probecore.measures.anova.groups import (
        kruskal_wallis as kruskal_wallis,
        one_way_anova as one_way_anova,
        two_way_anova as two_way_anova,
        welch_anova as welch_anova,
    )
    from probecore.measures.anova.layers import LayerModel as LayerModel
    from probecore.measures.anova.matrices import (
        gradient_outer_product as gradient_outer_product,
        matrix_association as matrix_association,
    )
    from probecore.measures.anova.regression import regression_anova as regression_anova
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "excitations": ["activation_weighted_patch", "feature_map_statistics", "mean_patch", "patch_covariance"],
            "expanded": ["expanded_match"],
            "groups": ["kruskal_wallis", "one_way_anova", "two_way_anova", "welch_anova"],
            "layers": ["LayerModel"],
            "matrices": ["gradient_outer_product", "matrix_association"],
            "regression": ["regression_anova"],
        },
    )
