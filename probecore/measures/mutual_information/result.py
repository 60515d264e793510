"""The result of every estimator, and what all of them ask of their arguments. No estimator is known here."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.statistics import Estimate, Z, permutation_p

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Contributions = Callable[[npt.NDArray[np.intp]], Array]

SATURATION = 0.95
"""Share of its ceiling above which an estimate says more about the sample than about the variables."""

FEWEST = 20
"""Samples below which no interval is given."""


@dataclass(frozen=True, kw_only=True)
class MutualInformation(Estimate):
    """An estimate of mutual information, in nats.

    Attributes
    ----------
    value
        The estimate; may be slightly negative, which clamping would hide and which averages need.
    estimator, parameters
        What was computed, and with which settings.
    n
        Samples that entered.
    ceiling
        The largest value that the estimator can return, or that the variables allow; inf where there is none.
    null, null_95, p
        Mean and 95 % point over permutations of y, and the one-sided p-value; NaN without permutations.
    low, high
        95 %: of estimators that are smooth in the sample from the spread of `contributions`, of those from neighbours
        by random groups (`groups_interval`). NaN where there is none.
    contributions
        What each sample adds, (N,): its influence on the estimate, of which `value` is the mean. None from neighbours.
    """

    estimator: str
    ceiling: float
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    null_95: float = math.nan
    contributions: Array | None = field(default=None, repr=False, compare=False)

    @property
    def bits(self) -> float:
        """The estimate in bits."""
        return self.value / math.log(2)

    @property
    def saturated(self) -> bool:
        """Whether the estimate is above 95 % of a ceiling that is above 0."""
        return 0 < SATURATION * self.ceiling < self.value

    def without_interval(self) -> "MutualInformation":
        """The same, where contributions are no influences."""
        return replace(self, low=math.nan, high=math.nan, contributions=None)


def conclude(
    contributions: Contributions,
    *,
    estimator: str,
    n: int,
    ceiling: float,
    parameters: Mapping[str, float | str],
    repeats: int,
    generator: np.random.Generator | None,
    interval: Callable[[float, np.random.Generator], tuple[float, float]] | None = None,
) -> MutualInformation:
    """The result of an estimator that is a mean over samples.

    Parameters
    ----------
    contributions : the samples' contributions (N,) when y is put into the given order
    repeats : permutations behind the null; 0: no null
    generator : draws it; None: one of fixed seed
    interval : of the value where contributions are no influences; asked for with the null alone
    """
    local, null = contributions(np.arange(n)), None
    generator = generator or numpy_generator("mutual_information", estimator)
    if repeats:
        null = np.array([contributions(generator.permutation(n)).mean() for _ in range(repeats)])
    found = result_of(local, null, estimator=estimator, ceiling=ceiling, parameters=parameters)
    if interval is None:
        return found
    found = found.without_interval()
    if not repeats:
        return found
    low, high = interval(found.value, generator)
    return replace(found, low=low, high=high)


def nothing(
    *, estimator: str, n: int, ceiling: float, parameters: Mapping[str, float | str], repeats: int
) -> MutualInformation:
    """The result where a variable is constant: 0, as in every permutation and replicate."""
    null = np.zeros(repeats) if repeats else None
    return result_of(np.zeros(n), null, estimator=estimator, ceiling=ceiling, parameters=parameters)


def result_of(
    local: Array, null: Array | None, *, estimator: str, ceiling: float, parameters: Mapping[str, float | str]
) -> MutualInformation:
    """The result of samples' contributions (N,) and of estimates under permutation (B,)."""
    estimate = mean_of(local)
    return MutualInformation(
        value=estimate.value,
        estimator=estimator,
        n=estimate.n,
        ceiling=ceiling,
        parameters=dict(parameters),
        null=math.nan if null is None else float(null.mean()),
        null_95=math.nan if null is None else float(np.quantile(null, 0.95)),
        p=math.nan if null is None else float(permutation_p(estimate.value, null)),
        low=estimate.low,
        high=estimate.high,
        contributions=local,
    )


def mean_of(contributions: Array) -> Estimate:
    """The mean of samples' contributions (N,) with its normal 95 % interval; none below `FEWEST` samples.

    Of differences of two estimates' contributions on the same samples it is their paired contrast.
    """
    n, value = len(contributions), float(contributions.mean())
    half = Z * float(contributions.std(ddof=1)) / math.sqrt(n) if n >= FEWEST else math.nan
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def entropy(labels: Labels) -> float:
    """Plug-in entropy of a discrete sample, nats."""
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log(shares)).sum())


def points(values: npt.ArrayLike, name: str) -> Array:
    """Samples of a continuous variable as (N, d).

    Raises
    ------
    InputError
        If they are no finite numbers in one or two axes, or there are none.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size:
        raise InputError(f"{name}: shape {array.shape} where (N,) or (N, d) is due; flatten each sample")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: holds NaN or infinity; remove those samples")
    return array


def symbols(values: npt.ArrayLike, name: str) -> Labels:
    """Samples of a discrete variable as whole numbers 0, 1, … in (N,).

    Raises
    ------
    InputError
        If the samples are not in one axis, or not whole numbers.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise InputError(f"{name}: shape {array.shape} where (N,) is due")
    if array.dtype.kind not in "iub":
        raise InputError(f"{name}: type {array.dtype} where whole numbers are due; bin it, or use another estimator")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def same_length(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic]) -> int:
    """The number of samples; raises `InputError` if x and y differ in it."""
    if len(x) != len(y):
        raise InputError(f"x has {len(x)} samples and y {len(y)}; give pairs")
    return len(x)


def enough(n: int, k: int) -> None:
    """Raise `InputError` unless every one of n samples has k neighbours."""
    if k < 1:
        raise InputError(f"k: {k} neighbours; give 1 or more")
    if n <= k:
        raise InputError(f"{n} samples are too few for k = {k}; give more, or lower k")
