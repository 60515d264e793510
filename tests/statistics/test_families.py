import numpy as np
import pytest

from probecore.statistics import adjust


def test_holm_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03, 0.005], "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03, 0.005], "benjamini_hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_a_missing_test_is_not_counted() -> None:
    assert adjust([0.01, np.nan, 0.04], "holm") == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert np.isnan(adjust([np.nan], "holm")).all()
    assert adjust([], "benjamini_hochberg").shape == (0,)
