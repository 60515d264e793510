"""Networks of different seeds as a sample: the mean over seeds, its interval, and one test over them."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from probecore.statistics.result import Estimate

FEWEST_FOR_INTERVAL = 5
"""With fewer seeds their values are shown as points, and no interval."""

FEWEST_FOR_TEST = 3


def over_seeds(values: npt.ArrayLike) -> Estimate:
    """Average one value per seed, shape (n_seeds,); NaN counts as no seed.

    Returns
    -------
    Estimate
        The mean with Student's 95 % t interval, n the number of seeds. There is no interval with fewer than five seeds,
        and none where all values are equal, which says nothing about how far the next seed may lie.
    """
    sample = _finite(values)
    n = len(sample)
    if n == 0:
        return Estimate(value=np.nan, n=0)
    value = float(sample.mean())
    error = _standard_error(sample)
    if n < FEWEST_FOR_INTERVAL or error == 0:
        return Estimate(value=value, n=n)
    half = float(stdtrit(n - 1, 0.975)) * error
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def difference_over_seeds(values: npt.ArrayLike, control: npt.ArrayLike = 0.0) -> Estimate:
    """Test over seeds whether values differ from those of their controls: one test, whatever the number of seeds.

    Parameters
    ----------
    values : shape (n_seeds,)
    control : what each seed is compared with, shape (n_seeds,), as the same seed before training; or one number

    Returns
    -------
    Estimate
        The mean difference as `over_seeds` gives it, null 0, and p of the two-sided paired t test (Student 1908,
        doi 10.1093/biomet/6.1.1), which takes differences between seeds as normal. There is no p with fewer than three
        seeds. Where all differences are equal, p is that of the sign test; 1 where all are 0.

    Raises
    ------
    ValueError
        If `values` and `control` have different numbers of seeds.
    """
    before = np.asarray(control, dtype=np.float64)
    after = np.asarray(values, dtype=np.float64)
    if before.ndim and before.shape != after.shape:
        raise ValueError(f"{len(after)} seeds and {len(before)} controls: give one control per seed")
    differences = _finite(after - before)
    mean = over_seeds(differences)
    return Estimate(value=mean.value, low=mean.low, high=mean.high, null=0.0, p=_p(differences), n=mean.n)


def headline_over_seeds(name: str, values: npt.ArrayLike) -> dict[str, int | float | None]:
    """Make the headline entries of one value per seed: the mean as `name`, its interval as ``name.low``, ``name.high``.

    With fewer than five seeds there is no interval, see `over_seeds`; a mean of nothing is None.
    """
    mean = over_seeds(values)
    interval = {f"{name}.low": mean.low, f"{name}.high": mean.high} if np.isfinite(mean.low) else {}
    return {name: mean.value if mean.n else None, **interval}


def _p(differences: npt.NDArray[np.float64]) -> float:
    n = len(differences)
    if n < FEWEST_FOR_TEST:
        return np.nan
    mean, error = float(differences.mean()), _standard_error(differences)
    if error == 0:
        return float(2.0 ** (1 - n)) if mean else 1.0
    return float(2 * stdtr(n - 1, -abs(mean) / error))


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64).ravel()
    return sample[np.isfinite(sample)]


def _standard_error(sample: npt.NDArray[np.float64]) -> float:
    """The standard error of the mean; 0 for values that differ by rounding alone."""
    if len(sample) < 2 or np.ptp(sample) <= 1e-12 * np.abs(sample).max():
        return 0.0
    return float(sample.std(ddof=1) / np.sqrt(len(sample)))
