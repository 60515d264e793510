"""Pairwise bounds and the Monte-Carlo mixture: closed forms, a slow transcription, order, noise and blocks."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from probecore.errors import InputError
from probecore.measures.mutual_information import density, kolchinsky_tracey, monte_carlo_mixture


@pytest.mark.parametrize(
    ("apart", "variance", "upper", "lower", "truth"),
    [
        (1, 0.1, 0.68643, 0.44122, 0.54960),
        (1, 0.5, 0.37989, 0.11721, 0.20135),
        (2, 0.5, 0.67500, 0.37989, 0.50007),
        (0.5, 0.1, 0.44122, 0.14409, 0.24007),
        (3, 0.1, 0.69315, 0.69313, 0.69314),
    ],
)
def test_two_points(apart: float, variance: float, upper: float, lower: float, truth: float) -> None:
    bounds = kolchinsky_tracey([0, apart], noise_variance=variance)
    assert bounds.upper.value == pytest.approx(upper, abs=1e-5)
    assert bounds.lower.value == pytest.approx(lower, abs=1e-5)
    drawn = monte_carlo_mixture([0, apart], noise_variance=variance, draws=5000, generator=np.random.default_rng(0))
    assert drawn.value == pytest.approx(truth, abs=0.014)
    assert bounds.lower.value - 1e-4 <= drawn.value <= bounds.upper.value + 1e-4


@pytest.mark.parametrize(("width", "upper", "lower"), [(1, 1.649, 0.981), (2, 3.266, 1.957), (5, 6.562, 4.707)])
def test_normal_points(width: int, upper: float, lower: float) -> None:
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(1000, width))
        bounds = kolchinsky_tracey(points, noise_variance=0.1)
        drawn = monte_carlo_mixture(points[:300], noise_variance=0.1, draws=4, generator=rng)
        part = kolchinsky_tracey(points[:300], noise_variance=0.1)
        assert part.lower.value <= drawn.value <= part.upper.value
        found.append([bounds.upper.value, bounds.lower.value])
    assert np.mean(found, axis=0) == pytest.approx([upper, lower], abs=0.04)


def test_linear_gaussian_truth() -> None:
    rng = np.random.default_rng(0)
    drawn = monte_carlo_mixture(rng.normal(size=(1000, 1)), noise_variance=0.1, draws=8, generator=rng)
    assert drawn.value == pytest.approx(1.199, rel=0.05)


def test_slow_transcription_of_the_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "BLOCK", 8)
    points, variance, draws = np.random.default_rng(3).normal(size=(20, 2)) + 1, 0.3, 3
    noise = np.empty((20, draws, 2))
    rng = np.random.default_rng(4)
    for start in range(0, 20, 8):  # in the order in which they are drawn
        for draw in range(draws):
            noise[start : start + 8, draw] = rng.normal(scale=math.sqrt(variance), size=(min(8, 20 - start), 2))

    def log_normal(vector: np.ndarray) -> float:
        return float(-(vector**2).sum() / (2 * variance) - math.log(2 * math.pi * variance))

    entropy = of_noise = 0.0
    for i, m in np.ndindex(20, draws):
        there = points[i] + noise[i, m]
        entropy -= math.log(sum(math.exp(log_normal(there - points[j])) for j in range(20)) / 20) / (20 * draws)
        of_noise -= log_normal(noise[i, m]) / (20 * draws)
    found = monte_carlo_mixture(points, noise_variance=variance, draws=draws, generator=np.random.default_rng(4))
    assert found.value == pytest.approx(entropy - of_noise, abs=1e-12)
    assert of_noise == pytest.approx(math.log(2 * math.pi * math.e * variance), abs=0.5)  # it is the noise's entropy


def test_slow_transcription_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "BLOCK", 32)
    rng = np.random.default_rng(1)
    points, labels = rng.normal(size=(150, 3)) + 5, rng.integers(0, 4, 150)
    for variance in (0.05, 0.7, 40.0):  # the last in single precision
        bounds = kolchinsky_tracey(points, noise_variance=variance)
        of_label = kolchinsky_tracey(points, labels, noise_variance=variance)
        for name, width in (("lower", 8), ("upper", 2)):
            expected = slow(points, width * variance)
            assert getattr(bounds, name).value == pytest.approx(expected, abs=1e-6)
            for label in range(4):
                expected -= (labels == label).mean() * slow(points[labels == label], width * variance)
            assert getattr(of_label, name).value == pytest.approx(expected, abs=1e-6)


def slow(points: np.ndarray, width: float) -> float:
    return float(-(logsumexp(-cdist(points, points, "sqeuclidean") / width, axis=1) - math.log(len(points))).mean())


def test_identical_and_distant_points() -> None:
    assert kolchinsky_tracey(np.ones((50, 3)), noise_variance=0.1).upper.value == pytest.approx(0, abs=1e-12)
    distant = kolchinsky_tracey(1e3 * np.arange(50.0), noise_variance=0.1).lower
    assert distant.value == pytest.approx(math.log(50), abs=1e-9)
    assert distant.saturated


def test_distant_classes_of_identical_points() -> None:
    labels = np.arange(60) % 3
    found = kolchinsky_tracey(1e3 * labels, labels, noise_variance=0.1, repeats=20)
    assert found.lower.value == pytest.approx(math.log(3), abs=1e-9)
    assert found.lower.p == pytest.approx(1 / 21)
    assert found.lower.null < 0.3 * found.lower.value


def test_far_from_the_origin_nothing_is_lost() -> None:
    points = np.random.default_rng(2).normal(size=(100, 4))
    near, far = (kolchinsky_tracey(points + shift, noise_variance=0.3).lower.value for shift in (0, 1e8))
    assert far == pytest.approx(near, abs=1e-5)
    drawn = [
        monte_carlo_mixture(points + shift, noise_variance=0.3, generator=np.random.default_rng(0)).value
        for shift in (0, 1e8)
    ]
    assert drawn[1] == pytest.approx(drawn[0], abs=1e-5)


def test_points_far_beyond_single_precision_are_all_told_apart() -> None:
    points = np.random.default_rng(5).normal(size=(40, 3)) * 1e12
    for bound in kolchinsky_tracey(points, noise_variance=1e-3):
        assert bound.value == pytest.approx(math.log(40), abs=1e-6)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="above 0"):
        kolchinsky_tracey([1.0, 2.0], noise_variance=0)
    with pytest.raises(InputError, match="NaN"):
        kolchinsky_tracey([1.0, math.inf], noise_variance=1)
    with pytest.raises(InputError, match="draws"):
        monte_carlo_mixture([1.0, 2.0], noise_variance=1, draws=0, generator=np.random.default_rng(0))
    with pytest.raises(InputError, match="pairs"):
        kolchinsky_tracey([1.0, 2.0], [0], noise_variance=1)
