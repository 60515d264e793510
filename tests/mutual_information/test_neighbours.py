"""Nearest-neighbour estimators: closed forms, scikit-learn, slow transcriptions, atoms and bad input."""

import math
from collections.abc import Callable

import numba
import numpy as np
import pytest
from scipy.special import digamma, ndtri
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from probecore.errors import InputError
from probecore.measures.mutual_information import ksg, label_information, mixed_ksg, ross
from probecore.measures.mutual_information.units import _compiled


def correlated(rho: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=n)


@pytest.mark.parametrize("estimator", [ksg, mixed_ksg])
@pytest.mark.parametrize(("rho", "mean", "sd"), [(0.0, 0.003, 0.022), (0.6, 0.234, 0.029), (0.9, 0.844, 0.038)])
def test_normal_pairs(estimator: Callable, rho: float, mean: float, sd: float) -> None:
    values = [estimator(*correlated(rho, 1000, seed)).value for seed in range(8)]
    truth = -math.log(1 - rho**2) / 2
    assert all(abs(value - truth) <= 3 * sd + abs(mean - truth) for value in values)
    assert abs(np.mean(values) - mean) <= 3 * sd / math.sqrt(8)


@pytest.mark.parametrize("width", [2, 3])
def test_normal_vectors(width: int) -> None:
    correlation = np.full((2 * width, 2 * width), 0.5) + 0.5 * np.eye(2 * width)
    truth = {2: 0.293893, 3: 0.413339}[width]
    values = []
    for seed in range(6):
        sample = np.random.default_rng(seed).normal(size=(1000, 2 * width)) @ np.linalg.cholesky(correlation).T
        values.append(ksg(sample[:, :width], sample[:, width:]).value)
    assert abs(np.mean(values) - truth) <= 3 * np.std(values, ddof=1)


@pytest.mark.parametrize(("half_width", "truth"), [(0.1, 1.709438), (0.75, 1 / 3)])
def test_uniform_noise(half_width: float, truth: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.random(5000)
    assert ksg(x, x + rng.uniform(-half_width, half_width, 5000)).value == pytest.approx(truth, abs=0.06)


@pytest.mark.parametrize("estimator", [ross, mixed_ksg])
@pytest.mark.parametrize(("mu", "mean", "sd"), [(0.5, 0.108, 0.014), (1.0, 0.332, 0.014), (2.0, 0.632, 0.008)])
def test_two_classes(estimator: Callable, mu: float, mean: float, sd: float) -> None:
    rng = np.random.default_rng(1)
    values = []
    for _ in range(6):
        labels = rng.integers(0, 2, 2000)
        values.append(estimator(rng.normal(size=2000) + mu * (2 * labels - 1), labels).value)
    assert abs(np.mean(values) - mean) <= 4 * sd / math.sqrt(6)


def test_ten_classes_in_three_dimensions() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 10, 3000)
    values = np.column_stack([labels + rng.normal(size=3000), 0.3 * rng.normal(size=(3000, 2))])
    assert ross(values, labels).value == pytest.approx(1.05661, abs=0.06)


def test_scikit_learn_agrees_on_labels() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 7, 600)
    values = rng.normal(size=(600, 5)) + labels[:, None] * np.linspace(0, 1, 5)
    expected = mutual_info_classif(values, labels, random_state=0)
    for column, value in zip(values.T, expected, strict=True):
        assert max(ross(column, labels).value, 0) == pytest.approx(value, abs=1e-12)
    assert np.maximum(label_information(values, labels).value, 0) == pytest.approx(expected, abs=1e-12)


def test_scikit_learn_agrees_on_numbers() -> None:
    x, y = correlated(0.7, 500, 4)
    x, y = x / x.std(), y / y.std()
    assert ksg(x, y).value == pytest.approx(mutual_info_regression(x[:, None], y, random_state=0)[0], abs=1e-9)


def slow_mixed(x: np.ndarray, y: np.ndarray, k: int, *, labels: bool) -> float:
    """Point by point; the distance between different labels is infinite."""
    n, total = len(x), 0.0
    for i in range(n):
        near_x = np.abs(x - x[i]).max(axis=1)
        near_y = np.where(y == y[i], 0.0, np.inf)[:, 0] if labels else np.abs(y - y[i]).max(axis=1)
        joint = np.maximum(near_x, near_y)
        size = int((near_y == 0).sum())
        neighbours = min(k, size - 1) if labels else k
        radius = np.sort(joint)[neighbours]
        if radius == 0 or (joint == radius).sum() > 1:
            inside, n_x, n_y = (int((part <= radius).sum()) for part in (joint, near_x, near_y))
        else:
            inside, n_x = neighbours, int((near_x < radius).sum())
            n_y = size if labels else int((near_y < radius).sum())
        total += digamma(inside) + digamma(n) - digamma(n_x) - digamma(n_y)
    return total / n


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("cut", [-np.inf, 0.2, np.inf])
def test_slow_transcription(k: int, width: int, cut: float) -> None:
    rng = np.random.default_rng(5)
    x = np.maximum(rng.normal(size=(120, width)), cut) if cut < np.inf else np.round(rng.normal(size=(120, width)))
    y = np.maximum(x[:, :1] + rng.normal(size=(120, 1)), 0)
    labels = rng.integers(0, 4, 120)
    labels[:3] = 7  # a class smaller than some k
    assert mixed_ksg(x, y, k=k).value == pytest.approx(slow_mixed(x, y, k, labels=False), abs=1e-12)
    expected = slow_mixed(x, labels[:, None], k, labels=True)
    assert mixed_ksg(x, labels, k=k).value == pytest.approx(expected, abs=1e-12)
    if width == 1:
        assert label_information(x, labels, k=k).value[0] == pytest.approx(expected, abs=1e-12)


def test_rare_class_in_a_crowd() -> None:
    """The nearest of a rare class lie far apart: the gallop must end where the plain count does."""
    rng = np.random.default_rng(6)
    labels = np.r_[np.zeros(300, np.int64), np.ones(5, np.int64)]
    values = np.r_[rng.normal(size=300), rng.uniform(-3, 3, 5)][:, None]
    expected = slow_mixed(values, labels[:, None], 3, labels=True)
    assert label_information(values, labels).value[0] == pytest.approx(expected, abs=1e-12)


def test_null_of_units_is_that_of_single_units() -> None:
    rng = np.random.default_rng(7)
    labels = np.arange(200) % 3
    values = np.maximum(rng.normal(size=(200, 4)) + labels[:, None] * [0, 0.5, 1, 2], 0)
    units = label_information(values, labels, repeats=19, generator=np.random.default_rng(8))
    permutations = np.random.default_rng(8)
    shuffled = [permutations.permutation(labels) for _ in range(19)]
    for unit in range(4):
        null = [mixed_ksg(values[:, unit], labels_).value for labels_ in shuffled]
        assert units.null[unit] == pytest.approx(np.mean(null), abs=1e-12)
        assert units.p[unit] == (1 + sum(value >= units.value[unit] for value in null)) / 20
        assert units.low[unit] < units.value[unit] < units.high[unit]


def test_p_values_are_uniform_without_dependence() -> None:
    from scipy.stats import kstest

    rng = np.random.default_rng(9)
    labels = np.arange(150) % 3
    p = label_information(rng.normal(size=(150, 400)), labels, repeats=199, generator=rng).p
    assert kstest(p, "uniform").pvalue > 0.01
    single = [ksg(*rng.normal(size=(2, 60)), repeats=39, generator=rng).p for _ in range(100)]
    assert kstest(single, "uniform").pvalue > 0.01


def test_monotone_maps_change_little() -> None:
    x, y = correlated(0.8, 3000, 10)
    assert ksg(np.exp(x), y).value == pytest.approx(ksg(x, y).value, abs=0.05)


@pytest.mark.parametrize("estimator", [ross, mixed_ksg])
def test_a_constant_knows_nothing(estimator: Callable) -> None:
    labels = np.arange(50) % 5
    assert estimator(np.full(50, 2.0), labels).value == 0
    assert label_information(np.full((50, 2), 2.0), labels).value == pytest.approx([0, 0], abs=1e-12)
    assert mixed_ksg(np.zeros(50), np.random.default_rng(0).normal(size=50)).value == 0
    tested = estimator(np.full(50, 2.0), labels, repeats=19)
    assert (tested.null, tested.null_95, tested.p, tested.interval) == (0, 0, 1, (0, 0))


def test_a_label_knows_itself() -> None:
    labels = np.arange(1000) % 10
    estimate = mixed_ksg(labels.astype(float), labels)
    assert estimate.value == pytest.approx(math.log(10), abs=0.01)
    assert estimate.saturated
    assert label_information(labels[:, None], labels).ceiling == pytest.approx(estimate.ceiling)


@pytest.mark.parametrize("sizes", [[100] * 10, [2, 3, 50], [7, 7]])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0])
def test_no_estimate_is_above_its_ceiling(sizes: list[int], scale: float) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    values = np.maximum(labels + scale * np.random.default_rng(0).normal(size=len(labels)), 0)
    estimate = mixed_ksg(values, labels)
    assert estimate.value <= estimate.ceiling
    units = label_information(values[:, None], labels)
    assert units.value[0] <= units.ceiling + 1e-12


def test_values_near_an_atom_are_not_taken_for_rare() -> None:
    """A ReLU's small outputs have its zeros as neighbours: the estimate was .02 too high at this size."""
    rng, labels = np.random.default_rng(1), np.arange(1000) % 10
    values = np.maximum(np.linspace(-1.8, 1.2, 10)[labels][:, None] + rng.normal(size=(1000, 60)), 0)
    assert label_information(values, labels).value.mean() == pytest.approx(0.2418, abs=0.015)


def test_normal_scores_hold_heavy_tails() -> None:
    plain, scored = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        pair = rng.normal(size=(2, 2000)) / np.sqrt(rng.chisquare(1, 2000))  # Student, one degree of freedom
        plain.append(ksg(*pair).value)
        scored.append(ksg(*pair, scores="normal").value)
    assert np.mean(scored) == pytest.approx(0.224171, abs=0.03)
    assert np.mean(plain) < 0.17
    x, labels = np.random.default_rng(0).standard_cauchy(300), np.arange(300) % 3
    ranks = ndtri((np.argsort(np.argsort(x)) + 0.5) / 300)
    assert mixed_ksg(x, labels, scores="normal").value == mixed_ksg(ranks, labels).value


def test_intervals_hold_the_truth() -> None:
    """Five standard errors below 95 %; contributions alone gave 83 to 91 %."""
    rng, labels = np.random.default_rng(2), np.arange(1000) % 10
    values = np.maximum(np.linspace(-1.8, 1.2, 10)[labels][:, None] + rng.normal(size=(1000, 200)), 0)
    units = label_information(values, labels, repeats=1)
    assert ((units.low <= 0.2418) & (units.high >= 0.2418)).mean() >= 0.87
    pairs = [mixed_ksg(*correlated(0.6, 300, seed), repeats=1).interval for seed in range(40)]
    assert np.mean([low <= 0.223144 <= high for low, high in pairs]) >= 0.85


def test_no_interval_where_parts_would_be_too_small() -> None:
    rng, labels = np.random.default_rng(3), np.arange(470) % 10
    assert np.isnan(label_information(rng.normal(size=(470, 2)), labels, repeats=1).low).all()
    assert math.isnan(ksg(*correlated(0.5, 47, 0), repeats=1).interval[0])


def test_bad_input() -> None:
    x, labels = np.random.default_rng(0).normal(size=20), np.arange(20) % 2
    with pytest.raises(InputError, match="NaN"):
        ksg(np.r_[np.nan, x[1:]], x)
    with pytest.raises(InputError, match="too few"):
        ksg(x[:3], x[:3])
    with pytest.raises(InputError, match="pairs"):
        ksg(x, x[:5])
    with pytest.raises(InputError, match="use mixed_ksg"):
        ross(np.maximum(x, 0), labels)
    with pytest.raises(InputError, match="use mixed_ksg"):
        ksg(np.maximum(x, 0), np.maximum(x, 0))
    with pytest.raises(InputError, match="no label occurs twice"):
        ross(x, np.arange(20))
    with pytest.raises(InputError, match="whole numbers"):
        ross(x, labels + 0.5)
    with pytest.raises(InputError, match="flatten"):
        ksg(x.reshape(5, 2, 2), x)


def test_one_class_and_lonely_classes() -> None:
    x = np.random.default_rng(0).normal(size=30)
    assert ross(x, np.zeros(30, int)).value == pytest.approx(0, abs=1e-12)
    lonely = np.r_[np.arange(24) % 2, np.arange(2, 8)]
    assert ross(x, lonely).value == pytest.approx(ross(x[:24], lonely[:24]).value, abs=1e-12)
    assert ross(x, lonely).n == 24


def test_where_nothing_can_be_kept_the_estimator_is_compiled_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    with pytest.raises(RuntimeError, match="no locator"):
        numba.njit(cache=True)(double)
    assert _compiled(double)(2) == 4


def double(number: int) -> int:
    return 2 * number
