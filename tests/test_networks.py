"""What names of networks say, and which network is the control of which."""

import re

import pytest

from probecore.figures import CONDITION_COLOURS
from probecore.networks import (
    CONDITIONS,
    SHOWN,
    condition_at,
    has_untrained_control,
    in_order,
    lacks_control,
    same_recipe_pairs,
    shown_condition,
    shown_network,
    untrained_control,
)
from probecore.train.params import TrainParams
from tests.conftest import ROOT


def test_every_condition_has_a_place_and_a_colour() -> None:
    assert set(CONDITIONS) == set(SHOWN) == set(CONDITION_COLOURS)
    assert in_order(["shuffled", "trained", "shuffled", "twin"]) == ["trained", "twin", "shuffled"]


@pytest.mark.parametrize(
    ("network", "epoch", "condition", "controlled"),
    [
        ("trained-3", 0, "untrained", False),
        ("trained-3", 2, "trained", True),
        ("twin-3", 2, "twin", True),
        ("given", 0, "given", False),
        ("reinitialised-0", 0, "untrained", False),
    ],
)
def test_only_a_trained_network_has_itself_untrained(
    network: str, epoch: int, condition: str, controlled: bool
) -> None:
    assert condition_at(network, epoch) == condition
    assert has_untrained_control(network, epoch) == controlled


def test_a_given_network_is_compared_with_another_or_with_none() -> None:
    assert untrained_control("given", ["given", "trained-2", "trained-1", "reinitialised-0"]) == "reinitialised-0"
    assert untrained_control("given", ["given", "trained-10", "trained-2", "shuffled-2"]) == "trained-2"
    assert untrained_control("given", ["given"]) is None
    assert untrained_control("reinitialised-0", ["given", "reinitialised-0"]) is None
    assert untrained_control("twin-4", ["twin-4", "trained-4"]) == "twin-4"


RECIPE = {"model": "lenet5", "seeds": [0, 3], "epochs": 30, "optimiser": "nesterov"}


@pytest.mark.parametrize("shuffled", [{}, {"control": "same_recipe"}, {"epochs": 30}, {"checkpoints": [7]}])
def test_permuted_labels_are_learnt_as_true_ones_are(shuffled: dict[str, object]) -> None:
    params = TrainParams.read(RECIPE | {"shuffled": shuffled})
    assert params.networks == ["trained-0", "trained-3", "shuffled-0", "shuffled-3"]
    assert same_recipe_pairs(params.networks) == [("trained-0", "shuffled-0"), ("trained-3", "shuffled-3")]
    both = (params.recipe(name).model_copy(update={"checkpoints": None}) for name in ("trained-0", "shuffled-0"))
    assert next(both) == next(both)


@pytest.mark.parametrize("shuffled", [{"epochs": 40}, {"optimiser": "adam"}, {"augmentation": {"shift": 1}}])
def test_another_recipe_for_permuted_labels_brings_twins(shuffled: dict[str, object]) -> None:
    params = TrainParams.read(RECIPE | {"shuffled": shuffled})
    assert params.networks == ["trained-0", "trained-3", "twin-0", "twin-3", "shuffled-0", "shuffled-3"]
    assert same_recipe_pairs(params.networks) == [("twin-0", "shuffled-0"), ("twin-3", "shuffled-3")]
    assert params.recipe("twin-0") == params.recipe("shuffled-0") != params.recipe("trained-0")


def test_a_given_network_can_bring_its_control() -> None:
    content = {"model": "lenet5", "seeds": [], "given": {"weights": "own/w.pt", "control": "reinitialised"}}
    params = TrainParams.read(content)
    assert params.networks == ["given", "reinitialised-0"]
    assert params.recipe("reinitialised-0").checkpoint_epochs == [0]
    assert same_recipe_pairs(params.networks) == []


def test_the_workflow_knows_every_network() -> None:
    found = re.search(r'network=r"(.+?)"', (ROOT / "Snakefile").read_text())
    assert found
    given = {"weights": "own/w.pt", "control": "reinitialised"}
    networks = TrainParams.read(RECIPE | {"shuffled": {"epochs": 1}, "given": given}).networks
    assert len(networks) == 8
    assert [name for name in networks if not re.fullmatch(found[1], name)] == []


def test_what_stands_for_an_experiment() -> None:
    assert shown_condition(["untrained", "twin", "given", "shuffled"]) == "given"
    assert shown_network({"given": 0, "twin-1": 9, "trained-10": 9, "trained-2": 9, "shuffled-1": 9}) == "trained-2"
    assert shown_network({"given": 0, "trained-0": 0, "reinitialised-0": 0}) == "given"  # trained for no epoch


def test_given_weights_alone_have_no_control() -> None:
    assert lacks_control(["given"])
    assert not lacks_control(["given", "untrained"])
    assert not lacks_control(["trained"])
