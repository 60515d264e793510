"""The step `recos`: rectified correlations on a sphere (Kuo 2016, doi 10.1016/j.jvcir.2016.11.003)."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.recos.fisher import fisher_ratio
    from probecore.recos.geometry import anchor_vectors, position_vectors, sphere_correlations
    from probecore.recos.polarity import mean_free, negated, polarity_logits, reverse
    from probecore.recos.signs import Contributions

__all__ = [
    "Contributions",
    "anchor_vectors",
    "fisher_ratio",
    "mean_free",
    "negated",
    "polarity_logits",
    "position_vectors",
    "reverse",
    "sphere_correlations",
]

_MODULES = {
    "geometry": ["anchor_vectors", "position_vectors", "sphere_correlations"],
    "polarity": ["mean_free", "negated", "polarity_logits", "reverse"],
    "signs": ["Contributions"],
    "fisher": ["fisher_ratio"],
}

__getattr__ = exports(__name__, {name: module for module, names in _MODULES.items() for name in names})
