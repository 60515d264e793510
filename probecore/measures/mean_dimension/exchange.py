"""Which coordinates are exchanged between which points.

The points lie on a circle in random order; in shuffle r the donor of a point is its r-th neighbour. So every
point is base once and donor once per shuffle, no point is its own donor, and no pair comes twice. Exchanges that
change nothing are left out; they contribute exactly 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Swaps:
    """T exchanges among the base points of one chunk, sorted by base point or by coordinate."""

    rows: Tensor
    """(T,), the base point within the chunk."""
    features: Tensor
    """(T,), the coordinate."""
    deltas: Tensor
    """(T,), the donor's coordinate minus the base point's."""
    values: Tensor
    """(T,), the donor's coordinate."""
    weights: Tensor | None
    """(T,), 1 / probability of having been drawn; None where nothing was drawn."""

    def __len__(self) -> int:
        return len(self.rows)

    def runs(self) -> Iterator[slice]:
        """Stretches of equal coordinate; for swaps sorted by coordinate."""
        ends = (torch.nonzero(self.features.diff()) + 1).flatten().tolist()
        for start, end in zip([0, *ends], [*ends, len(self)], strict=True):
            if end > start:
                yield slice(start, end)


def exchanges(
    base: Tensor,
    donor: Tensor,
    *,
    features: int | None = None,
    generator: np.random.Generator,
    by_feature: bool,
) -> Swaps:
    """The exchanges between points with coordinates `base` and `donor`, both (n, D).

    With `features`, about so many of the D coordinates per pair, drawn without replacement with probabilities
    that mix equal ones with ones in proportion to the squared difference, by systematic sampling; weighting
    by 1 / probability leaves sums over coordinates unbiased (Horvitz and Thompson 1952, doi 10.2307/2280784).
    """
    deltas = donor - base
    chosen, weights = deltas != 0, None
    if features is not None and features < deltas.shape[1]:
        probabilities = inclusion_probabilities(deltas.double().cpu().numpy(), features)
        start = generator.random((len(deltas), 1))
        upto = np.cumsum(probabilities, axis=1) + start
        before = np.concatenate([start, upto[:, :-1]], axis=1)
        chosen = chosen & torch.from_numpy(np.floor(upto) > np.floor(before)).to(chosen.device)
        weights = 1 / torch.from_numpy(np.where(probabilities > 0, probabilities, 1)).to(chosen.device)
    if by_feature:
        index, rows = torch.nonzero(chosen.T, as_tuple=True)
    else:
        rows, index = torch.nonzero(chosen, as_tuple=True)
    return Swaps(
        rows,
        index,
        deltas[rows, index],
        donor[rows, index],
        None if weights is None else weights[rows, index],
    )


def inclusion_probabilities(deltas: npt.NDArray[np.float64], features: int) -> npt.NDArray[np.float64]:
    """Probabilities (n, D) with row sums `features`, or the number of non-zero differences where that is less.

    0 where the difference is 0; else half in equal parts, half in proportion to its square, at most 1.
    """
    squares = deltas**2
    some = squares > 0
    count = np.maximum(some.sum(axis=1, keepdims=True), 1)
    total = np.maximum(squares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    size = some / count + squares / total
    probabilities = np.zeros_like(size)
    certain = np.zeros_like(some)
    for _ in range(50):
        left = np.minimum(features, count) - certain.sum(axis=1, keepdims=True)
        rest = np.where(certain, 0, size)
        scale = left / np.maximum(rest.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        probabilities = np.where(certain, 1.0, rest * scale)
        over = some & (probabilities >= 1) & ~certain
        if not over.any():
            break
        certain |= over
    capped: npt.NDArray[np.float64] = np.minimum(probabilities, 1.0)
    return capped
