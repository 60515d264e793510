"""What tables of a measure say of a filter beside ``filters.csv``: a number per class, a matrix, a patch."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from probecore.files import read_table
from probecore.measures import declaration
from probecore.measures.base import Profile
from probecore.measures.tables import is_last
from probecore.report.content import StudyFiles

MOST_NUMBERS = 1_000_000
"""Of a profile in the page; one with more is left in its file."""

FILTER = ["network", "epoch", "layer", "filter"]


def profiles_of(
    study: StudyFiles, experiment: str, step: str, rows: pd.DataFrame, classes: Sequence[str] | None
) -> Iterable[dict[str, Any]]:
    """What a measure declares as profiles, for the last checkpoints of those in `rows`.

    Yields
    ------
    dict
        ``title``, ``caption``, ``measure``, ``file``, ``sha256``; ``levels``: names of the places by axis; ``rows``: of
        the filters that have one; ``cells``: by these, lines with a number per place, the last axis fastest, as bytes.
    """
    places = {tuple(key): place for place, key in enumerate(rows[FILTER].itertuples(index=False))}
    for profile in declaration(step).profiles:
        file = study.file(f"results/{step}/{experiment}/{profile.table}.csv")
        table = read_table(file.place)
        table = table[is_last(table)] if len(table) else table
        if len(table) > MOST_NUMBERS:
            continue
        levels = {axis: sorted(table[axis].unique()) for axis in profile.by}
        found = {
            places[key]: _cells(of_filter, profile, levels)
            for key, of_filter in table.groupby(FILTER, sort=False)
            if key in places
        }
        yield {
            "measure": declaration(step).title,
            "title": profile.title,
            "caption": profile.caption,
            "file": file.path,
            "sha256": file.sha256,
            "levels": [_names(axis, levels[axis], classes) for axis in profile.by],
            "rows": list(found),
            "cells": b"\n".join(found.values()),
        }


def _cells(of_filter: pd.DataFrame, profile: Profile, levels: dict[str, list[Any]]) -> bytes:
    places = pd.MultiIndex.from_product([levels[axis] for axis in profile.by])
    if len(profile.by) == 1:
        places = places.get_level_values(0)
    values = of_filter.set_index([*profile.by])[profile.value].reindex(places)
    return joined(values, ".3g")


def joined(values: "pd.Series[float]", form: str) -> bytes:
    """Numbers as text with commas between, each in the format `form`; empty where there is none."""
    return ",".join("" if math.isnan(value) else format(value, form) for value in values.tolist()).encode()


def _names(axis: str, levels: list[Any], classes: Sequence[str] | None) -> list[str]:
    """Classes by their names, other places by their numbers."""
    if axis in ("label", "output") and classes is not None:
        return [classes[level] for level in levels]
    return [str(level) for level in levels]
