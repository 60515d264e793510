"""One-way and two-way tables against certified values, SciPy and statsmodels; the layout that misleads."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.oneway import anova_oneway

from probecore.errors import InputError
from probecore.measures.anova import kruskal_wallis, one_way_anova, two_way_anova, welch_anova
from probecore.measures.anova.diagnostics import assumptions
from probecore.statistics.binning import quantile_bins

SIRSTV = """
196.3052 196.1240 196.1890 196.2569 196.3403 196.3042 196.3825 196.1669 196.3257 196.0422
196.1303 196.2005 196.2889 196.0343 196.1811 196.2795 196.1748 196.1494 196.1485 195.9885
196.2119 196.1051 196.1850 196.0052 196.2090
"""


def test_sirstv_to_ten_digits() -> None:
    table = one_way_anova(np.array(SIRSTV.split(), dtype=float), np.repeat(np.arange(5), 5))
    assert (table.df_between, table.df_within) == (4, 20)
    assert table.ss_between == pytest.approx(5.11462616e-2, rel=1e-9)
    assert table.ss_within == pytest.approx(2.1663656e-1, rel=1e-9)
    assert table.f == pytest.approx(1.18046237440255, rel=1e-11)
    assert table.eta2 == pytest.approx(0.190999039051129, rel=1e-11)
    assert table.p == pytest.approx(0.349447, rel=1e-5)


@pytest.fixture
def tables() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 4, (6, 60))
    return rng.normal(3, size=(6, 60)).round(1) + 0.5 * groups, groups


def cut(values: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    return [values[groups == group] for group in np.unique(groups)]


def test_many_tables_at_once_equal_scipy(tables: tuple[np.ndarray, np.ndarray]) -> None:
    ours, ranked = one_way_anova(*tables), kruskal_wallis(*tables)
    for index, (values, groups) in enumerate(zip(*tables, strict=True)):
        expected, by_rank = scipy.stats.f_oneway(*cut(values, groups)), scipy.stats.kruskal(*cut(values, groups))
        np.testing.assert_allclose([ours.f[index], ours.p[index]], expected, rtol=1e-12)
        np.testing.assert_allclose([ranked.h[index], ranked.p[index]], by_rank, rtol=1e-12)


def test_welch_equals_statsmodels(tables: tuple[np.ndarray, np.ndarray]) -> None:
    f, p = welch_anova(*tables)
    for index, (values, groups) in enumerate(zip(*tables, strict=True)):
        expected = anova_oneway(cut(values, groups), use_var="unequal")
        np.testing.assert_allclose([f[index], p[index]], [expected.statistic, expected.pvalue], rtol=1e-10)


def test_effect_sizes(tables: tuple[np.ndarray, np.ndarray]) -> None:
    values, groups = tables
    table = one_way_anova(values[0], groups[0])
    ssb, ssw = float(table.ss_between), float(table.ss_within)
    msw = ssw / table.df_within
    assert table.eta2 == pytest.approx(ssb / (ssb + ssw))
    assert table.omega2 == pytest.approx((ssb - 3 * msw) / (ssb + ssw + msw))
    assert table.epsilon2 == pytest.approx((ssb - 3 * msw) / (ssb + ssw))
    assert table.cohen_f == pytest.approx(np.sqrt(table.eta2 / (1 - table.eta2)))
    assert 0.05 < table.power() < 1


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("missing_cell", [False, True])
def test_two_way_equals_statsmodels(missing_cell: bool) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.integers(0, 3, 90), "b": rng.integers(0, 4, 90)})
    if missing_cell:
        table = table[(table["a"] != 2) | (table["b"] != 3)]
    table["y"] = table["a"] + rng.normal(size=len(table)) + 0.5 * (table["b"] == 2)
    ours = two_way_anova(table["y"], table["a"], table["b"])
    additive = anova_lm(ols("y ~ C(a) + C(b)", table).fit(), typ=2)
    cells = anova_lm(ols("y ~ C(a) : C(b)", table).fit())
    residual = cells.loc["Residual"]
    assert ours.first.ss == pytest.approx(additive.loc["C(a)", "sum_sq"], rel=1e-10)
    assert ours.second.ss == pytest.approx(additive.loc["C(b)", "sum_sq"], rel=1e-10)
    assert ours.ss_residual == pytest.approx(residual["sum_sq"], rel=1e-10)
    assert ours.df_residual == residual["df"]
    assert ours.interaction.ss == pytest.approx(additive.loc["Residual", "sum_sq"] - residual["sum_sq"], rel=1e-9)
    if not missing_cell:
        expected = anova_lm(ols("y ~ C(a) * C(b)", table).fit(), typ=2)
        for term, name in ((ours.first, "C(a)"), (ours.second, "C(b)"), (ours.interaction, "C(a):C(b)")):
            np.testing.assert_allclose([term.ss, term.df, term.f, term.p], expected.loc[name], rtol=1e-9)


def test_two_way_with_many_levels_and_parts_that_no_cell_joins() -> None:
    """Against the dense design, which is as wide as both factors have levels; 1,500 levels take no minute."""
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 4, 600), rng.integers(0, 40, 600)
    apart = (first < 2) == (second < 15)
    first, second = first[apart], second[apart]
    y = first + np.sin(second) + rng.normal(size=len(first))
    ours = two_way_anova(y, first, second)
    dummies = [np.eye(4)[first], np.eye(40)[second]]
    residuals = []
    for design in (dummies[:1], dummies[1:], dummies):
        _, _, rank, _ = np.linalg.lstsq(np.hstack(design), y, rcond=None)
        fitted = np.hstack(design) @ np.linalg.lstsq(np.hstack(design), y, rcond=None)[0]
        residuals.append((((y - fitted) ** 2).sum(), rank))
    assert ours.first.ss == pytest.approx(residuals[1][0] - residuals[2][0], rel=1e-9)
    assert ours.second.ss == pytest.approx(residuals[0][0] - residuals[2][0], rel=1e-9)
    assert (ours.first.df, ours.second.df) == (residuals[2][1] - 40, residuals[2][1] - 4) == (2, 38)
    many = two_way_anova(rng.normal(size=30_000), rng.integers(0, 5, 30_000), np.arange(30_000) % 1500)
    assert many.second.df == 1499


def test_assumptions_equal_statsmodels_and_scipy() -> None:
    from statsmodels.stats.diagnostic import het_breuschpagan

    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = x + (1 + 0.3 * np.abs(x)) * rng.normal(size=200)
    found = assumptions(y, x)
    fit = ols("y ~ x", pd.DataFrame({"x": x, "y": y})).fit()
    assert found["breusch_pagan_p"] == pytest.approx(het_breuschpagan(fit.resid, fit.model.exog)[1], rel=1e-9)
    expected = scipy.stats.levene(*cut(y, quantile_bins(x, 5)), center="median").pvalue
    assert found["brown_forsythe_p"] == pytest.approx(expected, rel=1e-10)
    assert 0.9 < found["normal_r"] <= 1
    assert np.isnan(list(assumptions(np.ones(9), np.arange(9)).values())).all()


def test_bins_are_equally_filled_and_ties_stay_together() -> None:
    values = np.random.default_rng(0).normal(size=(3, 103))
    bins = quantile_bins(values, 5, axis=1)
    for row, of in zip(values, bins, strict=True):
        assert set(np.bincount(of)) <= {20, 21}
        assert (np.diff(of[np.argsort(row)]) >= 0).all()
    assert len(set(quantile_bins([0.0, 0, 0, 0, 1, 2, 3, 4], 4)[:4])) == 1


def test_columns_of_features_and_of_weights_differ_whatever_they_hold() -> None:
    """Why one factor with the levels `feature` and `weight` is not offered: unrelated columns are "significant"."""
    rng = np.random.default_rng(0)
    for n in (25, 100, 800):
        features, weights = np.abs(rng.normal(size=n)) * 0.5, rng.normal(size=n) * 0.1
        table = one_way_anova(np.r_[features, weights], np.repeat([0, 1], n))
        assert table.p < 1e-5
        assert abs(np.corrcoef(features, weights)[0, 1]) < 0.35
    assert table.f > 500


def test_no_variation() -> None:
    constant = one_way_anova(np.full(9, 0.1), np.arange(9) % 3)
    assert np.isnan([constant.f, constant.p, constant.eta2]).all()
    assert np.isnan(one_way_anova(np.arange(9.0), np.zeros(9, int)).f)
    exact = one_way_anova([1.0, 1, 2, 2], [0, 0, 1, 1])
    assert (exact.f, exact.p, exact.eta2) == (np.inf, 0, 1)


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([1.0, 2.0], [0, 1], "2 values in as many groups"),
        ([1.0, 2.0], [0, 1, 1], "give each value its group"),
        ([1.0, np.inf], [0, 0], "not all finite"),
        ([1.0, 2.0], [0.5, 1.5], "integers from 0"),
    ],
)
def test_bad_input(values: list[float], groups: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        one_way_anova(values, groups)
