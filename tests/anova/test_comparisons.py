"""Two means and a regression by position: against SciPy and statsmodels, and what each finds in unrelated arrays."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter
from scipy.stats import f_oneway

from probecore.errors import InputError
from probecore.measures.anova.comparisons import by_position, two_means


def test_two_means_are_scipys_one_way_anova() -> None:
    rng = np.random.default_rng(0)
    features, parameters = np.abs(rng.normal(0, 0.5, 400)), rng.normal(0, 0.1, 300)
    found, reference = two_means(features, parameters), f_oneway(features, parameters)
    assert found.f == pytest.approx(reference.statistic, rel=1e-10)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-8)
    assert found.n == 700


def test_a_header_of_1e272_leaves_a_number() -> None:
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=500)
    parameters[3] = 2e272
    found = two_means(np.abs(rng.normal(size=500)), parameters)
    assert found.f == pytest.approx(1.0, abs=1e-6)


def test_two_means_call_unrelated_arrays_related_and_a_regression_does_not() -> None:
    """The notes' case: sparse features that are never negative, and weights that know nothing of them, n = 25,088."""
    rng = np.random.default_rng(0)
    features = np.maximum(rng.normal(-0.5, 1, 25_088), 0)
    weights = rng.normal(0, 0.01, 25_088)
    assert two_means(features, weights).p < 1e-300
    found = by_position(features, weights)
    assert found.r2 < 3e-4 and found.p > 0.01 and found.rotated_p > 0.01


def test_a_regression_is_that_of_statsmodels_and_finds_a_planted_relation() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=500)
    parameters = 0.01 * features + rng.normal(0, 0.02, 500)
    found = by_position(features, parameters)
    reference = sm.OLS(parameters, sm.add_constant(features)).fit()
    assert found.r2 == pytest.approx(reference.rsquared, rel=1e-9)
    assert found.f == pytest.approx(reference.fvalue, rel=1e-9)
    assert found.p == pytest.approx(reference.f_pvalue, rel=1e-6)
    assert found.r == pytest.approx(np.corrcoef(features, parameters)[0, 1])
    assert found.rotated_p == 1 / 500


def test_rotations_are_all_of_them() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 40))
    slow = [abs(np.corrcoef(np.roll(x, shift), y)[0, 1]) for shift in range(40)]
    assert by_position(x, y).rotated_p == pytest.approx(np.mean(np.array(slow) >= slow[0] - 1e-12))


def test_smooth_unrelated_arrays_deceive_the_f_test_and_not_the_rotations() -> None:
    rng = np.random.default_rng(0)
    smooth = lfilter([1], [1, -0.95], rng.normal(size=(2, 300, 1_000)), axis=-1)
    found = [by_position(x, y) for x, y in zip(*smooth, strict=True)]
    assert np.mean([one.p <= 0.05 for one in found]) > 0.5
    assert np.mean([one.rotated_p <= 0.05 for one in found]) == pytest.approx(0.05, abs=0.04)


def test_the_longer_array_is_cut_and_constant_ones_have_no_relation() -> None:
    assert by_position(np.arange(50.0), np.arange(30.0) ** 2).n == 30
    constant = by_position(np.ones(20), np.arange(20.0))
    assert np.isnan(constant.r) and np.isnan(constant.rotated_p)


@pytest.mark.parametrize("wrong", [[np.nan, 1.0, 2.0], []])
def test_values_that_are_no_numbers_are_refused(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="missing or not finite"):
        two_means(wrong, [1.0, 2.0])


def test_nothing_but_zeros_is_refused() -> None:
    with pytest.raises(InputError, match="all values are 0"):
        two_means([0.0, 0.0], [0.0, 0.0])
