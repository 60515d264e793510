"""Activations: what a network computes, written to HDF5 while it computes, and read back checked.

What is exported here is imported on first use, so that `probecore.activations.params` stays cheap.
"""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.activations.dump import (
        create_activations as create_activations,
        create_epoch as create_epoch,
        dump_activations as dump_activations,
    )
    from probecore.activations.params import ActivationsParams as ActivationsParams
    from probecore.activations.reader import Activations as Activations
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "dump": ["create_activations", "create_epoch", "dump_activations"],
            "params": ["ActivationsParams"],
            "reader": ["Activations"],
        },
    )
