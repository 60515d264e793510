"""How far a verdict depends on defensible choices: the fan of a multiverse, and what its verdicts say.

Universes are data here; who runs them is not this module's business.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Choices = Mapping[str, object]
"""Choice → option, of one universe."""

STABLE = 0.9
"""Share of universes in which a verdict stands, from which on it is called stable."""


@dataclass(frozen=True, kw_only=True)
class Universe:
    """One way to do the analysis, and the verdict it leads to."""

    choices: Choices
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How a verdict fares in other universes.

    Attributes
    ----------
    verdict
        Of the universe as declared.
    share
        Of all universes, that as declared included, in which it stands.
    n
        Number of universes.
    moved_by
        The choice that moves it most: between universes that differ in it from the declared one and those that do not,
        the share in which the verdict stands falls most. None if it always stands.
    fall
        By how much.
    """

    verdict: str
    share: float
    n: int
    moved_by: str | None
    fall: float

    @property
    def stable(self) -> bool:
        """Whether the verdict stands in nearly all universes."""
        return self.share >= STABLE


def fan(options: Mapping[str, Sequence[object]], *, most: int) -> list[dict[str, object]]:
    """List the universes to run: as declared, then with one choice changed, then with two, and so on.

    Parameters
    ----------
    options : the options of each choice, the declared one first
    most : number of universes at which the list ends, unless those with one choice changed are more

    Examples
    --------
    >>> fan({"threshold": [0.3, 0.5], "images": [1000, 500]}, most=3)
    [{'threshold': 0.3, 'images': 1000}, {'threshold': 0.5, 'images': 1000}, {'threshold': 0.3, 'images': 500}]
    """
    declared = {name: values[0] for name, values in options.items()}
    singles = 1 + sum(len(values) - 1 for values in options.values())
    universes = (
        declared | dict(zip(changed, values, strict=True))
        for count in range(len(options) + 1)
        for changed in itertools.combinations(options, count)
        for values in itertools.product(*(options[name][1:] for name in changed))
    )
    return list(itertools.islice(universes, max(most, singles)))


def stability(universes: Sequence[Universe]) -> Stability:
    """Compare the verdicts of a claim over universes, the first of which is as declared.

    Raises
    ------
    ValueError
        If there is no universe, or they do not make the same choices.
    """
    if not universes or any(each.choices.keys() != universes[0].choices.keys() for each in universes):
        raise ValueError("give at least one universe, and the same choices in each")
    declared = universes[0]
    stands = [each.verdict == declared.verdict for each in universes]
    falls = {name: _fall(name, universes, stands) for name in declared.choices}
    worst = max(falls, key=falls.__getitem__, default=None)
    moved = worst is not None and not all(stands) and falls[worst] > 0
    return Stability(
        verdict=declared.verdict,
        share=sum(stands) / len(stands),
        n=len(stands),
        moved_by=worst if moved else None,
        fall=falls[worst] if moved and worst is not None else 0.0,
    )


def _fall(choice: str, universes: Sequence[Universe], stands: Sequence[bool]) -> float:
    """Share of universes in which the verdict stands, with the choice as declared minus with another."""
    declared = universes[0].choices[choice]
    same = [stood for each, stood in zip(universes, stands, strict=True) if each.choices[choice] == declared]
    other = [stood for each, stood in zip(universes, stands, strict=True) if each.choices[choice] != declared]
    return sum(same) / len(same) - sum(other) / len(other) if other else 0.0
