import math

import numpy as np

from probecore.dataset.synthetic import ishigami, make_gaussian_noise, make_ishigami

SIZES = {"train_samples": 20_000, "test_samples": 5_000}


def test_ishigami_at_known_points() -> None:
    half = math.pi / 2
    points = [[0, 0, 0], [half, 0, 0], [0, half, 3], [half, half, 2], [-half, -half, 2]]
    np.testing.assert_allclose(ishigami(np.array(points)), [0, 1, 7, 1 + 7 + 1.6, -1 + 7 - 1.6], atol=1e-12)


def test_ishigami_has_the_published_moments() -> None:
    dataset = make_ishigami("ishigami", seed=0, **SIZES)
    features, targets = dataset.train.inputs, dataset.train.targets.astype(float)
    assert dataset.input_shape == (3,)
    assert dataset.outputs == 1
    assert abs(features).max() < math.pi + 1e-6
    assert abs(targets.mean() - 3.5) < 4 * math.sqrt(13.844588 / 20_000)
    fourth = ((targets - 3.5) ** 4).mean()
    assert abs(targets.var() - 13.844588) < 4 * math.sqrt((fourth - 13.844588**2) / 20_000)
    np.testing.assert_allclose(targets, ishigami(features), rtol=1e-6, atol=1e-6)


def test_gaussian_noise_is_noise() -> None:
    dataset = make_gaussian_noise("noise", features=7, seed=0, **SIZES)
    features, targets = dataset.train.inputs, dataset.train.targets
    assert dataset.input_shape == (7,)
    assert features.dtype == targets.dtype == np.float32
    every = np.column_stack([features, targets]).astype(float)
    error = 4 / math.sqrt(20_000)
    assert (abs(every.mean(0)) < error).all()
    assert (abs(every.T @ every / 20_000 - np.eye(8)) < math.sqrt(2) * error).all()


def test_seed_decides_and_splits_differ() -> None:
    for make in (make_ishigami, lambda name, **kw: make_gaussian_noise(name, features=3, **kw)):
        first, again, other = (make("x", seed=seed, train_samples=50, test_samples=50) for seed in (0, 0, 1))
        assert first.sha256 == again.sha256 != other.sha256
        assert not (first.train.inputs == first.test.inputs).any()


def test_more_samples_begin_with_the_same_ones() -> None:
    few, many = (make_ishigami("x", seed=0, train_samples=n, test_samples=5) for n in (10, 20))
    np.testing.assert_array_equal(few.train.inputs, many.train.inputs[:10])
