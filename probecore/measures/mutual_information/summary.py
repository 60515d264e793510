"""The gathering job of `mutual_information`: the networks' tables into those of the experiment, figures, summary."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.figures import write_figures
from probecore.measures.answer import answer_from
from probecore.measures.audit import Found, Reported, audit_table, over_networks, remarks_of, without_audit, write_audit
from probecore.measures.audit_figure import AUDIT_PLOT
from probecore.measures.mutual_information.figures import BIT
from probecore.measures.mutual_information.measure import MEASURE
from probecore.measures.mutual_information.plane import PROBE
from probecore.measures.mutual_information.plots import PLOTS
from probecore.measures.tables import (
    after_training,
    at_the_end,
    gather,
    is_last,
    layers_in_order,
    of_one_condition,
    remarks_on_controls,
    representative,
    write_tables,
)
from probecore.statistics import adjust, headline_over_seeds
from probecore.summary import write_summary

LEVEL = 0.05


def summarise(*, experiment: str, networks: list[Path], output: Path) -> None:
    """Stack the tables in the folders `networks`, draw the figures and write ``summary.json`` into `output`."""
    tables = with_families(gather(networks, MEASURE.keys, text=MEASURE.text, output=output))
    write_tables(output, tables, MEASURE.keys)
    audit = audit_table(experiment, MEASURE.audits, _audited(tables["plane"], tables["filters"]))
    write_audit(output, audit)
    write_figures({**PLOTS, **AUDIT_PLOT}, {**tables, "audit": audit}, output)
    write_summary(
        output,
        MEASURE.summary(
            experiment,
            headline=_headline(tables, layers_in_order(tables["convergence"])),
            answer=answer_from(tables, MEASURE.answer),
            remarks=[MEANING, *_remarks(tables), *remarks_of(audit)],
            network=representative(tables["filters"]),
            without=without_audit(audit),
        ),
    )


def _audited(plane: pd.DataFrame, filters: pd.DataFrame) -> dict[str, Found]:
    """Give the audit's numbers: information about the label and, as the mean null, about permuted ones."""
    layers = of_one_condition(plane[(plane["estimator"] == "binned") & (plane["quantity"] == "label")])
    units = of_one_condition(filters[filters["quantity"] == "label_information"])

    def mean(table: pd.DataFrame, column: str) -> Reported:
        by_layer = table.groupby(["network", "layer"])[column].mean().groupby("network").mean()
        return over_networks(by_layer, by_layer.index.astype(str).tolist())

    return {
        "information about the label": Found(
            published=mean(layers, "value"),
            published_nothing=mean(layers, "null"),
            corrected=mean(units, "value"),
            corrected_nothing=mean(units, "null"),
        )
    }


MEANING = (
    "In a deterministic network I(X;T) is that of the input, or infinite: what noise, bins or neighbours make of it is "
    "how well images are told apart at that resolution. A falling I(X;T) is geometric clustering, not forgetting; "
    "estimates need not obey the data-processing inequality."
)


Headline = dict[str, int | float | None]


def with_families(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables with `p_adjusted` beside p: Benjamini-Hochberg over all rows of the experiment, one family per table."""
    adjusted = {}
    for name in ("classes", "pairs", "choice"):
        table = tables[name]
        if "p" in table:
            place = list(table).index("p") + 1
            table = table.copy()
            table.insert(place, "p_adjusted", adjust(table["p"], "benjamini_hochberg"))
        adjusted[name] = table
    return {**tables, **adjusted}


def share_found(p: npt.ArrayLike, adjusted: npt.ArrayLike, *, permutations: int) -> float | None:
    """The share of tests that find something; None where the number of permutations resolves no single finding.

    A lone finding needs p of `LEVEL` divided by the number of tests, and p is at least 1 / (permutations + 1).
    """
    tested = np.asarray(p)[np.isfinite(np.asarray(p))]
    found = int((np.asarray(adjusted) <= LEVEL).sum())
    if len(tested) == 0 or (not found and len(tested) / (permutations + 1) > LEVEL):
        return None
    return found / len(tested)


def _headline(tables: dict[str, pd.DataFrame], layers: list[str]) -> Headline:
    """Means over seeds by condition, in bits; a value per network, which is the mean of what it has."""
    headline = _of_units(tables) | _of_layers(tables, layers[-1])
    if len(pairs := tables["pairs"]):
        first = at_the_end(pairs[pairs["layer"] == layers[0]])
        headline |= _over_seeds("redundancy_of_first_layer", first, "redundancy", ["condition"], unit=BIT)
    ablation = after_training(tables["ablation"])
    if len(ablation):
        removed = ablation[ablation["removed"] > 0]
        again = np.where(removed["retrained"] == 1, ".retrained", "")
        removed = removed.assign(kind=removed["order"] + again)
        headline |= _over_seeds("accuracy_after_removal", removed, "accuracy", ["condition", "kind"])
    if len(design := after_training(tables["design"])):
        headline |= _over_seeds("design_accuracy", design, "accuracy", ["condition", "variant"])
    return headline


def _of_units(tables: dict[str, pd.DataFrame]) -> Headline:
    known = tables["filters"].query("quantity == 'label_information'").copy()
    known["adjusted"] = adjust(known["p"], "benjamini_hochberg")
    ends = at_the_end(known)
    headline = _over_seeds("label_information_per_unit", ends, "value", ["condition"], unit=BIT)
    for name, column in (("label_information_per_unit", "value"), ("label_null_per_unit", "null")):
        headline |= _over_seeds(name, ends, column, ["condition", "layer"], unit=BIT)
    permutations = int(tables["classes"]["permutations"].max())
    for condition, rows in ends.groupby("condition"):
        share = share_found(rows["p"], rows["adjusted"], permutations=permutations)
        headline[f"informative_units.{condition}"] = share
    return headline


def _of_layers(tables: dict[str, pd.DataFrame], output: str) -> Headline:
    """The probe's bound by layer, and what training changes of the output's I(T;Y) at each noise variance."""
    ends = at_the_end(tables["plane"])
    probe = ends[ends["estimator"] == "probe_bound"]
    headline = _over_seeds("probe_bound", probe, "value", ["condition", "layer"], unit=BIT)
    if len(contrasts := tables["contrasts"]):
        upper = (contrasts["estimator"] == "kolchinsky_tracey_upper") & (contrasts["quantity"] == "label")
        rows = at_the_end(contrasts[upper & (contrasts["layer"] == output)])
        rows = rows.assign(noise=[f"noise_{variance:g}" for variance in rows["noise_variance"]])
        headline |= _over_seeds("label_information_gained_by_output", rows, "value", ["condition", "noise"], unit=BIT)
    return headline


def _over_seeds(name: str, rows: pd.DataFrame, column: str, by: list[str], *, unit: float = 1.0) -> Headline:
    headline: Headline = {}
    for keys, group in rows.groupby(by):
        means = group.groupby("network")[column].mean() / unit
        headline |= headline_over_seeds(".".join([name, *map(str, keys)]), means)
    return headline


def _remarks(tables: dict[str, pd.DataFrame]) -> list[str]:
    plane = tables["plane"][is_last(tables["plane"])].query("main == 1")
    shares = plane.groupby(["estimator", "quantity"])["saturated"].mean()
    full = [f"{estimator} of the {quantity}" for (estimator, quantity), share in shares.items() if share > 0.5]
    remarks = [f"The smallest permutation p-value of a unit is {tables['filters']['p'].min():.2g}."]
    if full:
        remarks.append(f"At the last checkpoint most layers are above 95 % of the ceiling: {', '.join(full)}.")
    if PROBE in set(tables["contrasts"].get("estimator", [])):
        remarks.append(
            "Changes of the probe's bound have no interval: over images alone, with the classifiers as they are, it "
            "held the truth in 78 to 82 % of samples."
        )
    remarks += remarks_on_controls(tables["plane"])
    known = tables["filters"].query("quantity == 'label_information'")
    if known["low"].isna().all():
        remarks.append(
            "I(T;Y) of units has no interval: the rarest class has too few images for one that holds what it says."
        )
    return remarks
