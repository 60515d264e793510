"""Names of networks and what they say: ``trained-0`` is the network of condition trained and seed 0."""


def condition_of(network: str) -> str:
    """The condition in a network's name: ``trained``, ``shuffled`` or ``given``."""
    return network.partition("-")[0]


def seed_number(network: str) -> int:
    """The seed in a network's name; 0 for ``given``."""
    return int(network.partition("-")[2] or 0)


def condition_at(network: str, epoch: int) -> str:
    """The condition of a checkpoint: that of its network, or ``untrained`` at epoch 0."""
    condition = condition_of(network)
    return "untrained" if epoch == 0 and condition != "given" else condition
