"""Evaluating a function at exchanged points, the plain way: build each changed input and call the function.

Every batch holds the base points beside the points made of them, so that what an exchange does not change compares
equal, to the last bit where a function treats every row of a batch alike (libraries of linear algebra may not). The
fast ways are in `local`, `windows`, `rank_one` and `graph`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from probecore.errors import InputError
from probecore.measures.mean_dimension.bases import Basis
from probecore.measures.mean_dimension.exchange import Swaps

Named = dict[str, Tensor]
"""Outputs by name, each (B, ...)."""

BATCH = 98
"""Changed inputs per evaluation of a network; larger batches leave the cache."""


class Evaluator(Protocol):
    """How a function is evaluated."""

    chunk: int
    """Base points at a time."""
    by_feature: bool
    """Whether it wants swaps sorted by coordinate, else by base point."""

    def outputs(self, points: Tensor) -> Named:
        """The outputs at points (B, ...)."""

    def changed(self, points: Tensor, swaps: Swaps) -> Iterator[tuple[slice, Named, Named]]:
        """Which swaps, the outputs after and before them; `points` are the chunk's base points."""


class Plain:
    """Any function.

    Parameters
    ----------
    function : points (B, ...) to named outputs
    basis : None for the inputs' own coordinates
    batch : changed inputs per call
    """

    chunk = 1000
    by_feature = False

    def __init__(self, function: Callable[[Tensor], Named], *, basis: Basis | None, batch: int = BATCH) -> None:
        self.outputs = function
        self._basis, self._batch = basis, batch

    def changed(self, points: Tensor, swaps: Swaps) -> Iterator[tuple[slice, Named, Named]]:
        """See `Evaluator`."""
        inputs = points.flatten(1)
        directions = None if self._basis is None else torch.from_numpy(self._basis.directions).to(inputs)
        for start in range(0, len(swaps), self._batch):
            part = slice(start, min(start + self._batch, len(swaps)))
            rows, features = swaps.rows[part], swaps.features[part]
            bases, place = torch.unique(rows, return_inverse=True)
            batch = torch.cat([inputs[bases], inputs[rows]])
            moved = batch[len(bases) :]
            if directions is None:
                moved[torch.arange(len(rows), device=rows.device), features] = swaps.values[part]
            else:
                moved += swaps.deltas[part, None] * directions[features]
            outputs = self.outputs(batch.view(-1, *points.shape[1:]))
            yield (
                part,
                {name: output[len(bases) :] for name, output in outputs.items()},
                {name: output[: len(bases)][place] for name, output in outputs.items()},
            )


def as_function(function: Callable[[Any], Any], *, arrays: bool) -> Callable[[Tensor], Named]:
    """A function of tensors that gives named tensors, of one that takes arrays or tensors.

    Raises
    ------
    InputError
        When called, if the function does not give one row for each point.
    """

    def call(points: Tensor) -> Named:
        own = points.clone()  # the function may write into it
        given = function(own.numpy()) if arrays else function(own)
        output = given.detach() if isinstance(given, Tensor) else torch.from_numpy(np.asarray(given))
        if output.ndim == 0 or len(output) != len(points):
            raise InputError(
                f"function: gives shape {tuple(output.shape)} for {len(points)} points; it must give one row for each"
            )
        return {"output": output if output.is_floating_point() else output.double()}

    return call
