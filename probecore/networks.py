"""Names of networks and what they say: ``trained-0`` is the network of condition trained and seed 0.

Conditions are ``trained``; ``shuffled``, trained on permuted labels; ``twin``, trained on true labels under the recipe
of ``shuffled``, where that is another one; ``given``, with weights from outside; ``reinitialised``, the given network
with new random weights. A checkpoint before training is ``untrained``.
"""

from collections.abc import Iterable, Mapping

CONDITIONS = ("untrained", "trained", "twin", "shuffled", "given", "reinitialised")
"""What networks and checkpoints can be, in the order of figures and legends."""

SHOWN = ("trained", "given", "twin", "untrained", "reinitialised", "shuffled")
"""Conditions, the first of which that occurs stands for an experiment where a figure has room for one."""

NO_CONTROL = (
    "No control: the experiment has no untrained network of this architecture to compare the given weights with. "
    "Write `given.control: reinitialised` for one, or `seeds: [0, 1, 2]` and `epochs: 0` beside `given` for three; a "
    "test over networks needs three."
)
"""What the summary of a measure says where given weights have nothing to be compared with; see `lacks_control`."""


def condition_of(network: str) -> str:
    """Return the condition in a network's name, ``trained`` of ``trained-0``."""
    return network.partition("-")[0]


def seed_number(network: str) -> int:
    """Return the seed in a network's name; 0 for ``given``."""
    return int(network.partition("-")[2] or 0)


def condition_at(network: str, epoch: int) -> str:
    """Return the condition of a checkpoint: that of its network, or ``untrained`` at epoch 0."""
    condition = condition_of(network)
    return "untrained" if epoch == 0 and condition != "given" else condition


def in_order(conditions: Iterable[str]) -> list[str]:
    """Return the conditions that occur, each once, in the order of every figure."""
    found = set(conditions)
    return [name for name in CONDITIONS if name in found]


def place_in_figures(condition: str, network: str) -> tuple[int, int]:
    """Return what to sort networks by, and checkpoints of them, in figures: their condition, then their seed."""
    return CONDITIONS.index(condition), seed_number(network)


def place_among_shown(network: str) -> tuple[int, int]:
    """Return what to sort networks by where the one that stands for an experiment comes first."""
    return SHOWN.index(condition_of(network)), seed_number(network)


def shown_condition(conditions: Iterable[str]) -> str:
    """Return the condition that stands for an experiment where one has to: see `SHOWN`."""
    return min(conditions, key=SHOWN.index)


def shown_network(last_epochs: Mapping[str, int]) -> str:
    """Return the network that stands for an experiment, its first one of the condition that does.

    Parameters
    ----------
    last_epochs : of each network; a network that was never trained is an untrained one, whatever its name
    """
    names = sorted(last_epochs.keys(), key=seed_number)
    return min(names, key=lambda name: SHOWN.index(condition_at(name, last_epochs[name])))


def lacks_control(conditions: Iterable[str]) -> bool:
    """Whether an experiment with these conditions of checkpoints has given weights and no untrained network."""
    return "given" in (found := set(conditions)) and "untrained" not in found


def has_untrained_control(network: str, epoch: int) -> bool:
    """Whether a checkpoint can be compared with its own network before training."""
    return condition_at(network, epoch) not in ("untrained", "given")


def untrained_control(network: str, networks: Iterable[str]) -> str | None:
    """Find whose epoch 0 is the untrained control of `network`, among all networks of its experiment.

    That is the network itself, unless its weights are given: then the re-initialised copy, or else the experiment's
    first trained network, which has the same architecture. None: there is no control, see `NO_CONTROL`.
    """
    if condition_of(network) == "reinitialised":
        return None
    if condition_of(network) != "given":
        return network
    names = sorted(networks, key=seed_number)
    candidates = [name for kind in ("reinitialised", "trained") for name in names if condition_of(name) == kind]
    return next(iter(candidates), None)


def same_recipe_pairs(networks: Iterable[str]) -> list[tuple[str, str]]:
    """Pair networks of permuted labels with those of true labels under the same recipe and from the same weights.

    Returns
    -------
    list of (true, shuffled)
        In the order of seeds: ``("twin-0", "shuffled-0")`` where the experiment has twins, since their `trained` has
        another recipe, and ``("trained-0", "shuffled-0")`` where it has none.
    """
    names = set(networks)
    seeds = sorted(seed_number(name) for name in names if condition_of(name) == "shuffled")
    kind = "twin" if any(condition_of(name) == "twin" for name in names) else "trained"
    return [(f"{kind}-{seed}", f"shuffled-{seed}") for seed in seeds if f"{kind}-{seed}" in names]
