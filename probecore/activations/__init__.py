"""Activations: what a network computes, written to HDF5 while it computes, and read back checked.

What is exported here is imported on first use, so that `probecore.activations.params` stays cheap.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probecore.activations.dump import create_activations, create_epoch, dump_activations
    from probecore.activations.params import ActivationsParams
    from probecore.activations.reader import Activations

__all__ = ["Activations", "ActivationsParams", "create_activations", "create_epoch", "dump_activations"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = {"Activations": "reader", "ActivationsParams": "params"}.get(name, "dump")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
