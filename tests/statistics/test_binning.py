"""Bins of equally many values."""

import numpy as np
import pytest

from probecore.errors import InputError
from probecore.statistics import quantile_bins


def test_bins_are_equally_full_along_each_axis() -> None:
    values = np.random.default_rng(0).permuted(np.tile(np.arange(20.0), (3, 1)), axis=1)
    bins = quantile_bins(values, 5, axis=1)
    assert [np.bincount(row).tolist() for row in bins] == [[4] * 5] * 3
    assert np.array_equal(quantile_bins(values.T, 5), bins.T)


def test_equal_values_share_the_bin_of_their_middle_rank() -> None:
    assert quantile_bins([0, 0, 0, 0, 1, 2, 3, 4], 4).tolist() == [1, 1, 1, 1, 2, 2, 3, 3]
    assert quantile_bins([7.0] * 6, 3).tolist() == [1] * 6


def test_what_has_no_rank_is_refused() -> None:
    with pytest.raises(InputError, match="NaN or infinity cannot be binned"):
        quantile_bins([1.0, np.nan], 2)
