"""The step `mean_dimension`: how much the inputs of a network interact (Hahn et al. 2022, arXiv 2207.04890)."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.mean_dimension.bases import (
        Basis as Basis,
        InverseBasis as InverseBasis,
        pca_basis as pca_basis,
    )
    from probecore.measures.mean_dimension.deletion import deletion_curve as deletion_curve
    from probecore.measures.mean_dimension.estimate import (
        authors_variant as authors_variant,
        mean_dimension as mean_dimension,
    )
    from probecore.measures.mean_dimension.network import network_mean_dimension as network_mean_dimension
    from probecore.measures.mean_dimension.result import MeanDimension as MeanDimension
    from probecore.measures.mean_dimension.winding import winding_stairs as winding_stairs
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "bases": ["Basis", "InverseBasis", "pca_basis"],
            "deletion": ["deletion_curve"],
            "estimate": ["authors_variant", "mean_dimension"],
            "network": ["network_mean_dimension"],
            "result": ["MeanDimension"],
            "winding": ["winding_stairs"],
        },
    )
