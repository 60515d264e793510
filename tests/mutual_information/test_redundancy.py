"""Pairs of units and the choice order, on variables whose redundancy is known."""

import math

import numpy as np
import pytest
from scipy.special import digamma
from scipy.stats import poisson

from probecore.measures.mutual_information import choice_order, pair_information, plugin
from probecore.measures.mutual_information.redundancy import _logarithms, cluster_order
from probecore.statistics import quantile_bins


def example(repeats: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """Units 0 and 1 copy one half of the label, 2 the other, 3 is a coin, 4 its exclusive or with 2, 5 nothing."""
    high, low, coin, nothing = (np.tile(part.ravel(), repeats) for part in np.indices((2, 2, 2, 2)))
    return np.column_stack([high, high, low, coin, coin ^ low, nothing]).astype(float), 2 * high + low


def test_known_redundancy_and_synergy() -> None:
    values, labels = example()
    pairs = pair_information(values, labels, bins=2, shuffles=40, generator=np.random.default_rng(1))
    bit = math.log(2)
    assert pairs.alone == pytest.approx([bit, bit, bit, 0, 0, 0], abs=0.02)
    assert pairs.shared[0, 1] == pytest.approx(bit, abs=0.02)
    assert pairs.redundancy[0, 1] == pytest.approx(bit, abs=0.03)
    assert pairs.redundancy[0, 2] == pytest.approx(0, abs=0.02)
    assert pairs.redundancy[3, 4] == pytest.approx(-bit, abs=0.03)
    assert pairs.p[3, 4] == pytest.approx(2 / 41)
    assert pairs.p[0, 1] == 1  # given the label nothing is left to permute: all that they share is about it
    assert pairs.shared_p[0, 1] < 1e-9 < 0.5 < pairs.shared_p[0, 5]
    assert pairs.null[0, 1] == pytest.approx(bit, abs=0.03)
    assert abs(pairs.null[3, 4]) < 0.02


@pytest.mark.parametrize("repeats", range(1, 30))
def test_units_that_share_nothing_at_all_are_certain_to(repeats: int) -> None:
    """Rounding may leave a little less than nothing, of which a distribution's tail is undefined."""
    columns = [np.tile(part.ravel(), repeats).astype(float) for part in np.indices((3, 5))]
    labels = np.arange(len(columns[0])) % 2
    pairs = pair_information(np.column_stack(columns), labels, bins=5, shuffles=2, generator=np.random.default_rng(0))
    assert pairs.shared_p[0, 1] == pytest.approx(1)


def test_intervals_cover() -> None:
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, 800)
        flips = rng.random((800, 2)) < [0.1, 0.2]
        pairs = pair_information(labels[:, None] ^ flips, labels, bins=2, shuffles=1, generator=rng)
        covered += pairs.low[0, 1] <= noisy_copies(0.1, 0.2) <= pairs.high[0, 1]
    assert covered >= 33  # 38 expected of 40; 33 is 3.6 standard errors below


def noisy_copies(first: float, second: float) -> float:
    """Redundancy of two copies of a fair bit that flip independently."""
    joint = np.array([[(1 - first) * (1 - second), (1 - first) * second], [first * (1 - second), first * second]]) / 2
    both = joint + joint[::-1, ::-1]
    together = sum(2 * (p * np.log(p / (q / 2))) for p, q in zip(joint.ravel(), both.ravel(), strict=True))
    alone = sum(math.log(2) + p * math.log(p) + (1 - p) * math.log(1 - p) for p in (first, second))
    return float(alone - together)


def test_pairs_are_those_of_single_tables() -> None:
    """Cell by cell, with logarithms that have no bias; the expectation of c log c over a Poisson count."""
    values, labels = example(30)
    values = np.maximum(values + 0.5 * np.random.default_rng(1).normal(size=values.shape), 0)
    pairs = pair_information(values, labels, bins=4, shuffles=1, generator=np.random.default_rng(2))
    binned, n = quantile_bins(values, 4), len(labels)
    logs = _logarithms(n)
    for i, j in ((0, 1), (2, 5), (3, 4)):
        cells, expected = 4 * binned[:, i] + binned[:, j], 0.0
        for cell, label in zip(cells, labels, strict=True):
            inside, size = int(((cells == cell) & (labels == label)).sum()), int((labels == label).sum())
            expected += logs[inside] - logs[int((cells == cell).sum())] + digamma(n) - digamma(size)
        assert pairs.joint[i, j] == pytest.approx(expected / n, abs=1e-9)
        assert pairs.shared[i, j] == pytest.approx(plugin(binned[:, i], binned[:, j]).value, abs=1e-9)
        assert pairs.alone[i] == pytest.approx(plugin(binned[:, i], labels).value, abs=6e-3)


@pytest.mark.parametrize("mean", [3.0, 6.0, 60.0])
def test_logarithms_have_no_bias(mean: float) -> None:
    counts = np.arange(400)
    expected = (poisson.pmf(counts, mean) * counts * _logarithms(399)).sum()
    assert expected == pytest.approx(mean * math.log(mean), abs=0.002)


def test_units_that_know_different_halves_are_not_called_synergetic() -> None:
    """27 to 58 % were, by their interval, at 1000 images of ten classes; the truth is 0."""
    rng, labels = np.random.default_rng(5), np.arange(1000) % 10
    signal = np.stack([2.0 * (labels % 2), labels // 2], axis=1)
    called = []
    for _ in range(10):
        values = np.tile(signal, 5) + rng.normal(size=(1000, 10))
        pairs = pair_information(values, labels, bins=4, shuffles=39, generator=rng)
        first, second = np.arange(0, 10, 2), np.arange(1, 10, 2)
        called += list((pairs.high[first, second] < 0) & (pairs.p[first, second] <= 0.05))
    assert np.mean(called) <= 0.12


def test_a_unit_that_knows_nothing_adds_in_few_rankings() -> None:
    """In 57 % the first did, against a null that chose among no units."""
    rng, labels = np.random.default_rng(6), np.arange(400) % 4
    first, second = [], []
    for _ in range(40):
        values = rng.normal(size=(400, 8))
        first.append(choice_order(pair_information(values, labels, bins=4, shuffles=39, generator=rng)).adds[0])
        values[:, 0] += labels
        choice = choice_order(pair_information(values, labels, bins=4, shuffles=39, generator=rng))
        assert choice.unit[0] == 0
        assert choice.adds[0]
        second.append(choice.adds[1])
    assert np.mean(first) <= 0.15
    assert np.mean(second) <= 0.15


def test_choice_takes_halves_first_and_leaves_copies() -> None:
    values, labels = example()
    choice = choice_order(pair_information(values, labels, bins=2, shuffles=40, generator=np.random.default_rng(3)))
    assert sorted(choice.unit) == list(range(6))
    assert set(choice.unit[:2]) in ({0, 2}, {1, 2})
    assert choice.adds[:2].all()
    assert not choice.adds[list(choice.unit).index(5)]
    copy = list(choice.unit).index(1 if 0 in choice.unit[:2] else 0)
    assert choice.gain[copy] < 0.02
    assert choice.enough(0.4) == 1
    assert choice.enough(0.9) == 2


def test_dead_units_know_nothing() -> None:
    labels = np.arange(300) % 3
    pairs = pair_information(np.zeros((300, 2)), labels, bins=4, shuffles=19, generator=np.random.default_rng(4))
    assert pairs.redundancy == pytest.approx(np.zeros((2, 2)), abs=1e-12)
    assert pairs.shared == pytest.approx(np.zeros((2, 2)), abs=1e-12)
    assert not choice_order(pairs).adds.any()
    assert choice_order(pairs).enough(0.9) == 1


def test_similar_units_lie_side_by_side() -> None:
    group = np.array([0, 1, 0, 1, 0, 1])
    order = cluster_order((group[:, None] == group).astype(float))
    assert group[order].tolist() in ([0] * 3 + [1] * 3, [1] * 3 + [0] * 3)
