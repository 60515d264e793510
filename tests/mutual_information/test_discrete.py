"""Plug-in estimates: known means, bias, binning, and all class matrices in one pass."""

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from probecore.errors import InputError
from probecore.measures.mutual_information import class_information, equal_bins, plugin
from probecore.measures.mutual_information.discrete import binary_entropy
from probecore.statistics import quantile_bins


@pytest.mark.parametrize(
    ("n", "plain", "corrected"),
    [(200, 0.711, 0.444), (500, 0.307, 0.103), (1000, 0.143, 0.018), (2000, 0.067, 0.002), (10000, 0.0131, 0.0)],
)
def test_bias_without_dependence(n: int, plain: float, corrected: float) -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(0, 30, n), rng.integers(0, 10, n)) for _ in range(40)]
    for miller_madow, mean in ((False, plain), (True, corrected)):
        values = [plugin(x, y, miller_madow=miller_madow).value for x, y in pairs]
        assert abs(np.mean(values) - mean) <= 4 * np.std(values) / math.sqrt(40) + 0.0006
    x, y = pairs[0]
    assert plugin(x, y, repeats=50, generator=rng).null == pytest.approx(corrected, abs=0.05)


@pytest.mark.parametrize(
    ("rho", "bins", "plain", "corrected", "sd"),
    [(0.6, "equal", 0.336, 0.268, 0.017), (0.9, "equal", 0.857, 0.819, 0.026), (0.6, "quantile", 0.249, 0.21, 0.017)],
)
def test_binned_normal_pairs(rho: float, bins: str, plain: float, corrected: float, sd: float) -> None:
    values = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1000)
        y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=1000)
        binned = [equal_bins(part, 20) if bins == "equal" else quantile_bins(part, 10) for part in (x, y)]
        values.append([plugin(*binned, miller_madow=correct).value for correct in (False, True)])
    assert np.mean(values, axis=0) == pytest.approx([plain, corrected], abs=3 * sd / math.sqrt(12))


def test_scikit_learn_agrees() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 300), rng.integers(3, 9, 300)
    assert plugin(x, y, miller_madow=False).value == pytest.approx(mutual_info_score(x, y), abs=1e-12)


def test_equal_variables_and_constants() -> None:
    x = np.arange(400) % 8
    estimate = plugin(x, x, miller_madow=False)
    assert estimate.value == pytest.approx(math.log(8), abs=1e-12)
    assert estimate.bits == pytest.approx(3)
    assert estimate.saturated
    assert plugin(x, x).value == pytest.approx(plugin(x, x).ceiling, abs=1e-12)
    assert plugin(np.zeros(400, int), x).value == pytest.approx(0, abs=1e-12)
    assert not plugin(np.zeros(400, int), x).saturated


def test_exclusive_or() -> None:
    x, y = np.tile([0, 0, 1, 1], 100), np.tile([0, 1, 0, 1], 100)
    assert plugin(x, x ^ y, miller_madow=False).value == pytest.approx(0, abs=1e-12)
    assert plugin(2 * x + y, x ^ y, miller_madow=False).bits == pytest.approx(1)


def test_interval_covers() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(60):
        x = rng.integers(0, 2, 500)
        y = np.where(rng.random(500) < 0.8, x, 1 - x)
        low, high = plugin(x, y, repeats=1, generator=rng).interval
        covered += low <= math.log(2) - binary_entropy(0.8) <= high
    assert covered >= 51  # 57 expected of 60; 51 is 3.5 standard errors below


def test_class_matrix_is_that_of_single_estimates() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 300)
    values = np.maximum(rng.normal(size=(300, 3)) + labels[:, None] * [0, 0.5, 1], 0)
    found = class_information(values, labels, classes=4, bins=6)
    for unit, label in np.ndindex(3, 4):
        binned = quantile_bins(values[:, unit], 6)
        assert found[unit, label] == pytest.approx(plugin(binned, labels == label).value, abs=1e-12)
    shuffled = np.stack([rng.permutation(labels) for _ in range(3)])
    many = class_information(values, shuffled, classes=4, bins=6)
    assert many[1] == pytest.approx(class_information(values, shuffled[1], classes=4, bins=6), abs=1e-12)


def test_class_matrix_without_a_class_and_of_a_constant() -> None:
    labels = np.arange(40) % 2
    found = class_information(np.column_stack([np.zeros(40), labels]), labels, classes=3, bins=4)
    assert found[0] == pytest.approx([0, 0, 0], abs=1e-12)
    assert found[:, 2] == pytest.approx([0, 0], abs=1e-12)
    assert found[1, 0] == pytest.approx(math.log(2), abs=0.02)


def test_ties_share_a_bin() -> None:
    assert len(set(quantile_bins(np.r_[np.zeros(60), np.arange(1, 41)], 10)[:60])) == 1
    assert np.bincount(quantile_bins(np.arange(100), 10)).tolist() == [10] * 10
    assert equal_bins(np.full(5, 3.0), 10).tolist() == [0] * 5


def test_binary_entropy() -> None:
    assert binary_entropy([0, 0.1, 0.5, 1]) / math.log(2) == pytest.approx([0, 0.4689956, 1, 0])


def test_bad_input() -> None:
    with pytest.raises(InputError, match="whole numbers"):
        plugin([0.5, 1.0], [0, 1])
    with pytest.raises(InputError, match="pairs"):
        plugin([0, 1], [0, 1, 0])
    with pytest.raises(InputError, match="NaN"):
        quantile_bins([1.0, np.nan], 2)


@pytest.mark.parametrize(
    "labels",
    [np.arange(1, 5), np.arange(4) - 1, np.arange(4) / 1.0, np.array([0, 1, 2, 10**12]), np.array(list("abcd"))],
)
def test_labels_are_from_0_to_one_less_than_the_classes(labels: np.ndarray) -> None:
    with pytest.raises(InputError, match="wanted: 0 to 3"):
        class_information(np.random.default_rng(0).normal(size=(4, 2)), labels, classes=4, bins=2)
