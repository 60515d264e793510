"""Kernels expanded to the grid of their feature maps, and why the usual test on them misleads.

Expansion turns k² taps into H W values that depend on their neighbours: the usual test of a correlation takes them
for H W independent pairs, and finds a relation between unrelated fields most of the time. The test here moves the
kernel's own grid instead: a moved kernel keeps its smoothness and loses its place (`probecore.statistics.moved_grid`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from probecore.errors import InputError
from probecore.statistics.moved_grid import grid_moves

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ExpandedMatch:
    """Correlation of each map with its expanded kernel, shape (F,); NaN where one of them is constant.

    `naive_p` takes pixels for independent pairs and is shown for comparison only.
    """

    r: Array
    p: Array
    """Two-sided, among the moved kernels."""
    naive_p: Array
    null_r2: Array
    """Mean r² of the moved kernels."""


def expanded_match(maps: npt.ArrayLike, kernels: npt.ArrayLike) -> ExpandedMatch:
    """Compare feature maps (F, H, W) with kernels (F, h, w) expanded to the maps' grid by bilinear interpolation.

    Notes
    -----
    p counts the moved kernels that match the map at least as well, the kernel itself included.

    Raises
    ------
    InputError
        If numbers of maps and kernels differ, or values are not finite.
    """
    fields, grids = np.asarray(maps, dtype=np.float64), np.asarray(kernels, dtype=np.float64)
    if fields.ndim != 3 or grids.ndim != 3 or len(fields) != len(grids):
        raise InputError(f"expanded_match: {grids.shape} kernels for {fields.shape} maps; give (F, h, w) and (F, H, W)")
    if not (np.isfinite(fields).all() and np.isfinite(grids).all()):
        raise InputError("expanded_match: values are not all finite; leave out what is infinite or not a number")
    moves = grid_moves(*grids.shape[1:])
    moved = grids.reshape(len(grids), -1)[:, moves].reshape(len(grids), len(moves), *grids.shape[1:])
    pixels = np.prod(fields.shape[1:])
    centred = fields - fields.mean(axis=(1, 2), keepdims=True)
    variance = (centred**2).sum(axis=(1, 2))[:, None]
    r = np.empty(moved.shape[:2])
    for index, grid in enumerate(moved):
        images = expand(grid, fields.shape[1:])
        images -= images.mean(axis=(1, 2), keepdims=True)
        flat = images.reshape(len(images), -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            r[index] = flat @ centred[index].reshape(-1) / np.sqrt((flat**2).sum(axis=1) * variance[index])
    r[np.ptp(grids, axis=(1, 2)) == 0] = np.nan
    r[np.ptp(fields, axis=(1, 2)) == 0] = np.nan
    size = np.abs(r)
    p = (size >= size[:, :1] - 1e-12).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = size[:, 0] * np.sqrt((pixels - 2) / np.maximum(1 - size[:, 0] ** 2, 0))
    return ExpandedMatch(
        r=r[:, 0],
        p=np.where(np.isnan(r[:, 0]), np.nan, p),
        naive_p=2 * stdtr(pixels - 2, -t),
        null_r2=(r**2).mean(axis=1),
    )


def expand(grids: npt.ArrayLike, shape: tuple[int, int]) -> Array:
    """Grids (..., h, w) to (..., H, W) by bilinear interpolation, corners on corners."""
    values = np.asarray(grids, dtype=np.float64)
    rows, columns = (_weights(small, large) for small, large in zip(values.shape[-2:], shape, strict=True))
    return np.asarray(rows @ values @ columns.T)


def _weights(small: int, large: int) -> Array:
    """Bilinear interpolation along one axis as a matrix (large, small)."""
    places = np.linspace(0, small - 1, large)[:, None]
    return np.asarray(np.maximum(0.0, 1 - np.abs(places - np.arange(small))))
