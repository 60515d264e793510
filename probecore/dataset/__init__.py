"""Data sets: where they come from, and the one file format in which the other steps read them.

What is exported here is imported on first use, so that `probecore.dataset.params` stays cheap.
"""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.dataset.make import make_dataset as make_dataset
    from probecore.dataset.params import DatasetParams as DatasetParams
    from probecore.dataset.store import (
        Backgrounds as Backgrounds,
        Dataset as Dataset,
        Split as Split,
        load_dataset as load_dataset,
        verify_dataset as verify_dataset,
        write_dataset as write_dataset,
    )
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "make": ["make_dataset"],
            "params": ["DatasetParams"],
            "store": ["Backgrounds", "Dataset", "Split", "load_dataset", "verify_dataset", "write_dataset"],
        },
    )
