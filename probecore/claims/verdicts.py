"""What a sample over seeds says of a claim: held, fails, or undecided.

A claim is a conjunction of parts: the effect lies beyond a bound, and beyond each control. It is *held* if every part
is (the largest p decides, Berger 1982, doi 10.1080/00401706.1982.10487790), and *fails* if any part lies on the other
side (the smallest p times the number of parts). Both are corrected within the claim's family. Everything else is
*undecided*.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from probecore.claims.effects import Sample
from probecore.claims.params import Test
from probecore.statistics import Estimate, adjust, over_seeds

LEVEL = 0.025
"""Of one-sided tests, so that a claim with one part is held where its 95 % interval lies beyond the bound."""

Verdict = Literal["held", "fails", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A one-sided statement on a mean: it lies above `held`, or below it where `sign` is -1."""

    sample: Sample
    sign: int
    held: float
    fails: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a sample says of a claim.

    Attributes
    ----------
    effect, controls
        Mean over seeds with its 95 % interval: of the effect, and of its difference from each control.
    n
        Seeds of the part that has fewest.
    p_held, p_fails
        How probable a sample so far on this side is if the effect were at the bound; NaN with too few seeds.
    verdict, reason
        The reason says why a claim is undecided.
    """

    effect: Estimate
    controls: Mapping[str, Estimate] = field(default_factory=dict)
    n: int
    p_held: float = math.nan
    p_fails: float = math.nan
    p_held_adjusted: float = math.nan
    p_fails_adjusted: float = math.nan
    verdict: Verdict = "undecided"
    reason: str = ""


def judge_family(tests: Sequence[Test], samples: Sequence[tuple[Sample, Mapping[str, Sample]]]) -> list[Judgement]:
    """Judge the claims of one family by their effects and their differences from controls.

    Examples
    --------
    >>> test = Test.read({"experiment": "e", "table": "mechanism/layers.csv", "effect": "value",
    ...                   "held": {"above": 0.5}, "family": "f"})
    >>> accuracies = Sample(values={0: 0.9, 1: 0.8, 2: 0.9, 3: 0.95, 4: 0.85})
    >>> judge_family([test], [(accuracies, {})])[0].verdict
    'held'
    """
    tested = [_tested(test, *sample) for test, sample in zip(tests, samples, strict=True)]
    correct = tests[0].correct
    held = adjust([each.p_held for each in tested], correct)
    fails = adjust([each.p_fails for each in tested], correct)
    return [
        _decided(test, judgement, p_held=float(p_held), p_fails=float(p_fails))
        for test, judgement, p_held, p_fails in zip(tests, tested, held, fails, strict=True)
    ]


def _tested(test: Test, effect: Sample, controls: Mapping[str, Sample]) -> Judgement:
    estimates = {name: interval(sample) for name, sample in controls.items()}
    n = min(len(_finite(sample)) for sample in (effect, *controls.values()))
    judgement = Judgement(effect=interval(effect), controls=estimates, n=n)
    if test.equivalence_margin == 0:
        return _identity(judgement, effect, test.min_units)
    if n < test.min_units:
        return judgement
    parts = _parts(test, effect, controls)
    p_held = max(_p_beyond(part.sample, part.held, part.sign) for part in parts)
    p_fails = min(_p_beyond(part.sample, part.fails, -part.sign) for part in parts)
    return replace(judgement, p_held=p_held, p_fails=min(1.0, len(parts) * p_fails))


def _identity(judgement: Judgement, effect: Sample, min_units: int) -> Judgement:
    """An identity needs no test: one seed where it is violated is enough."""
    values = _finite(effect)
    if values.any():
        return replace(judgement, verdict="fails")
    return replace(judgement, verdict="held" if len(values) >= min_units else "undecided")


def _parts(test: Test, effect: Sample, controls: Mapping[str, Sample]) -> list[Part]:
    above, below = test.held_between
    fails_below, fails_above = (above, below) if test.fails is None else (test.fails.below, test.fails.above)
    parts = []
    if above is not None and fails_below is not None:
        parts.append(Part(sample=effect, sign=1, held=above, fails=fails_below))
    if below is not None and fails_above is not None:
        parts.append(Part(sample=effect, sign=-1, held=below, fails=fails_above))
    return parts + [Part(sample=control, sign=parts[0].sign, held=0.0, fails=0.0) for control in controls.values()]


def _decided(test: Test, judgement: Judgement, *, p_held: float, p_fails: float) -> Judgement:
    judgement = replace(judgement, p_held_adjusted=p_held, p_fails_adjusted=p_fails)
    if test.equivalence_margin == 0 and judgement.verdict != "undecided":
        return judgement
    if judgement.n < test.min_units:
        return replace(judgement, reason=f"{judgement.n} of {test.min_units} seeds")
    if p_held <= LEVEL:
        return replace(judgement, verdict="held")
    if p_fails <= LEVEL:
        return replace(judgement, verdict="fails")
    return replace(judgement, reason="neither side is cleared")


def interval(sample: Sample) -> Estimate:
    """Average over seeds with Student's 95 % interval, as `probecore.statistics.over_seeds`.

    Values that can only differ by `resolution` or more are taken to spread at least as rounding to it does, so that
    five equal rank correlations have an interval.
    """
    values = _finite(sample)
    plain = over_seeds(values)
    error = _error(values, sample.resolution)
    if not sample.resolution or math.isnan(error) or (n := len(values)) < 5:
        return plain
    half = float(stdtrit(n - 1, 0.975)) * error
    return Estimate(value=plain.value, low=plain.value - half, high=plain.value + half, n=n)


def _p_beyond(sample: Sample, bound: float, sign: int) -> float:
    """One-sided p of the t test that the mean lies above `bound` (below, where `sign` is -1).

    Where all values are equal and could have differed by any amount, p is that of the sign test.
    """
    values = _finite(sample)
    n, distance = len(values), sign * (float(values.mean()) - bound)
    error = _error(values, sample.resolution)
    if error == 0:
        return float(2.0**-n) if distance > 0 else 1.0
    return float(stdtr(n - 1, -distance / error))


def _error(values: npt.NDArray[np.float64], resolution: float) -> float:
    """Standard error of the mean, at least that of rounding; 0 for values that differ by rounding of floats alone."""
    if len(values) < 2:
        return math.nan
    equal = np.ptp(values) <= 1e-12 * np.abs(values).max()
    spread = 0.0 if equal else float(values.std(ddof=1))
    return max(spread, resolution / math.sqrt(12)) / math.sqrt(len(values))


def _finite(sample: Sample) -> npt.NDArray[np.float64]:
    values = np.array([sample.values[seed] for seed in sorted(sample.values)], dtype=np.float64)
    return values[np.isfinite(values)]
