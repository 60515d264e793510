"""Which layers a user means: names, or patterns with ``*``, among those that there are."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from probecore.errors import InputError
from probecore.schema import did_you_mean


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Return the names that a pattern means, in their order."""
    return [name for name in names if fnmatchcase(name, pattern)]


def choose_layers(names: Sequence[str], patterns: Sequence[str], *, where: str, which: str = "") -> list[str]:
    """Return the names that any of the patterns means, in their own order.

    Parameters
    ----------
    where : the key that gave the patterns, e.g. ``recos.layers``
    which : what kind of layers `names` are, for the message

    Raises
    ------
    InputError
        If a pattern means none.
    """
    for pattern in patterns:
        if not matching(names, pattern):
            raise InputError(f"{where}: no layer {pattern!r}{which}{did_you_mean(pattern, names)}")
    chosen = {name for pattern in patterns for name in matching(names, pattern)}
    return [name for name in names if name in chosen]
