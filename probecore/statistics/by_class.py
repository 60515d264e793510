"""Means by class. A class without samples has no mean: NaN, never 0 or the mean of all."""

from math import prod

import torch
from torch import Tensor

VALUES_AT_ONCE = 1 << 20
"""How many values become float64 at a time; more leave the cache, and cost ten times as much."""


class ClassMeans:
    """Means by class of samples that come in parts, summed in double precision.

    Parameters
    ----------
    classes : K
    shape : of one sample
    device : of the samples
    """

    def __init__(self, classes: int, shape: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        self._shape = shape
        self._sums = torch.zeros(classes, prod(shape), dtype=torch.float64, device=device)
        self._counts = torch.zeros(classes, dtype=torch.int64, device=device)

    def add(self, values: Tensor, labels: Tensor) -> None:
        """Add samples (N, *shape) of classes (N,), whole numbers from 0 to K - 1."""
        samples_at_once = max(1, VALUES_AT_ONCE // max(1, self._sums.shape[1]))
        parts = values.reshape(len(values), -1).split(samples_at_once)
        for part, of_part in zip(parts, labels.split(samples_at_once), strict=True):
            self._sums.index_add_(0, of_part, part.double())
        self._counts += labels.bincount(minlength=len(self._counts))

    def means(self) -> Tensor:
        """Return the means (K, *shape), float64; NaN for a class without samples."""
        return (self._sums / self._counts[:, None]).reshape(len(self._sums), *self._shape)


def class_means(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Average values (N, ...) by class.

    Parameters
    ----------
    values : one sample per row
    labels : (N,), whole numbers from 0 to `classes` - 1
    classes : K

    Returns
    -------
    Tensor
        (K, ...), float64; NaN for a class without samples.

    Examples
    --------
    >>> class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3).flatten().tolist()
    [2.0, nan, 5.0]
    """
    found = ClassMeans(classes, tuple(values.shape[1:]), values.device)
    found.add(values, labels)
    return found.means()
