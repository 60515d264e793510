import numpy as np
import pytest
from scipy.stats import false_discovery_control

from probecore.statistics import adjust


def test_holm_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03, 0.005], "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03, 0.005], "benjamini_hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_a_missing_test_is_not_counted() -> None:
    assert adjust([0.01, np.nan, 0.04], "holm") == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert np.isnan(adjust([np.nan], "holm")).all()
    assert adjust([], "benjamini_hochberg").shape == (0,)


def test_benjamini_hochberg_as_scipy_has_it() -> None:
    for n in (1, 2, 50, 1000):
        p = np.random.default_rng(n).random(n) ** 3
        assert np.array_equal(adjust(p, "benjamini_hochberg"), false_discovery_control(p))
