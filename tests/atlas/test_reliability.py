"""Split-half reliability of rankings whose reliability is known."""

import numpy as np
import pytest

from probecore.measures.atlas.reliability import rank_correlations, split_half


def reliability(values: np.ndarray) -> float:
    """Of the means over images of values (F, N)."""

    def over(images: np.ndarray) -> np.ndarray:
        return np.asarray(values[:, images].mean(axis=1)[None])

    return float(split_half(over, over, n=values.shape[1], generator=np.random.default_rng(0))[0])


@pytest.mark.parametrize("ratio", [0.0, 1.0, 4.0])
def test_the_fraction_of_the_variance_that_is_no_noise(ratio: float) -> None:
    """Of normal values; Spearman's correlations of them are slightly smaller than Pearson's."""
    rng = np.random.default_rng(1)
    filters, images = 400, 50
    signal = rng.normal(size=(filters, 1)) * np.sqrt(ratio)
    found = reliability(signal + rng.normal(size=(filters, images)) * np.sqrt(images))
    assert found == pytest.approx(ratio / (1 + ratio), abs=0.1)


def test_what_hardly_any_image_tells_is_not_reliable() -> None:
    """One image tells two filters apart: halves without it say nothing, and must not be left out."""
    values = np.zeros((10, 40))
    values[3, 7], values[4, 8] = 1.0, 1.0
    assert reliability(values) < 0.3
    assert np.isnan(reliability(np.zeros((10, 40))))


def test_rank_correlations_of_rows() -> None:
    found = rank_correlations(
        np.array([[1, 2, 3.0], [1, 2, 3], [1, 1, 1]]), np.array([[10, 20, 15.0], [3, 2, 1], [1, 2, 3]])
    )
    np.testing.assert_allclose(found, [0.5, -1, np.nan])
