"""The measures, each in a package of its own; CONTRIBUTING.md says how to add one.

What a measure has is told by its ``measure.py``; here is only the list of names, in the order of the report.
"""

MEASURES = (
    "anova",
    "mutual_information",
    "mechanism",
    "recos",
    "mean_dimension",
)
"""The one place that knows them: a name is the package here, the section, the stage, the folder and the subcommand."""
