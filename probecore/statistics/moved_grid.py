"""Moved kernels: a null for fields that are smooth, where exchanging single taps is too easy to beat.

Neighbouring taps of a trained kernel, and of what it reads, resemble each other. Permuted taps do not, so two unrelated
smooth fields match each other better than their permutations do. A moved kernel keeps its smoothness and loses its
place: it is a window of the plane that the kernel's reflections tile, which has no seams, unlike a torus.
"""

from itertools import product

import numpy as np
import numpy.typing as npt

Orders = npt.NDArray[np.int64]


def grid_moves(height: int, width: int) -> Orders:
    """List all windows of the plane tiled with a grid's reflections, and for square grids their transposes.

    Returns
    -------
    array (n_moves, height * width)
        Which of the flat taps lies at each place; the grid itself comes first. Of an axis of one or two taps there are
        only the axis and its reverse, because other windows would be constant.
    """
    grid = np.arange(height * width).reshape(height, width)
    windows = [grid[np.ix_(rows, columns)] for rows, columns in product(_windows(height), _windows(width))]
    if height == width:
        windows += [window.T for window in windows]
    return np.stack([window.reshape(-1) for window in windows])


def moved_taps(
    taps: int, grid: tuple[int, int], *, count: int, generator: np.random.Generator, shifts: bool = True
) -> Orders:
    """Draw moves of kernels with channels: each moves the grids of all channels alike and exchanges channels.

    Parameters
    ----------
    taps : of a kernel, channels first: channels * height * width
    grid : height and width; (1, 1) exchanges taps freely
    shifts : all windows of `grid_moves`; otherwise quarter turns and reflections alone, which leave what is stationary
        as it is

    Returns
    -------
    array (count, taps)
        Which of the flat taps lies at each place.
    """
    area = grid[0] * grid[1]
    moves = grid_moves(*grid)
    if not shifts:
        moves = moves[[len(set(move)) == area for move in moves.tolist()]]
    channels = np.argsort(generator.random((count, taps // area)), axis=1)
    drawn = moves[generator.integers(len(moves), size=count)]
    return (channels[:, :, None] * area + drawn[:, None]).reshape(count, taps)


def _windows(length: int) -> Orders:
    tiled = np.tile(np.concatenate([np.arange(length), np.arange(length)[::-1]]), 2)
    starts = range(2 * length) if length > 2 else (0, length)
    return np.stack([tiled[start : start + length] for start in starts])
