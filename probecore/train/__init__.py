"""The step `train`: networks by condition and seed, with checkpoints over training."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.train.checkpoints import (
        describe as describe,
        epochs_in as epochs_in,
        load_checkpoint as load_checkpoint,
    )
    from probecore.train.inference import load_network as load_network
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "checkpoints": ["describe", "epochs_in", "load_checkpoint"],
            "inference": ["load_network"],
        },
    )
