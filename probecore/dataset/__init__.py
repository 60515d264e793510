"""Data sets: where they come from, and the one file format in which the other steps read them.

What is exported here is imported on first use, so that `probecore.dataset.params` stays cheap.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probecore.dataset.make import make_dataset
    from probecore.dataset.params import DatasetParams
    from probecore.dataset.store import Backgrounds, Dataset, Split, load_dataset, verify_dataset, write_dataset

__all__ = [
    "Backgrounds",
    "Dataset",
    "DatasetParams",
    "Split",
    "load_dataset",
    "make_dataset",
    "verify_dataset",
    "write_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = {"make_dataset": "make", "DatasetParams": "params"}.get(name, "store")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
