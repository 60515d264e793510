"""The trap of expanded kernels: independent fields look related to the usual test, and not to the constrained one."""

import numpy as np
import pytest
import scipy.stats

from probecore.errors import InputError
from probecore.measures.anova import expanded_match
from probecore.measures.anova.expanded import expand


@pytest.mark.parametrize(("field", "kernel", "naively"), [(7, 5, 0.707), (5, 5, 0.784), (3, 3, 0.877)])
def test_naive_test_rejects_most_independent_fields(field: int, kernel: int, naively: float) -> None:
    rng = np.random.default_rng(0)
    n = 600
    match = expanded_match(expand(rng.normal(size=(n, field, field)), (28, 28)), rng.normal(size=(n, kernel, kernel)))
    assert (match.naive_p < 0.05).mean() == pytest.approx(naively, abs=4 * np.sqrt(naively * (1 - naively) / n) + 0.01)
    assert (match.p <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / n))


def test_without_expansion_the_usual_test_is_right() -> None:
    rng = np.random.default_rng(0)
    match = expanded_match(rng.normal(size=(400, 9, 9)), rng.normal(size=(400, 9, 9)))
    assert (match.naive_p < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))


def test_r_and_naive_p_equal_scipy_and_a_true_match_is_found() -> None:
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(4, 5, 5))
    maps = expand(kernels, (14, 17)) + 0.3 * rng.normal(size=(4, 14, 17))
    match = expanded_match(maps, kernels)
    for index in range(4):
        expected = scipy.stats.pearsonr(expand(kernels[index], (14, 17)).ravel(), maps[index].ravel())
        assert match.r[index] == pytest.approx(expected.statistic)
        assert match.naive_p[index] == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)
    np.testing.assert_allclose(match.p, 1 / 200)


def test_expansion_keeps_corners_and_is_linear_between() -> None:
    grid = np.array([[0.0, 2.0], [4.0, 6.0]])
    np.testing.assert_allclose(expand(grid, (3, 3)), [[0, 1, 2], [2, 3, 4], [4, 5, 6]])


def test_constant_maps_and_kernels() -> None:
    maps = np.stack([np.zeros((6, 6)), np.random.default_rng(0).normal(size=(6, 6))])
    match = expanded_match(maps, np.stack([np.eye(3), np.full((3, 3), 0.1)]))
    assert np.isnan([*match.r, *match.p, *match.naive_p]).all()


def test_bad_input() -> None:
    with pytest.raises(InputError, match="give \\(F, h, w\\) and \\(F, H, W\\)"):
        expanded_match(np.ones((2, 6, 6)), np.ones((3, 3, 3)))
    with pytest.raises(InputError, match="not all finite"):
        expanded_match(np.full((1, 6, 6), np.nan), np.ones((1, 3, 3)))
