"""The step `train`: networks by condition and seed, with checkpoints over training."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.train.checkpoints import describe, epochs_in, load_checkpoint
    from probecore.train.inference import load_network

__all__ = ["describe", "epochs_in", "load_checkpoint", "load_network"]

__getattr__ = exports(
    __name__,
    {
        "describe": "checkpoints",
        "epochs_in": "checkpoints",
        "load_checkpoint": "checkpoints",
        "load_network": "inference",
    },
)
