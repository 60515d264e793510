"""How far a verdict depends on defensible choices: what the verdicts of a multiverse say.

Verdicts are data here; `probecore.multiverse` lists the universes, and `probecore.claims.run` judges in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STABLE = 0.9
"""Share of universes in which a verdict stands, from which on it is called stable."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The verdict in one universe, and what is changed there: choice → option."""

    changed: Mapping[str, Any]
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How a verdict fares in other universes.

    Attributes
    ----------
    share
        Of all universes, that as declared included, in which it stands.
    n
        Number of universes.
    moved_by
        The choice that moves it most: between universes in which it is as declared and those in which it is not, the
        share in which the verdict stands falls most. None if it always stands.
    fall
        By how much.
    """

    share: float
    n: int
    moved_by: str | None
    fall: float


def stability(outcomes: Sequence[Outcome]) -> Stability:
    """Compare the verdicts of a claim over universes, the first of which is as declared.

    Raises
    ------
    ValueError
        If the first is not as declared.

    Examples
    --------
    >>> stability([Outcome(changed={}, verdict="held"), Outcome(changed={"threshold": 0.5}, verdict="fails")])
    Stability(share=0.5, n=2, moved_by='threshold', fall=1.0)
    """
    if not outcomes or outcomes[0].changed:
        raise ValueError("give the universe as declared first")
    stands = [each.verdict == outcomes[0].verdict for each in outcomes]
    falls = {choice: _fall(choice, outcomes, stands) for each in outcomes for choice in each.changed}
    worst = max(falls, key=falls.__getitem__, default=None)
    if worst is None or falls[worst] <= 0:
        worst = None
    return Stability(
        share=sum(stands) / len(stands),
        n=len(stands),
        moved_by=worst,
        fall=0.0 if worst is None else falls[worst],
    )


def _fall(choice: str, outcomes: Sequence[Outcome], stands: Sequence[bool]) -> float:
    """Share of universes in which the verdict stands, with the choice as declared minus with another."""
    same = [stood for each, stood in zip(outcomes, stands, strict=True) if choice not in each.changed]
    other = [stood for each, stood in zip(outcomes, stands, strict=True) if choice in each.changed]
    return sum(same) / len(same) - sum(other) / len(other)


def stability_of(row: Mapping[str, str]) -> str:
    """What a row of the table of verdicts says of it; nothing where there is nothing to say.

    Examples
    --------
    >>> stability_of({"universes": "4", "stands": "0.5", "moved_by": "threshold"})
    'unstable: stands in 2 of 4 universes, threshold moves it most'
    """
    if not row.get("universes"):
        return ""
    n, share = int(float(row["universes"])), float(row["stands"])
    moved = f", {row['moved_by']} moves it most" if row["moved_by"] else ""
    return f"{'stable' if share >= STABLE else 'unstable'}: stands in {round(share * n)} of {n} universes{moved}"
