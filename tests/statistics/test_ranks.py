"""Ranks against those of `scipy.stats`."""

import numpy as np
import pytest
from scipy.stats import rankdata

from probecore.statistics.ranks import average_ranks


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("kinds", [1, 2, 7, 10_000])
def test_ties_on_every_axis(axis: int, kinds: int) -> None:
    values = np.random.default_rng(kinds).integers(0, kinds, (5, 8, 31)) / 3
    assert np.array_equal(average_ranks(values, axis=axis), rankdata(values, axis=axis))


def test_what_is_missing_counts_for_none() -> None:
    values = np.random.default_rng(0).integers(0, 5, (20, 30)).astype(float)
    values[values == 3] = np.nan
    values[0] = np.nan
    omitted = np.stack([rankdata(row, nan_policy="omit") for row in values])
    assert np.array_equal(average_ranks(values, axis=1), omitted, equal_nan=True)


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 0), (0, 3)])
def test_few(shape: tuple[int, ...]) -> None:
    assert np.array_equal(average_ranks(np.ones(shape), axis=-1), np.ones(shape))


def test_infinity_and_zeros() -> None:
    assert average_ranks([np.inf, -0.0, 0.0, -np.inf]).tolist() == [4.0, 2.5, 2.5, 1.0]
