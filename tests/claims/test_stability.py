"""What other choices do to a verdict."""

import pytest

from probecore.claims.stability import Outcome, stability, stability_of
from probecore.multiverse import fan

OPTIONS = {"threshold": [0.2, 0.5], "images": [200], "estimator": ["upper"]}


def test_a_planted_unstable_claim_is_called_unstable() -> None:
    found = stability(
        [Outcome(changed=each, verdict="fails" if "threshold" in each else "held") for each in fan(OPTIONS)]
    )
    assert found.share == pytest.approx(1 / 3)
    assert (found.moved_by, found.fall, found.n) == ("threshold", 1.0, 12)


def test_of_two_choices_the_one_that_moves_it_most_is_named() -> None:
    found = stability(
        [
            Outcome(changed=each, verdict="undecided" if {"images", "threshold"} <= each.keys() else "held")
            for each in fan(OPTIONS)
        ]
    )
    assert found.moved_by == "images" and found.fall == pytest.approx(2 / 3)


def test_a_claim_that_stands_everywhere() -> None:
    found = stability([Outcome(changed=each, verdict="held") for each in fan(OPTIONS)])
    assert (found.share, found.moved_by, found.fall) == (1.0, None, 0.0)


def test_the_first_universe_is_as_declared() -> None:
    for outcomes in ([], [Outcome(changed={"a": 1}, verdict="held")]):
        with pytest.raises(ValueError, match="as declared first"):
            stability(outcomes)


@pytest.mark.parametrize(
    ("stands", "moved_by", "says"),
    [
        ("0.95", "seed", "stable: stands in 19 of 20 universes, seed moves it most"),
        ("0.85", "seed", "unstable: stands in 17 of 20 universes, seed moves it most"),
        ("1.0", "", "stable: stands in 20 of 20 universes"),
    ],
)
def test_one_universe_of_many_does_not_make_it_unstable(stands: str, moved_by: str, says: str) -> None:
    assert stability_of({"universes": "20.0", "stands": stands, "moved_by": moved_by}) == says


def test_without_other_universes_nothing_is_said() -> None:
    assert stability_of({"universes": "", "stands": "", "moved_by": ""}) == stability_of({}) == ""
