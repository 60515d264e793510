"""The tables that lie beside the page, with what it shows: ``filters.csv`` and ``answers.csv``."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from probecore.files import FLOAT_FORMAT
from probecore.report.content import Experiment

KEYS = ["experiment", "network", "condition", "epoch", "layer", "filter"]

ANSWERS = ["experiment", "step", "says", "condition", "n", "value", "low", "high", "least", "most", "null", "verdict"]


def tables_beside(experiments: Sequence[Experiment], filters: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """CSV by file name, for what `filter_data` found of `experiments`."""
    tables = {"answers.csv": answer_table(experiments), "filters.csv": filter_table(filters)}
    return {
        name: table.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
        for name, table in tables.items()
    }


def answer_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """The cards: a row per experiment, measure and condition."""
    rows = [
        {
            "experiment": experiment.name,
            "step": step.name,
            "says": step.answer.says,
            **row.model_dump(),
            "verdict": step.answer.verdict,
        }
        for experiment in experiments
        for step in experiment.steps
        if step.answer
        for row in step.answer.rows
    ]
    return pd.DataFrame(rows, columns=ANSWERS)


def filter_table(filters: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of filters, with all its columns, named step.quantity.site; numbers are text, as the page has them."""
    parts = [
        pd.DataFrame(
            {"experiment": one["experiment"]}
            | {key: one["rows"][key] for key in KEYS[1:]}
            | {
                f"{column['step']}.{column['quantity']}.{column['site']}": column["cells"]["value"].decode().split(",")
                for column in one["columns"]
            }
        )
        for one in filters
    ]
    return pd.concat([pd.DataFrame(columns=KEYS), *parts], ignore_index=True)
