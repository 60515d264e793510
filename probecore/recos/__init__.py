"""The step `recos`: rectified correlations on a sphere (Kuo 2016, doi 10.1016/j.jvcir.2016.11.003)."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.recos.polarity import negated, polarity_logits, reverse

__all__ = ["negated", "polarity_logits", "reverse"]

__getattr__ = exports(__name__, dict.fromkeys(__all__, "polarity"))
