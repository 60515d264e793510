"""Kernels expanded to the grid of their feature maps, and why the usual test on them misleads.

Expansion turns k² taps into H W values that depend on their neighbours: the usual test of a correlation takes them
for H W independent pairs, and finds a relation between unrelated fields most of the time. The test here moves the
kernel's own grid instead: under all its toroidal shifts, quarter turns and reflections the expanded kernel keeps its
smoothness and loses its place.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from probecore.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ExpandedMatch:
    """Correlation of each map with its expanded kernel, shape (F,); NaN where one of them is constant.

    `naive_p` takes pixels for independent pairs and is shown for comparison only.
    """

    r: Array
    p: Array
    """Two-sided, among the moved kernels: shifts, turns and reflections of the grid."""
    naive_p: Array
    null_r2: Array
    """Mean r² of the moved kernels."""


def expanded_match(maps: npt.ArrayLike, kernels: npt.ArrayLike) -> ExpandedMatch:
    """Compare feature maps (F, H, W) with kernels (F, h, w) expanded to the maps' grid by bilinear interpolation.

    Notes
    -----
    p counts the moved kernels that match the map at least as well, the kernel itself included. It is exact where
    kernels are as likely moved as not, e.g. for independent taps.

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
    moved = np.stack(list(_moved(grids)), axis=1)
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


def _moved(grids: Array) -> list[Array]:
    """All toroidal shifts of all quarter turns (half turns where h ≠ w) and their reflections; itself first."""
    height, width = grids.shape[1:]
    turns = range(4) if height == width else (0, 2)
    images = [
        np.flip(turned, axis=2) if mirrored else turned
        for mirrored in (False, True)
        for turned in (np.rot90(grids, turn, axes=(1, 2)) for turn in turns)
    ]
    return [np.roll(image, (i, j), axis=(1, 2)) for image in images for i in range(height) for j in range(width)]
