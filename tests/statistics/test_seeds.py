import numpy as np
import pytest
from scipy import stats

from probecore.statistics import difference_over_seeds, headline_over_seeds, over_seeds


def test_five_seeds_have_students_interval() -> None:
    values = [0.51, 0.59, 0.40, 0.44, 0.62]
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    ours = over_seeds(values)
    assert (ours.value, ours.low, ours.high) == pytest.approx((np.mean(values), theirs.low, theirs.high))
    assert ours.n == 5
    assert np.isnan(ours.p)


@pytest.mark.parametrize("values", [[0.3, 0.4, 0.5, 0.7], [0.3], [0.2] * 6, [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3]])
def test_few_or_equal_values_have_a_mean_alone(values: list[float]) -> None:
    result = over_seeds(values)
    assert result.value == pytest.approx(np.mean(values))
    assert np.isnan([result.low, result.high]).all()


def test_missing_seeds_do_not_count() -> None:
    assert over_seeds([1.0, np.nan, 3.0]) == over_seeds([1.0, 3.0])
    assert over_seeds([1.0, np.nan, 3.0]).n == 2
    nothing = over_seeds([np.nan])
    assert np.isnan(nothing.value)
    assert nothing.n == 0
    assert difference_over_seeds([1.0, 2.0, 5.0, np.nan], [0.0, np.nan, 0.0, 1.0]).n == 2


def test_one_paired_test_over_seeds() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(size=6)
    after = before + rng.normal(0.5, 0.3, size=6)
    ours, theirs = difference_over_seeds(after, before), stats.ttest_rel(after, before)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert ours.null == 0
    assert difference_over_seeds(after - 0.5).p == pytest.approx(stats.ttest_1samp(after, 0.5).pvalue)
    assert difference_over_seeds(after, 0.5) == difference_over_seeds(after - 0.5)


def test_three_seeds_can_be_tested_and_two_cannot() -> None:
    assert difference_over_seeds([1.0, 1.1, 1.2]).p == pytest.approx(stats.ttest_1samp([1.0, 1.1, 1.2], 0).pvalue)
    assert np.isnan(difference_over_seeds([1.0, 1.1]).p)


def test_equal_differences_are_no_proof() -> None:
    assert difference_over_seeds([0.25] * 4).p == 0.125
    assert difference_over_seeds([0.0] * 4).p == 1


def test_seeds_and_controls_belong_together() -> None:
    with pytest.raises(ValueError, match="3 seeds and 2 controls"):
        difference_over_seeds([1.0, 2.0, 3.0], [1.0, 2.0])


def test_a_headline_has_an_interval_from_five_seeds_on() -> None:
    assert headline_over_seeds("r2.trained", [1.0, 2.0, 3.0]) == {"r2.trained": 2.0}
    assert headline_over_seeds("r2.trained", []) == {"r2.trained": None}
    five = headline_over_seeds("r2.trained", [1.0, 2.0, 3.0, 4.0, 5.0])
    assert list(five) == ["r2.trained", "r2.trained.low", "r2.trained.high"]
    assert five["r2.trained.high"] == pytest.approx(3 + 2.7764451 * (2.5 / 5) ** 0.5)
