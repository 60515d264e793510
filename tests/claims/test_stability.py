"""What other choices do to a verdict."""

import itertools

import pytest

from probecore.claims.stability import Universe, fan, stability

OPTIONS = {"threshold": [0.3, 0.2, 0.5], "images": [1000, 200], "estimator": ["lower", "upper"]}


def test_the_fan_begins_as_declared_then_changes_one_choice_then_more() -> None:
    whole = fan(OPTIONS, most=100)
    assert len(whole) == 3 * 2 * 2 and len({tuple(each.values()) for each in whole}) == 12
    assert whole[0] == {"threshold": 0.3, "images": 1000, "estimator": "lower"}
    changed = [sum(each[name] != values[0] for name, values in OPTIONS.items()) for each in whole]
    assert changed == [0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]
    assert fan(OPTIONS, most=7) == whole[:7]
    assert fan(OPTIONS, most=1) == whole[:5], "each choice is changed once at least"


def test_a_planted_unstable_claim_is_called_unstable() -> None:
    found = stability(
        [
            Universe(choices=each, verdict="held" if each["threshold"] == 0.3 else "fails")
            for each in fan(OPTIONS, most=100)
        ]
    )
    assert not found.stable and found.share == pytest.approx(1 / 3)
    assert (found.verdict, found.moved_by, found.fall, found.n) == ("held", "threshold", 1.0, 12)


def test_of_two_choices_the_one_that_moves_it_most_is_named() -> None:
    universes = [
        Universe(choices=each, verdict="held" if each["images"] == 1000 or each["threshold"] == 0.3 else "undecided")
        for each in fan(OPTIONS, most=100)
    ]
    found = stability(universes)
    assert found.moved_by == "images" and found.fall == pytest.approx(2 / 3)


def test_a_claim_that_stands_everywhere() -> None:
    found = stability([Universe(choices=each, verdict="held") for each in fan(OPTIONS, most=5)])
    assert found.stable and found.share == 1.0 and found.moved_by is None and found.fall == 0.0


def test_one_universe_of_many_does_not_make_it_unstable() -> None:
    choices = [{"seed": seed} for seed in range(20)]
    universes = [Universe(choices=each, verdict="fails" if each["seed"] == 7 else "held") for each in choices]
    assert stability(universes).stable
    assert not stability(universes[:8]).stable


def test_what_is_no_fan() -> None:
    with pytest.raises(ValueError, match="at least one universe"):
        stability([])
    with pytest.raises(ValueError, match="the same choices"):
        stability([Universe(choices={"a": 1}, verdict="held"), Universe(choices={"b": 1}, verdict="held")])
    assert list(itertools.islice(fan({}, most=3), 2)) == [{}]
