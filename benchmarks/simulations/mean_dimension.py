"""Mean dimensions, their changes and companions, of functions and inputs whose truth is a closed form."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor, nn

from benchmarks.simulations import AUDITED, Repeat, Simulation
from probecore.measures.mean_dimension import Basis, mean_dimension
from probecore.measures.mean_dimension.companions import (
    boolean_mean_dimension,
    mean_dimension_of_independent,
    mean_dimension_within_classes,
)
from probecore.measures.mean_dimension.intervals import Ratios, change_since
from probecore.measures.mean_dimension.result import MeanDimension
from probecore.measures.mean_dimension.surrogates import Surrogates
from probecore.statistics import share_of

INPUTS = 20
UNITS = 4
SIGNS = np.random.default_rng(0).choice([-1.0, 1.0], (INPUTS, UNITS)) / math.sqrt(INPUTS)
SLOPES = np.array([1.0, -0.5, 2.0, 0.3])
CORRELATION = 0.5
BITS, AGREEMENT = 11, 0.6
FITTED = np.random.default_rng(1).standard_normal((80, 4))


def rectified(x: np.ndarray) -> np.ndarray:
    """Rectified sums of all inputs, (N, 4)."""
    return np.maximum(x @ SIGNS, 0)


def rectified_truth() -> float:
    """Sums before and after an exchange correlate by 1 - 1/d."""

    def kernel(r: float) -> float:
        return (math.sqrt(1 - r * r) + (math.pi - math.acos(r)) * r) / (2 * math.pi)

    return INPUTS * (kernel(1) - kernel(1 - 1 / INPUTS)) / (kernel(1) - kernel(0))


def waves(x: np.ndarray) -> np.ndarray:
    """Sines of sums of all inputs, (N, 4)."""
    return np.sin(x @ SIGNS)


def waves_truth() -> float:
    """Sines of normal sums that correlate by r have covariance sinh(r) / e."""
    return INPUTS * (1 - math.sinh(1 - 1 / INPUTS) / math.sinh(1))


def smallest(x: np.ndarray) -> np.ndarray:
    """The least of three inputs; its mean dimension over uniform ones is 4/3."""
    return x[:, :3].min(axis=1)


def as_repeat(found: MeanDimension, truth: float) -> Repeat:
    """Trace and outputs at once."""
    return of_ratios(found.ratios, truth)


def of_ratios(found: Ratios, truth: float | np.ndarray) -> Repeat:
    """All that have an interval."""
    return Repeat(truth=truth, value=found.value, low=found.low, high=found.high)


def all_coordinates(generator: np.random.Generator) -> Repeat:
    """The least of three uniform inputs."""
    return as_repeat(mean_dimension(smallest, generator.random((200, 3)), generator=generator), 4 / 3)


def several_shuffles(generator: np.random.Generator) -> Repeat:
    """The same with three donors per point."""
    return as_repeat(mean_dimension(smallest, generator.random((200, 3)), shuffles=3, generator=generator), 4 / 3)


def drawn_coordinates(generator: np.random.Generator) -> Repeat:
    """Waves of normal inputs, eight of twenty coordinates per pair, few points."""
    points = generator.standard_normal((60, INPUTS))
    return as_repeat(mean_dimension(waves, points, features=8, generator=generator), waves_truth())


def skewed_units(generator: np.random.Generator) -> Repeat:
    """Rectified units of normal inputs: skewed, so that few points have no interval."""
    points = generator.standard_normal((200, INPUTS))
    return as_repeat(mean_dimension(rectified, points, features=8, generator=generator), rectified_truth())


def principal_components(generator: np.random.Generator) -> Repeat:
    """A linear function of correlated inputs has 1 in their components."""
    features = len(SLOPES)
    covariance = CORRELATION + (1 - CORRELATION) * np.eye(features)
    basis = Basis(np.linalg.eigh(covariance)[1].T, np.zeros(features))
    points = correlated(generator, 100)
    return as_repeat(mean_dimension(lambda x: x @ SLOPES, points, basis=basis, generator=generator), 1.0)


class Case(NamedTuple):
    """A function of independent inputs (N, D), whose mean dimension is known."""

    function: Callable[[np.ndarray], np.ndarray]
    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
    n: int
    features: int
    truth: float


def of_case(generator: np.random.Generator, case: Case) -> Repeat:
    """All coordinates of `n` points."""
    points = case.draw(generator, (case.n, case.features))
    return as_repeat(mean_dimension(case.function, points, generator=generator), case.truth)


def normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal inputs."""
    return generator.standard_normal(shape)


def bits(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Fair bits."""
    return generator.integers(2, size=shape)


def product_truth(factors: int, variance: float) -> float:
    """Of a product of independent factors of mean 1."""
    return factors * variance * (1 + variance) ** (factors - 1) / ((1 + variance) ** factors - 1)


def above_truth(inputs: int = INPUTS) -> float:
    """Of what a normal mean root of inputs has above 1, by quadrature."""
    nodes = np.linspace(-9, 9, 3001)
    weights = norm.pdf(nodes) / norm.pdf(nodes).sum()
    r = 1 - 1 / inputs
    moved = np.maximum(r * nodes[:, None] + math.sqrt(1 - r * r) * nodes - 1, 0) @ weights
    above = np.maximum(nodes - 1, 0)
    square = weights @ above**2
    return float(inputs * (square - weights @ (above * moved)) / (square - (weights @ above) ** 2))


def root(x: np.ndarray) -> np.ndarray:
    """Sum over inputs, of variance 1."""
    return x.sum(axis=1) / math.sqrt(x.shape[1])


SKEWED = {
    "product of two inputs": Case(lambda x: x.prod(axis=1), normal, 200, 2, 2.0),
    "product of three inputs": Case(lambda x: x.prod(axis=1), normal, 200, 3, 3.0),
    "square of a sum": Case(lambda x: root(x) ** 2, normal, 200, INPUTS, 2 - 1 / INPUTS),
    "sum of Student's inputs": Case(root, lambda generator, shape: generator.standard_t(3, shape), 60, 5, 1.0),
    "AND of five bits": Case(lambda x: x.all(axis=1) * 1.0, bits, 1000, 5, 80 / 31),
    "Sobol's g": Case(
        lambda x: np.abs(4 * x - 2).prod(axis=1),
        lambda generator, shape: generator.random(shape),
        1000,
        5,
        product_truth(5, 1 / 3),
    ),
    "sum above 1": Case(lambda x: np.maximum(root(x) - 1, 0), normal, 1000, INPUTS, above_truth()),
}
"""Skewed or long-tailed, with enough effective points in most samples."""

HEAVY = {
    "product of ten inputs": Case(lambda x: x.prod(axis=1), normal, 60, 10, 10.0),
    "product of six inputs": Case(lambda x: x.prod(axis=1), normal, 1000, 6, 6.0),
    "product of ten factors": Case(
        lambda x: (1 + x / 2).prod(axis=1),
        lambda generator, shape: generator.choice([-1.0, 1.0], shape),
        1000,
        10,
        product_truth(10, 1 / 4),
    ),
    "exponential of a sum": Case(
        lambda x: np.exp(0.8 * x.sum(axis=1)), normal, 1000, 4, product_truth(4, math.expm1(0.64))
    ),
}
"""Few points make up the value, and a sample may lack them."""


def correlated(generator: np.random.Generator, n: int) -> np.ndarray:
    """Normal inputs (n, 4) that correlate by `CORRELATION`."""
    common = math.sqrt(CORRELATION) * generator.standard_normal((n, 1))
    return common + math.sqrt(1 - CORRELATION) * generator.standard_normal((n, len(SLOPES)))


def change(generator: np.random.Generator) -> Repeat:
    """From sums to waves of sums, at the same points and exchanges."""
    points, seed = generator.standard_normal((60, INPUTS)), int(generator.integers(2**32))
    before, after = (
        mean_dimension(function, points, features=8, generator=np.random.default_rng(seed)).ratios
        for function in (lambda x: x @ SIGNS, waves)
    )
    found = change_since(before, after, generator=generator)
    return Repeat(truth=waves_truth() - 1, value=found.value, low=found.low, high=found.high)


class Majority(nn.Module):
    """1 where most bits are 1, else -1."""

    def forward(self, bits: Tensor) -> Tensor:
        """(N, D) to (N, 1)."""
        return bits.sum(dim=1, keepdim=True).sign()


def labelled_bits(generator: np.random.Generator, n: int, agreement: float) -> tuple[Tensor, Tensor]:
    """Bits ±1 (n, 11) that agree with a hidden label with this probability, and the labels 0 and 1."""
    labels = generator.integers(2, size=n)
    agree = generator.random((n, BITS)) < agreement
    bits = np.where(agree, 1, -1) * (2 * labels[:, None] - 1)
    return torch.from_numpy(bits).float(), torch.from_numpy(labels)


def independent_truth() -> float:
    """Of the majority of fair bits."""
    return BITS * math.comb(BITS - 1, BITS // 2) / 2 ** (BITS - 1)


def within_truth() -> float:
    """Of the majority of bits that are 1 with probability `AGREEMENT`."""
    q, half = AGREEMENT, BITS // 2
    decides = math.comb(BITS - 1, half) * (q * (1 - q)) ** half
    most = sum(math.comb(BITS, k) * q**k * (1 - q) ** (BITS - k) for k in range(half + 1, BITS + 1))
    return BITS * q * (1 - q) * decides / (most * (1 - most))


def independent(generator: np.random.Generator) -> Repeat:
    """Bits that a label ties together, permuted."""
    bits, _ = labelled_bits(generator, 200, 0.9)
    found = mean_dimension_of_independent(Majority(), bits, basis=None, features=None, generator=generator)
    return of_ratios(found, independent_truth())


def boolean(generator: np.random.Generator) -> Repeat:
    """Bits that need no data."""
    ends = torch.tensor([[-1.0], [1.0]]).repeat(1, BITS)
    found = boolean_mean_dimension(Majority(), ends, points=200, features=None, generator=generator)
    return of_ratios(found, independent_truth())


def within(generator: np.random.Generator) -> Repeat:
    """The same bits with donors of the same label."""
    bits, labels = labelled_bits(generator, 200, AGREEMENT)
    found = mean_dimension_within_classes(Majority(), bits, labels, basis=None, features=None, generator=generator)
    assert found is not None
    return of_ratios(found, within_truth())


def curved(x: np.ndarray) -> np.ndarray:
    """Two outputs, one of them with an interaction."""
    return np.stack([np.tanh(x[:, 0]) + np.abs(x[:, 1]), x[:, 2] + np.tanh(x[:, 0] * x[:, 3])], axis=1)


def fitted_and_judged(judged: np.ndarray, generator: np.random.Generator) -> dict[str, Ratios]:
    """What functions fitted to `FITTED` explain of `curved` elsewhere."""
    surrogates = Surrogates(torch.from_numpy(FITTED), torch.from_numpy(judged), {"pixels": None})
    return surrogates.compare(curved(FITTED), curved(judged), "pixels", generator)


QUANTITIES = ("linear_surrogate", "r2_linear", "r2_additive", "r2_non_additive", "r2_gain")


@functools.cache
def explained_truth() -> np.ndarray:
    """Of the same fits, over many points."""
    generator = np.random.default_rng(2)
    found = fitted_and_judged(generator.standard_normal((40_000, 4)), generator)
    return np.array([found[name].value[0] for name in QUANTITIES])


def explained(generator: np.random.Generator) -> Repeat:
    """R² and the mean dimension of the linear fit, over few points."""
    found = fitted_and_judged(generator.standard_normal((100, 4)), generator)
    value, low, high = (
        np.array([getattr(found[name], part)[0] for name in QUANTITIES]) for part in ("value", "low", "high")
    )
    return Repeat(truth=explained_truth(), value=value, low=low, high=high)


def accuracy(generator: np.random.Generator) -> Repeat:
    """A share of 200 images."""
    found = share_of(int(generator.binomial(200, 0.8)), 200)
    return Repeat(truth=0.8, value=found["value"], low=found["low"], high=found["high"])


EVERY_TABLE = ("outputs.csv:value", "units.csv:value", "layers.csv:value", "companions.csv:given_points")
FILTERS = ("filters.csv:mean_dimension_pixels", "filters.csv:mean_dimension_pca")
CHANGES = (
    *(f"{table}.csv:change" for table in ("outputs", "units", "layers", "companions")),
    *(f"{quantity}_change" for quantity in FILTERS),
)

SIMULATIONS = [
    Simulation(name="least of three uniform inputs", covers=EVERY_TABLE, n=200, repeat=all_coordinates),
    Simulation(name="three donors per point", covers=EVERY_TABLE, n=200, repeat=several_shuffles),
    Simulation(
        name="waves of sums, coordinates drawn", covers=(*EVERY_TABLE, *FILTERS), n=60, repeat=drawn_coordinates
    ),
    Simulation(name="rectified units", covers=(*EVERY_TABLE, *FILTERS), n=200, repeat=skewed_units),
    Simulation(
        name="linear function in components", covers=(*EVERY_TABLE, FILTERS[1]), n=100, repeat=principal_components
    ),
    *(
        Simulation(name=name, covers=EVERY_TABLE, n=case.n, repeat=functools.partial(of_case, case=case))
        for name, case in SKEWED.items()
    ),
    *(
        Simulation(
            name=f"{name}, heavy-tailed",
            covers=EVERY_TABLE,
            n=case.n,
            repeat=functools.partial(of_case, case=case),
            printed=False,
        )
        for name, case in HEAVY.items()
    ),
    Simulation(name="waves after sums, paired", covers=CHANGES, n=60, repeat=change),
    Simulation(
        name="majority of bits made independent",
        covers=("companions.csv:independent_margins",),
        n=200,
        repeat=independent,
    ),
    Simulation(name="majority of all bits", covers=("companions.csv:boolean",), n=200, repeat=boolean),
    Simulation(name="majority of bits within labels", covers=("companions.csv:within_classes",), n=200, repeat=within),
    Simulation(
        name="fits to 80 points, judged elsewhere",
        covers=tuple(f"companions.csv:{quantity}" for quantity in QUANTITIES),
        n=100,
        repeat=explained,
        repeats=400,
    ),
    Simulation(name="accuracy of 0.8", covers=("deletion.csv:accuracy",), n=200, repeat=accuracy),
]

EXEMPT = [AUDITED]
