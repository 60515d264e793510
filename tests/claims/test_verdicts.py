"""Verdicts on planted truths: how often *held* is said where nothing holds, and what decides."""

import math
from typing import Any

import numpy as np
import pytest

from probecore.claims.effects import Sample
from probecore.claims.verdicts import Judgement, interval, judge_family
from probecore.statistics import over_seeds
from tests.claims.support import a_test

RUNS = 1000
ABOVE_HALF: dict[str, Any] = {"effect": "value"}


def sample(values: Any, **more: float) -> Sample:
    return Sample(values=dict(enumerate(map(float, values))), **more)


def judged(values: Any, *, controls: dict[str, Any] | None = None, **changes: Any) -> Judgement:
    test = a_test(**ABOVE_HALF | changes)
    named = {name: sample(each) for name, each in (controls or {}).items()}
    return judge_family([test], [(sample(values), named)])[0]


def shares(effect: float, seeds: int, **changes: Any) -> dict[str, float]:
    """How often each verdict is given of seeds that scatter by 1 around `effect`."""
    draws = np.random.default_rng(20).normal(effect, 1.0, (RUNS, seeds))
    verdicts = [judged(each, **changes).verdict for each in draws]
    return {verdict: verdicts.count(verdict) / RUNS for verdict in ("held", "fails", "undecided")}


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_held_is_rare_where_nothing_holds(effect: float, seeds: int) -> None:
    assert shares(effect, seeds)["held"] <= 0.05


def test_at_the_threshold_neither_side_is_taken() -> None:
    found = shares(0.5, 10)
    assert found["held"] <= 0.05 and found["fails"] <= 0.05


def test_what_holds_is_held_and_what_does_not_fails() -> None:
    assert shares(2.0, 10)["held"] > 0.95
    assert shares(-1.0, 10)["fails"] > 0.95


@pytest.mark.parametrize("effect", [0.0, 2.0])
def test_undecided_grows_as_seeds_fall(effect: float) -> None:
    undecided = [shares(effect, seeds)["undecided"] for seeds in (20, 10, 5, 4)]
    assert undecided == sorted(undecided) and undecided[0] < undecided[2] - 0.1 and undecided[3] == 1.0


def test_equivalence_is_not_said_of_what_lies_at_the_margin() -> None:
    margin = {"held": None, "equivalence_margin": 1.0}
    assert shares(1.0, 10, **margin)["held"] <= 0.05
    assert shares(0.0, 50, **margin)["held"] > 0.95
    assert shares(3.0, 10, **margin)["fails"] > 0.95


def test_a_family_of_nulls_is_corrected_as_one() -> None:
    test, generator = a_test(**ABOVE_HALF), np.random.default_rng(21)
    any_held = 0
    for _ in range(400):
        samples = [(sample(generator.normal(0.5, 1, 8)), {}) for _ in range(10)]
        any_held += any(each.verdict == "held" for each in judge_family([test] * 10, samples))
    assert any_held / 400 <= 0.05


def test_a_control_that_does_as_well_leaves_it_undecided() -> None:
    draws, noise = np.random.default_rng(22).normal(2.0, 0.3, (500, 6)), np.random.default_rng(23)
    nothing = [judged(each, controls={"untrained": noise.normal(0, 1, 6)}).verdict for each in draws]
    assert nothing.count("held") / 500 <= 0.05
    assert judged([2, 2.1, 1.9, 2, 2.2], controls={"untrained": [1, 1.1, 0.9, 1, 1.2]}).verdict == "held"
    assert judged([2, 2.1, 1.9, 2, 2.2], controls={"untrained": [-1, -1.1, -0.9, -1, -1.2]}).verdict == "fails"


def test_below_is_the_mirror_of_above() -> None:
    values = np.array([0.9, 0.8, 0.95, 0.7, 0.85])
    above = judged(values, controls={"c": values})
    below = judged(-values, controls={"c": -values}, held={"below": -0.5})
    assert above.verdict == below.verdict == "held"
    assert above.p_held == pytest.approx(below.p_held) and above.p_fails == pytest.approx(below.p_fails)


def test_p_is_that_of_the_t_test_and_the_verdict_that_of_the_interval() -> None:
    from scipy.stats import ttest_1samp

    values = [0.61, 0.55, 0.72, 0.48, 0.69]
    found = judged(values)
    assert found.p_held == pytest.approx(ttest_1samp(values, 0.5, alternative="greater").pvalue)
    assert found.p_fails == pytest.approx(ttest_1samp(values, 0.5, alternative="less").pvalue)
    assert found.effect == over_seeds(values)
    assert (found.verdict == "held") == (found.effect.low > 0.5)


def test_between_two_bounds() -> None:
    bounds = {"held": {"above": 0.5}, "fails": {"below": 0.1}}
    assert judged([0.2, 0.3, 0.25, 0.3, 0.2], **bounds).verdict == "undecided"
    assert judged([0.0, 0.05, -0.05, 0.0, 0.01], **bounds).verdict == "fails"
    assert judged([0.2, 0.3, 0.25, 0.3, 0.2]).verdict == "fails", "by default it fails where it is not held"


def test_few_seeds_decide_nothing() -> None:
    found = judged([5.0, 5.1, 4.9, 5.0])
    assert (found.verdict, found.reason) == ("undecided", "4 of 5 seeds")
    assert math.isnan(found.p_held) and math.isnan(found.effect.low)
    control = judged([5.0] * 6, controls={"untrained": [1, 1.1, 0.9]})
    assert (control.n, control.reason) == (3, "3 of 5 seeds"), "the part with fewest seeds counts"
    assert judged([1, 2, 3, 4, math.nan]).n == 4


def test_an_identity_is_exact() -> None:
    exact = {"held": None, "equivalence_margin": 0.0}
    assert judged([0.0] * 5, **exact).verdict == "held"
    assert judged([0.0] * 4, **exact).verdict == "undecided"
    assert judged([0.0, 0.0, 1e-9], **exact).verdict == "fails", "one seed is enough"


def test_equal_values() -> None:
    assert judged([1.0] * 5).verdict == "undecided", "a sign test of five has p = 1/32"
    assert judged([1.0] * 6).verdict == "held"
    ranks = interval(sample([1.0] * 5, resolution=0.2))
    assert ranks.low == pytest.approx(1 - 2.776445 * 0.2 / math.sqrt(12 * 5))
    test = a_test()
    assert judge_family([test], [(sample([1.0] * 5, resolution=0.2), {})])[0].verdict == "held"
