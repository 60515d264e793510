"""The synthetic regressions of Hahn, Feinauer and Borgonovo, arXiv 2207.04890."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.store import Dataset, Split
from probecore.determinism import numpy_generator

TRAIN_SAMPLES, TEST_SAMPLES = 48_000, 12_000
"""The paper's 60,000 points; its test points overlap the training points, ours do not."""


def ishigami(features: NDArray[Any]) -> NDArray[np.float64]:
    """Values (N,) of sin x1 + 7 sin² x2 + 0.1 x3⁴ sin x1; its mean dimension on U(-π, π)³ is 1.243684."""
    x1, x2, x3 = np.asarray(features, dtype=np.float64).T
    values: NDArray[np.float64] = np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)
    return values


def make_ishigami(name: str, *, train_samples: int, test_samples: int, seed: int) -> Dataset:
    """Independent features, uniform in (-π, π), D = 3, and the Ishigami function of them."""

    def split(part: str, samples: int) -> Split:
        features = numpy_generator("ishigami", seed, part).uniform(-math.pi, math.pi, (samples, 3)).astype(np.float32)
        return Split(features, ishigami(features).astype(np.float32))

    return _dataset(name, split("train", train_samples), split("test", test_samples))


def make_gaussian_noise(name: str, *, features: int, train_samples: int, test_samples: int, seed: int) -> Dataset:
    """Standard normal features (N, D) and standard normal targets that have nothing to do with them."""

    def split(part: str, samples: int) -> Split:
        generator = numpy_generator("gaussian_noise", seed, part)
        inputs = generator.standard_normal((samples, features), dtype=np.float32)
        return Split(inputs, generator.standard_normal(samples, dtype=np.float32))

    return _dataset(name, split("train", train_samples), split("test", test_samples))


def _dataset(name: str, train: Split, test: Split) -> Dataset:
    return Dataset.from_splits(name, train=train, test=test, classes=None)
