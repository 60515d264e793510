"""The step `recos`: rectified correlations on a sphere (Kuo 2016, doi 10.1016/j.jvcir.2016.11.003)."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.recos.fisher import fisher_ratio as fisher_ratio
    from probecore.measures.recos.geometry import (
        anchor_vectors as anchor_vectors,
        position_vectors as position_vectors,
        sphere_correlations as sphere_correlations,
    )
    from probecore.measures.recos.polarity import (
        mean_free as mean_free,
        negated as negated,
        polarity_logits as polarity_logits,
        reverse as reverse,
    )
    from probecore.measures.recos.signs import Contributions as Contributions
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "fisher": ["fisher_ratio"],
            "geometry": ["anchor_vectors", "position_vectors", "sphere_correlations"],
            "polarity": ["mean_free", "negated", "polarity_logits", "reverse"],
            "signs": ["Contributions"],
        },
    )
