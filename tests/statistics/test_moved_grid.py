"""Moved kernels: windows of the plane of reflections, and channels that change places."""

import numpy as np
import pytest

from probecore.statistics.moved_grid import grid_moves, moved_taps


@pytest.mark.parametrize(("shape", "moves"), [((5, 5), 200), ((3, 3), 72), ((1, 5), 20), ((2, 2), 8), ((1, 1), 8)])
def test_windows_of_reflections(shape: tuple[int, int], moves: int) -> None:
    found = grid_moves(*shape)
    area = shape[0] * shape[1]
    assert found.shape == (moves, area)
    assert found[0].tolist() == list(range(area))
    assert area == 1 or (np.ptp(found, axis=1) > 0).all()


def test_neighbours_stay_neighbours_or_equal() -> None:
    """There is no seam: what lies side by side in a moved kernel is one tap apart in the kernel, or the same tap."""
    grids = grid_moves(5, 5).reshape(-1, 5, 5)
    rows, columns = grids // 5, grids % 5
    for axis in (1, 2):
        distance = np.abs(np.diff(rows, axis=axis)) + np.abs(np.diff(columns, axis=axis))
        assert distance.max() == 1


def test_channels_move_alike_and_change_places() -> None:
    orders = moved_taps(4 * 9, (3, 3), count=50, generator=np.random.default_rng(0))
    channels, places = orders.reshape(50, 4, 9) // 9, orders.reshape(50, 4, 9) % 9
    assert (np.ptp(channels, axis=2) == 0).all()
    assert (np.sort(channels[:, :, 0], axis=1) == np.arange(4)).all()
    assert (places == places[:, :1]).all()
    assert len({tuple(order) for order in orders.tolist()}) > 40


def test_turns_and_reflections_alone() -> None:
    orders = moved_taps(9, (3, 3), count=200, generator=np.random.default_rng(0), shifts=False)
    assert len({tuple(order) for order in orders.tolist()}) == 8
    assert (np.sort(orders, axis=1) == np.arange(9)).all()


def test_without_a_grid_taps_exchange_places() -> None:
    orders = moved_taps(6, (1, 1), count=30, generator=np.random.default_rng(0))
    assert (np.sort(orders, axis=1) == np.arange(6)).all()
