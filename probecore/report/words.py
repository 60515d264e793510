"""The words of the page that a reader may not know, with what they mean. No HTML here."""

from collections.abc import Sequence
from dataclasses import dataclass

from probecore.measures import MEASURES, declaration
from probecore.report.content import Experiment


@dataclass(frozen=True)
class Words:
    """Of one measure: its terms and its quantities, each with what it means."""

    measure: str
    meanings: dict[str, str]


def words_of(experiments: Sequence[Experiment]) -> list[Words]:
    """By measure that any experiment has, as the measures declare them."""
    run = {step.name for experiment in experiments for step in experiment.steps}
    found = [declaration(name) for name in MEASURES if name in run]
    return [Words(one.title, {**one.terms, **one.quantities}) for one in found]
