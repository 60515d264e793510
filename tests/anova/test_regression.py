"""Certified values, closed forms, the exact identity, and what a regression cannot do."""

import numpy as np
import pytest
import statsmodels.api as sm

from probecore.errors import InputError
from probecore.measures.anova import regression_anova
from probecore.measures.anova.regression import f_from_r2, f_power


def test_longley_to_nine_digits() -> None:
    data = sm.datasets.longley.load_pandas()
    table = regression_anova(data.endog.to_numpy(), data.exog.to_numpy())
    certified = {
        "ss_regression": 184172401.944494,
        "ss_residual": 836424.055505915,
        "f": 330.285339234588,
        "r2": 0.995479004577296,
        "residual_sd": 304.854073561965,
        "p": 4.98403e-10,
    }
    assert (table.df_regression, table.df_residual) == (6, 9)
    for name, value in certified.items():
        assert getattr(table, name) == pytest.approx(value, rel=1e-6 if name == "p" else 1e-10)


NORRIS = """
0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9 777.0 559.2 558.2
0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3 228.1 998.0 995.8 888.8 887.6
119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2
668.4 669.1 449.2 448.9 0.2 0.5
"""


def test_norris_to_nine_digits() -> None:
    y, x = np.array(NORRIS.split(), dtype=float).reshape(-1, 2).T
    table = regression_anova(y, x)
    assert table.n == 36
    assert table.intercept == pytest.approx(-0.262323073774029, rel=1e-9)
    assert table.coefficients[0] == pytest.approx(1.00211681802045, rel=1e-12)
    assert table.r2 == pytest.approx(0.999993745883712, rel=1e-12)
    assert table.residual_sd == pytest.approx(0.884796396144373, rel=1e-9)
    assert table.f == pytest.approx(5436385.54079785, rel=1e-9)
    assert table.p == pytest.approx(4.65e-90, rel=1e-2)


def test_five_points() -> None:
    table = regression_anova([2.1, 3.9, 6.2, 7.8, 10.1], [1, 2, 3, 4, 5])
    assert table.coefficients[0] == pytest.approx(1.99)
    assert table.intercept == pytest.approx(0.05)
    assert table.r2 == pytest.approx(0.9973053289)
    assert table.f == pytest.approx(1110.308411)
    assert table.p == pytest.approx(5.941539e-5, rel=1e-6)


@pytest.mark.parametrize(
    ("r", "n", "f", "p"),
    [
        (0.1, 25, 0.2323, 0.634),
        (0.1, 288, 2.889, 0.0903),
        (0.1, 800, 8.061, 0.00464),
        (0.3, 9, 0.6923, 0.433),
        (0.3, 25, 2.275, 0.145),
        (0.3, 75, 7.220, 0.00892),
        (0.3, 288, 28.29, 2.1e-7),
        (0.5, 25, 7.667, 0.0109),
        (0.5, 32, 10.0, 0.00357),
        (0.5, 800, 266.0, 7.9e-52),
        (0.9, 9, 29.84, 9.4e-4),
    ],
)
def test_f_and_p_from_r(r: float, n: int, f: float, p: float) -> None:
    found_f, found_p = f_from_r2(r**2, predictors=1, n=n)
    assert found_f == pytest.approx(f, rel=2e-3)
    assert found_p == pytest.approx(p, rel=2e-2)


@pytest.mark.parametrize(("n", "r"), [(9, 0.6664), (25, 0.3961), (288, 0.1156), (18432, 0.0144)])
def test_critical_correlations(n: int, r: float) -> None:
    assert f_from_r2(r**2, predictors=1, n=n)[1] == pytest.approx(0.05, rel=0.02)


def test_polynomial_in_its_own_units() -> None:
    x = np.linspace(-1, 4, 30)
    table = regression_anova(2 - x + 0.5 * x**3, x, degree=3)
    assert table.intercept == pytest.approx(2)
    np.testing.assert_allclose(table.coefficients, [-1, 0, 0.5], atol=1e-12)
    assert table.df_regression == 3
    assert table.p < 1e-50


def test_equal_to_statsmodels() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    y = x @ [1, 0, -2] + rng.normal(size=40)
    ours, theirs = regression_anova(y, x), sm.OLS(y, sm.add_constant(x)).fit()
    assert ours.f == pytest.approx(theirs.fvalue, rel=1e-10)
    assert ours.p == pytest.approx(theirs.f_pvalue, rel=1e-10)
    assert ours.adjusted_r2 == pytest.approx(theirs.rsquared_adj, rel=1e-10)
    np.testing.assert_allclose(ours.coefficients, theirs.params[1:], rtol=1e-10)


def test_power_against_simulation() -> None:
    rng = np.random.default_rng(1)
    n, slope = 40, 0.4
    x = rng.normal(size=(4000, n))
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    y = slope * x + rng.normal(size=x.shape)
    r2 = np.array([np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(x, y, strict=True)])
    rejected = (f_from_r2(r2, predictors=1, n=n)[1] <= 0.05).mean()
    assert f_power(slope**2, 1, n - 2, n, 0.05) == pytest.approx(rejected, abs=4 * np.sqrt(0.25 / 4000))


def gradient_descent(patches: np.ndarray, targets: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Weights of a linear layer after full-batch gradient descent with momentum and weight decay."""
    weights, velocity = start.copy(), np.zeros_like(start)
    for _ in range(300):
        gradient = patches.T @ (patches @ weights - targets) / len(patches) + 1e-3 * weights
        velocity = 0.9 * velocity + gradient
        weights -= 0.02 * velocity
    return weights


def test_weights_trained_from_zero_lie_in_the_span_of_patches() -> None:
    rng = np.random.default_rng(0)
    patches, targets = rng.normal(size=(20, 50)), rng.normal(size=20)
    weights = gradient_descent(patches, targets, np.zeros(50))
    assert regression_anova(weights - weights.mean(), (patches - patches.mean(1, keepdims=True)).T).r2 == pytest.approx(
        1
    )
    assert regression_anova(weights, patches.T).r2 == pytest.approx(1, abs=1e-9)
    assert regression_anova(gradient_descent(patches, targets, rng.normal(size=50)), patches.T).r2 < 0.99


def test_expected_r2_of_random_weights() -> None:
    rng = np.random.default_rng(0)
    r2 = [regression_anova(rng.normal(size=50), rng.normal(size=(50, 20))).r2 for _ in range(400)]
    assert np.mean(r2) == pytest.approx(20 / 49, abs=4 * np.std(r2) / 20)


def test_nothing_to_explain_and_nothing_that_explains() -> None:
    constant = regression_anova(np.full(10, 0.1), np.arange(10.0))
    assert np.isnan([constant.r2, constant.f, constant.p]).all()
    assert constant.ss_regression == constant.ss_residual == 0
    flat = regression_anova(np.arange(10.0), np.full(10, 0.1))
    assert flat.r2 == 0
    assert flat.df_regression == 0
    assert np.isnan([flat.f, flat.p]).all()
    pruned = regression_anova(np.r_[np.zeros(5), 1.0, 2.0, 3.0], np.r_[np.zeros(5), 1.0, 2.0, 3.0])
    assert pruned.r2 == pytest.approx(1)


def test_predictors_that_repeat_each_other_count_once() -> None:
    x = np.random.default_rng(0).normal(size=20)
    table = regression_anova(x + np.arange(20), np.column_stack([x, 2 * x]))
    assert (table.df_regression, table.df_residual) == (1, 18)


@pytest.mark.parametrize(
    ("weights", "excitations", "options", "message"),
    [
        ([1.0, 2.0, 3.0], np.ones((3, 2)), {}, "3 pairs are too few for 2 predictors; 4 or more"),
        ([1.0, 2.0], [1.0, 2.0], {}, "2 pairs are too few for 1 predictors"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], {}, "give equal shapes"),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], {}, "not all finite"),
        (np.arange(9.0), np.ones((9, 2)), {"degree": 2}, "degree 2 is for one predictor"),
    ],
)
def test_bad_input(weights: object, excitations: object, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        regression_anova(weights, excitations, **options)  # type: ignore[arg-type]
