"""Exact values of mean dimension, and intervals that hold what they promise."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import comb, ndtr

from probecore.dataset.synthetic import ishigami
from probecore.determinism import numpy_generator
from probecore.measures.mean_dimension import Basis, mean_dimension, pca_basis

N = 4_000
Function = Callable[[np.ndarray], np.ndarray]
Sampler = Callable[[np.random.Generator, int], np.ndarray]


def normal(features: int) -> Sampler:
    return lambda generator, n: generator.standard_normal((n, features))


def uniform(features: int, low: float = 0, high: float = 1) -> Sampler:
    return lambda generator, n: generator.uniform(low, high, (n, features))


def bits(features: int) -> Sampler:
    return lambda generator, n: generator.integers(2, size=(n, features)).astype(float)


def signs(features: int) -> Sampler:
    return lambda generator, n: generator.choice([-1.0, 1.0], (n, features))


def correlated(r: float) -> Sampler:
    return lambda generator, n: generator.multivariate_normal([0, 0], [[1, r], [r, 1]], n)


def mean_root(x: np.ndarray) -> np.ndarray:
    return x.sum(axis=1) / math.sqrt(x.shape[1])


def relu(x: np.ndarray, b: float = 0.0) -> np.ndarray:
    return np.maximum(mean_root(x) + b, 0)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def sobol_g(a: list[float]) -> Function:
    shape = np.array(a)
    return lambda x: np.prod((np.abs(4 * x - 2) + shape) / (1 + shape), axis=1)


def majority(features: int) -> float:
    return features * float(comb(features - 1, (features - 1) // 2)) / 2 ** (features - 1)


def ridge_relu(features: int) -> float:
    def kernel(r: float) -> float:
        return (math.sqrt(1 - r * r) + (math.pi - math.acos(r)) * r) / (2 * math.pi)

    return features * (kernel(1) - kernel(1 - 1 / features)) / (kernel(1) - kernel(0))


def ridge(h: Function, features: int) -> float:
    """Mean dimension of h(Σ x_i / √d), x standard normal: sums of x and of an exchanged x correlate by 1 - 1/d."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    r = 1 - 1 / features
    moved = h(r * nodes[:, None] + math.sqrt(1 - r * r) * nodes)
    mean, square = weights @ h(nodes), weights @ h(nodes) ** 2
    return features * (square - (weights * h(nodes)) @ moved @ weights) / (square - mean**2)


def ridge_biased_relu(b: float, features: int) -> float:
    s = np.linspace(-9, 9, 200_001)
    density = np.exp(-s * s / 2)
    density /= density.sum()
    r = 1 - 1 / features
    spread = math.sqrt(1 - r * r)
    m = r * s + b
    inner = m * ndtr(m / spread) + spread * np.exp(-((m / spread) ** 2) / 2) / math.sqrt(2 * math.pi)
    h = np.maximum(s + b, 0)
    return features * (density @ h**2 - density @ (h * inner)) / (density @ h**2 - (density @ h) ** 2)


SOBOL = [
    ([0.0] * 2, 1.142857),
    ([0.0] * 5, 1.638924),
    ([0, 1, 4.5, 9, 99, 99, 99, 99], 1.074539),
    ([0, 0, *[6.52] * 6], 1.171054),
]

CASES: dict[str, tuple[Function, Sampler, float]] = {
    "additive": (lambda x: x[:, 0] + np.sin(3 * x[:, 1]) + np.abs(x[:, 2]), normal(4), 1.0),
    "product of 3": (lambda x: np.prod(x[:, :3], axis=1), uniform(4, -1, 1), 3.0),
    "parity of 5 bits": (lambda x: np.prod(2 * x[:, :5] - 1, axis=1), bits(6), 5.0),
    "product of 5 factors 1 + z": (lambda x: np.prod(1 + x, axis=1), signs(5), 2.580645),
    "product of 10 factors 1 + z / 2": (lambda x: np.prod(1 + x / 2, axis=1), signs(10), 2.240580),
    **{f"AND of {k} bits": (lambda x: x.all(axis=1) * 1.0, bits(k), k / 2 * 2**k / (2**k - 1)) for k in (2, 3, 5)},
    **{
        f"majority of {d} bits": (lambda x: (x.mean(axis=1) > 0.5) * 1.0, bits(d), majority(d)) for d in (3, 5, 11, 101)
    },
    **{f"minimum of {d}": (lambda x: x.min(axis=1), uniform(d), 2 * (d + 1) / (d + 3)) for d in (2, 3, 10)},
    "Ishigami": (ishigami, uniform(3, -math.pi, math.pi), 1.243684),
    **{f"Sobol g {a}": (sobol_g(a), uniform(len(a)), exact) for a, exact in SOBOL},
    **{f"ReLU of {d}": (relu, normal(d), ridge_relu(d)) for d in (2, 5, 50, 200)},
    **{
        f"ReLU with bias {b}": (lambda x, b=b: relu(x, b), normal(50), ridge_biased_relu(b, 50))
        for b in (-1.0, -0.5, 0.5, 1.0)
    },
    "square": (lambda x: mean_root(x) ** 2, normal(50), ridge(np.square, 50)),
    **{
        f"tanh, scale {s}": (
            lambda x, s=s: np.tanh(s * mean_root(x)),
            normal(50),
            ridge(lambda z, s=s: np.tanh(s * z), 50),
        )
        for s in (0.577, 1.0, 2.0)
    },
    "sigmoid": (lambda x: sigmoid(mean_root(x)), normal(50), ridge(sigmoid, 50)),
    **{f"sum, correlation {r}": (lambda x: x.sum(axis=1), correlated(r), 1 / (1 + r)) for r in (0.5, 0.9)},
    **{f"difference, correlation {r}": (lambda x: x[:, 0] - x[:, 1], correlated(r), 1 / (1 - r)) for r in (0.5, 0.9)},
}


WITHOUT_INTERVAL = {"product of 10 factors 1 + z / 2"}
"""Fewer than one effective point in forty: `MOST_PER_EFFECTIVE`."""


@pytest.mark.parametrize("name", CASES)
def test_closed_forms(name: str) -> None:
    function, sampler, exact = CASES[name]
    generator = numpy_generator("closed forms", name)
    found = mean_dimension(function, sampler(generator, N), generator=generator)
    low, high = found.interval
    assert bool(np.isnan(low)) == (name in WITHOUT_INTERVAL)
    within = 0.1 * exact if name in WITHOUT_INTERVAL else 4 * (high - low) / (2 * 1.96)
    assert abs(found.value - exact) <= within
    assert name in WITHOUT_INTERVAL or high - low < 0.5 * exact
    assert found.total_indices.sum() / found.variance == pytest.approx(found.value, rel=1e-12)


def test_finite_forms_approach_the_limits() -> None:
    assert ridge(np.square, 50) == pytest.approx(2 - 1 / 50)
    assert ridge(np.tanh, 10**6) == pytest.approx(1.1778, abs=1e-4)
    assert ridge_relu(784) == pytest.approx(1.451218, abs=1e-6)
    assert ridge_biased_relu(0.0, 50) == pytest.approx(ridge_relu(50), rel=1e-5)
    assert ridge_biased_relu(-1.0, 10**5) == pytest.approx(2.3196, rel=1e-2)


@pytest.mark.parametrize("name", ["Ishigami", "minimum of 3", "sum, correlation 0.5"])
@pytest.mark.parametrize("shuffles", [1, 3])
def test_intervals_hold_the_truth_in_95_of_100(name: str, shuffles: int) -> None:
    function, sampler, exact = CASES[name]
    held = 0
    for repeat in range(200):
        generator = numpy_generator("coverage", name, shuffles, repeat)
        found = mean_dimension(function, sampler(generator, 600), shuffles=shuffles, generator=generator)
        held += found.interval[0] <= exact <= found.interval[1]
    assert 0.91 <= held / 200 <= 0.99


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_linear_function_has_mean_dimension_1_in_pca_coordinates(correlation: float) -> None:
    generator = numpy_generator("linear")
    x = generator.standard_normal((3_000, 8)) * np.arange(1, 9)
    x[:, 1] = correlation * x[:, 0] + (1 - correlation) * x[:, 1]
    weights = generator.standard_normal(8)
    found = mean_dimension(lambda x: x @ weights + 3, x, basis=pca_basis(x))
    assert found.interval[0] <= 1 <= found.interval[1]
    assert found.value == pytest.approx(1, abs=0.05)
    covariance = np.cov(x.T)
    exact = weights**2 @ np.diag(covariance) / (weights @ covariance @ weights)
    pixels = mean_dimension(lambda x: x @ weights + 3, x)
    assert abs(pixels.value - exact) <= 4 * np.diff(pixels.interval)[0] / (2 * 1.96)


def test_a_basis_is_a_change_of_variables() -> None:
    generator = numpy_generator("rotation")
    x = generator.standard_normal((500, 6))
    rotation = np.linalg.qr(generator.standard_normal((6, 6)))[0]
    found = mean_dimension(lambda x: np.prod(x, axis=1), x, basis=Basis(rotation, np.zeros(6)))
    turned = mean_dimension(lambda z: np.prod(z @ rotation, axis=1), x @ rotation.T)
    assert found.value == pytest.approx(turned.value, rel=1e-9)
    assert found.total_indices == pytest.approx(turned.total_indices, rel=1e-9)
    square = mean_dimension(lambda x: x.prod(axis=(1, 2)), x.reshape(-1, 2, 3), basis=Basis(rotation, np.zeros(6)))
    assert square.total_indices == pytest.approx(found.total_indices)  # in the order of the directions, not an image
