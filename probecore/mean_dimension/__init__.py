"""The step `mean_dimension`: how much the inputs of a network interact (Hahn et al. 2022, arXiv 2207.04890)."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.mean_dimension.bases import Basis, InverseBasis, pca_basis
    from probecore.mean_dimension.deletion import deletion_curve
    from probecore.mean_dimension.estimate import authors_variant, mean_dimension
    from probecore.mean_dimension.network import network_mean_dimension
    from probecore.mean_dimension.result import MeanDimension
    from probecore.mean_dimension.winding import winding_stairs

__all__ = [
    "Basis",
    "InverseBasis",
    "MeanDimension",
    "authors_variant",
    "deletion_curve",
    "mean_dimension",
    "network_mean_dimension",
    "pca_basis",
    "winding_stairs",
]

_HOME = {
    "Basis": "bases",
    "InverseBasis": "bases",
    "MeanDimension": "result",
    "authors_variant": "estimate",
    "deletion_curve": "deletion",
    "mean_dimension": "estimate",
    "network_mean_dimension": "network",
    "pca_basis": "bases",
    "winding_stairs": "winding",
}

__getattr__ = exports(__name__, _HOME)
