"""Coordinates in which features are exchanged: any orthonormal directions, above all principal components.

The network stays as it is: a coordinate is exchanged by adding a multiple of its direction to the input,
which is what an inverse-PCA layer in front of the network would compute.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.errors import InputError

Array = npt.NDArray[Any]

CHUNK = 2000
"""Inputs that are in memory in double precision at once, where there are more of them than values in one."""

MOST_BYTES = 1 << 30
"""What the directions may take; finding them takes three times as much."""


@dataclass(frozen=True, eq=False)
class Basis:
    """Orthonormal directions and an origin.

    Attributes
    ----------
    directions
        Shape (M, D), M ≤ D, rows orthonormal. What lies outside of their span is never exchanged.
    origin
        Shape (D,).

    Raises
    ------
    InputError
        If shapes disagree or the rows are not orthonormal.
    """

    directions: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.directions.ndim != 2 or self.origin.shape != self.directions.shape[1:]:
            raise InputError(
                f"basis: directions {self.directions.shape} and origin {self.origin.shape} do not fit; "
                "give (M, D) and (D,)"
            )
        error = np.abs(self.directions @ self.directions.T - np.eye(len(self.directions))).max(initial=0.0)
        if not error < 1e-4:
            raise InputError(
                f"basis: rows are not orthonormal (off by {error:.2g}); orthonormalise them, e.g. by a QR decomposition"
            )

    def coordinates(self, inputs: Tensor) -> Tensor:
        """Coordinates (N, M) of inputs (N, ...); raises `InputError` if inputs have another size."""
        rows = inputs.flatten(1)
        if rows.shape[1] != len(self.origin):
            raise InputError(
                f"basis: is for {len(self.origin)} values per input, got {rows.shape[1]}; fit it to such inputs"
            )
        directions, origin = (torch.from_numpy(part).to(rows) for part in (self.directions, self.origin))
        return (rows - origin) @ directions.T


def pca_basis(inputs: npt.ArrayLike | Tensor) -> Basis:
    """Principal components of `inputs` (N, ...), centred and not standardised, largest variance first.

    Directions without variance are left out: in their space any rotation would do as well; N inputs have at most
    N - 1 others. The largest entry of each direction is positive.

    Raises
    ------
    InputError
        If there are fewer than two inputs, one is not finite, all are equal, or the directions would take more than
        1 GiB.
    """
    rows = np.asarray(inputs)
    if len(rows) < 2:
        raise InputError(f"basis: {len(rows)} inputs; give two or more")
    if not np.isfinite(rows).all():
        raise InputError("basis: some inputs are NaN or infinite; remove them")
    rows = rows.reshape(len(rows), -1)
    check_size(*rows.shape)
    origin = rows.mean(axis=0, dtype=np.float64)
    variances, directions = _of_few(rows, origin) if len(rows) < rows.shape[1] else _of_many(rows, origin)
    known = variances > rows.shape[1] * np.finfo(np.float64).eps * variances.max(initial=0.0)
    if not known.any():
        raise InputError(f"basis: {len(rows)} inputs without variance have no principal components; give others")
    directions = np.ascontiguousarray(directions[known])
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return Basis(directions * np.sign(largest), origin)


def check_size(inputs: int, values: int) -> None:
    """Raise `InputError` if the directions of so many inputs of so many values each would take more than 1 GiB."""
    size = 8 * min(inputs, values) * values
    if size > MOST_BYTES:
        raise InputError(
            f"basis: principal components of {inputs} inputs of {values} values would take {size / 2**30:.1f} GiB; "
            "lower `pca_images`, or leave out `pca`"
        )


def _of_many(rows: Array, origin: Array) -> tuple[Array, Array]:
    """Variances, largest first, and their directions, of more inputs than values in one."""
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK] - origin
        covariance += part.T @ part / len(rows)
    variances, vectors = np.linalg.eigh(covariance)
    return variances[::-1], vectors.T[::-1]


def _of_few(rows: Array, origin: Array) -> tuple[Array, Array]:
    """As `_of_many`, of fewer inputs, without a covariance that may not fit in memory."""
    _, scales, directions = np.linalg.svd(rows - origin, full_matrices=False)
    return scales**2 / len(rows), directions


class InverseBasis(nn.Module):
    """Coordinates (N, M) back to inputs (N, *shape): the layer to put in front of an unchanged network."""

    directions: Tensor
    origin: Tensor

    def __init__(self, basis: Basis, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("directions", torch.from_numpy(basis.directions).float())
        self.register_buffer("origin", torch.from_numpy(basis.origin).float())

    def forward(self, coordinates: Tensor) -> Tensor:
        """(N, M) to (N, *shape)."""
        return (self.origin + coordinates @ self.directions).view(-1, *self.shape)
