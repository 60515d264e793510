"""The step `anova`: do weights follow the features? A reconstruction of Alsaghir et al., doi 10.3390/e24010132."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.anova.excitations import (
        activation_weighted_patch,
        feature_map_statistics,
        mean_patch,
        patch_covariance,
    )
    from probecore.anova.expanded import expanded_match
    from probecore.anova.groups import kruskal_wallis, one_way_anova, two_way_anova, welch_anova
    from probecore.anova.layers import LayerModel
    from probecore.anova.matrices import gradient_outer_product, matrix_association
    from probecore.anova.regression import regression_anova

HOMES = {
    "LayerModel": "layers",
    "activation_weighted_patch": "excitations",
    "expanded_match": "expanded",
    "feature_map_statistics": "excitations",
    "gradient_outer_product": "matrices",
    "kruskal_wallis": "groups",
    "matrix_association": "matrices",
    "mean_patch": "excitations",
    "one_way_anova": "groups",
    "patch_covariance": "excitations",
    "regression_anova": "regression",
    "two_way_anova": "groups",
    "welch_anova": "groups",
}

__all__ = [
    "LayerModel",
    "activation_weighted_patch",
    "expanded_match",
    "feature_map_statistics",
    "gradient_outer_product",
    "kruskal_wallis",
    "matrix_association",
    "mean_patch",
    "one_way_anova",
    "patch_covariance",
    "regression_anova",
    "two_way_anova",
    "welch_anova",
]

__getattr__ = exports(__name__, HOMES)
