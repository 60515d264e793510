"""The gathering job of `atlas`: filters of all measures and networks in one table, and how they agree."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from probecore.determinism import numpy_generator
from probecore.figures import write_figures
from probecore.files import read_table, write_table
from probecore.measures.answer import answer_from
from probecore.measures.atlas.agreement import agreement, matrix
from probecore.measures.atlas.groups import groups_of
from probecore.measures.atlas.keys import FILTER, HEADLINE, INTERVENTIONS, QUANTITY
from probecore.measures.atlas.measure import MEASURE
from probecore.measures.atlas.plots import PLOTS
from probecore.measures.atlas.prediction import BASELINES, predict
from probecore.measures.atlas.stability import stability
from probecore.measures.atlas.table import long_table, missing, placed
from probecore.measures.tables import gather, is_last, remarks_on_controls, representative
from probecore.networks import in_order
from probecore.statistics import difference_over_seeds, headline_over_seeds
from probecore.statistics.filters import in_order_of_execution
from probecore.summary import write_summary

KEYS = {
    "agreement": ["experiment", "condition", "layer", "truth", "predictor"],
    "matrix": ["experiment", "condition", "first", "second"],
    "prediction": ["experiment", "condition", "truth", "features", "network"],
    "stability": ["experiment", "condition", "layer", *QUANTITY, "epoch"],
    "missing": ["experiment", "layer", *QUANTITY],
    "table": [*FILTER, *QUANTITY],
}
"""What identifies the rows of the tables that only this job writes."""


def summarise(*, experiment: str, networks: list[Path], output: Path, measured: Sequence[Path] = ()) -> None:
    """Join the tables in the folders `networks` with those of the measures, and write what they say together.

    Parameters
    ----------
    measured : ``results/<measure>/<experiment>/filters.csv`` of each measure
    """
    own = gather(networks, MEASURE.keys, text=MEASURE.text, output=output)
    filters = {path.parent.parent.name: read_table(path) for path in measured} | {"atlas": own["filters"]}
    table = long_table(filters, own["reliability"])
    tables = {**own, "table": table, "missing": missing(table), **_compared(experiment, table)}
    tables["stability"] = stability(table).assign(experiment=experiment)
    places = table.groupby("layer")["layer_index"].max()
    for name, keys in KEYS.items():
        write_table(output / f"{name}.csv", placed(tables[name], keys, places), sort_by=in_order_of_execution(keys))
    write_figures(PLOTS, tables, output)
    summary = MEASURE.summary(
        experiment,
        headline=_headline(tables),
        answer=answer_from(tables, MEASURE.answer),
        remarks=_remarks(tables),
        network=representative(own["filters"]),
    )
    write_summary(output, summary)


def _compared(experiment: str, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Agreement, matrix and prediction of the networks of each condition, at their last checkpoint."""
    found: dict[str, list[pd.DataFrame]] = {"agreement": [], "matrix": [], "prediction": []}
    last = table[is_last(table)]
    measured = set(last[last["measure"] == "atlas"]["condition"])
    for condition in in_order(measured):
        groups = groups_of(last[last["condition"] == condition])
        generator = numpy_generator(experiment, condition, "atlas", "agreement")
        parts = {
            "agreement": agreement(groups, generator=generator),
            "matrix": matrix(groups),
            "prediction": predict(groups).merge(last[["network", "epoch"]].drop_duplicates(), on="network"),
        }
        for name, part in parts.items():
            found[name].append(part.assign(experiment=experiment, condition=condition))
    return {name: pd.concat([part for part in parts if len(part)] or parts[:1]) for name, parts in found.items()}


def _headline(tables: dict[str, pd.DataFrame]) -> dict[str, int | float | None]:
    """Joined filters; per condition the truth's ceiling, and per measure the smallest corrected p and the mean gain."""
    missed = tables["missing"]
    headline: dict[str, int | float | None] = {
        "filters": len(tables["table"][FILTER].drop_duplicates()),
        "values": int(missed["present"].sum()),
        "undefined": int(missed["undefined"].sum()),
        "not_measured": int(missed["filters"].sum() - missed["present"].sum() - missed["undefined"].sum()),
    }
    overall = tables["agreement"].query(f"layer == 'all' and truth == '{HEADLINE}'")
    for (condition, measure), rows in overall.groupby(["condition", "measure"]):
        headline[f"ceiling.{condition}"] = float(rows["ceiling"].iloc[0])
        headline[f"p.{condition}.{measure}"] = float(rows["p_max"].min())
        headline[f"p_beyond_size.{condition}.{measure}"] = float(rows["partial_p_max"].min())
    predicted = tables["prediction"].query(f"truth == '{HEADLINE}'")
    for (condition, features), rows in predicted.groupby(["condition", "features"]):
        if features == BASELINES:
            headline |= headline_over_seeds(f"predicted.{condition}.{features}", rows["value"])
            continue
        headline |= headline_over_seeds(f"gain.{condition}.{features}", rows["gain"])
        headline[f"gain_p.{condition}.{features}"] = difference_over_seeds(rows["gain"]).p
    return headline


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    interventions = ", ".join(f"{measure}:{name}" for measure, names in INTERVENTIONS.items() for name in names)
    networks = tables["agreement"].groupby("condition")["networks"].max()
    remarks = [
        "Truths are of training images and of the labels that the network has learnt; baselines and most quantities of "
        "measures are of test images. Quantities that measures take from training images may share images with truths.",
        f"These quantities change a filter and look at the network, so they are truths themselves and no predictors: "
        f"{interventions}.",
        "p says whether ranks agree in these networks. Whether they do in others only an interval over networks can "
        "say, and whether they do in other architectures no table of one experiment.",
    ]
    few = [f"{condition} ({count})" for condition, count in networks.items() if count < 5]
    if few:
        remarks.append(f"No intervals over networks, of which there are fewer than five: {', '.join(few)}.")
    return [*remarks, *remarks_on_controls(tables["filters"])]
