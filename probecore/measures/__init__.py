"""The measures, each in a package of its own; CONTRIBUTING.md says how to add one.

What a measure has is declared in its ``measure.py``; here is only the list of names, in the order of the report.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probecore.measures.base import Measure

MEASURES = (
    "anova",
    "mutual_information",
    "mechanism",
    "recos",
    "mean_dimension",
    "atlas",
)
"""The one place that knows them: a name is the package here, the section, the stage, the folder and the subcommand."""


def declaration(name: str) -> "Measure":
    """Import what the measure `name` declares."""
    measure: Measure = importlib.import_module(f"{__name__}.{name}.measure").MEASURE
    return measure
