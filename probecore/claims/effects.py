"""From tables to one number per seed: the effect that a claim is about. Not here: what follows from the numbers."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from probecore.claims.catalogue import known_tables
from probecore.claims.params import Cell, Effect, Epoch, Other, Test, Where
from probecore.errors import InputError
from probecore.networks import condition_of, seed_number
from probecore.statistics import rank_correlation

Tables = Callable[[str], pd.DataFrame]
"""Gives the study's table of one experiment by name, ``mechanism/lenet5/layers.csv``."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Which column and rows of which tables a number per seed is taken from."""

    table: str
    experiments: Mapping[str, float | None]
    condition: str
    epoch: Epoch
    column: str
    where: Where

    @classmethod
    def of(cls, test: Test) -> "Rows":
        """The rows that a claim names."""
        return cls(
            table=test.table,
            experiments=test.experiments,
            condition=test.condition,
            epoch=test.epoch,
            column=test.effect.column,
            where=test.where,
        )

    def changed(self, other: Other) -> "Rows":
        """Other rows: what `other` does not name stays."""
        return Rows(
            table=self.table,
            experiments=self.experiments if other.experiment is None else {other.experiment: None},
            condition=other.condition or self.condition,
            epoch=self.epoch if other.epoch is None else other.epoch,
            column=other.column or self.column,
            where=self.where | other.where,
        )

    def file(self, experiment: str) -> str:
        """The table of one experiment, below ``results/``."""
        step, _, name = self.table.partition("/")
        return f"{step}/{experiment}/{name}"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An effect by seed.

    Attributes
    ----------
    values
        One number per seed.
    resolution
        The least difference that the effect can show, e.g. between rank correlations of few rows; 0: any.
    """

    values: Mapping[int, float]
    resolution: float = 0.0


def effect_of(test: Test, tables: Tables) -> Sample:
    """Take the effect of a claim from its tables, by seed.

    Raises
    ------
    InputError
        If no rows are left, or more than the effect takes.
    """
    return _effect(test.effect, Rows.of(test), tables)


def difference_from(control: Other, test: Test, tables: Tables) -> Sample:
    """Subtract the effect on the control's rows from the claim's, for the seeds that both have.

    With ``recipe: same`` the claim's networks are those of true labels under the recipe of the permuted ones: `twin`
    where the experiment has them.
    """
    rows = Rows.of(test)
    of_control = _effect(test.effect, rows.changed(control), tables)
    return _difference(_effect(test.effect, _partner(rows, control, tables), tables), of_control)


def _partner(rows: Rows, other: Other, tables: Tables) -> Rows:
    """The claim's rows, of the networks that `other` is to be compared with."""
    twins = other.recipe == "same" and rows.condition == "trained" and _has_twins(rows, tables)
    return replace(rows, condition="twin") if twins else rows


def _has_twins(rows: Rows, tables: Tables) -> bool:
    networks = (network for experiment in rows.experiments for network in tables(rows.file(experiment))["network"])
    return any(condition_of(str(network)) == "twin" for network in networks)


def _difference(first: Sample, second: Sample) -> Sample:
    shared = sorted(first.values.keys() & second.values.keys())
    values = {seed: first.values[seed] - second.values[seed] for seed in shared}
    return Sample(values=values, resolution=max(first.resolution, second.resolution))


def _effect(effect: Effect, rows: Rows, tables: Tables) -> Sample:
    if effect.minus is not None:
        own, other = _partner(rows, effect.minus, tables), rows.changed(effect.minus)
        return _difference(_values(effect, own, tables), _values(effect, other, tables))
    if effect.along is None:
        return _values(effect, rows, tables)
    of_pairs = _slope if effect.kind == "slope" else rank_correlation
    pairs = _pairs(effect, rows, tables)
    values = {seed: of_pairs(*_logarithms(effect, rows, *each)) for seed, each in pairs.items()}
    fewest = min((len(x) for x, _ in pairs.values()), default=0)
    ranks = effect.kind == "spearman" and fewest > 1
    return Sample(values=values, resolution=12 / (fewest**3 - fewest) if ranks else 0.0)


def _values(effect: Effect, rows: Rows, tables: Tables) -> Sample:
    chosen = _averaged(effect, rows, _choose(rows, tables), free=0)
    return Sample(values={int(seed): float(each) for seed, each in zip(chosen["seed"], chosen["y"], strict=True)})


def _pairs(effect: Effect, rows: Rows, tables: Tables) -> dict[int, tuple[Array, Array]]:
    """The two columns of each seed, without rows that lack either."""
    chosen = _averaged(effect, rows, _choose(rows, tables), free=1)
    found = {}
    for seed, of_seed in chosen.groupby("seed"):
        pairs = of_seed[["x", "y"]].to_numpy(dtype=np.float64)
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        found[int(seed)] = pairs[:, 0], pairs[:, 1]
    return found


def _averaged(effect: Effect, rows: Rows, chosen: pd.DataFrame, *, free: int) -> pd.DataFrame:
    """Columns seed, y and, along another column, x: means over `mean_over`; at most `free` keys may still vary."""
    keys = [*known_tables()[rows.table].keys, "epoch", "number"]
    left = [key for key in keys if key in chosen and key not in effect.mean_over]
    varies = chosen.groupby("seed")[left].nunique(dropna=False).max() > 1
    varying = [str(key) for key in varies.index[varies]]
    if len(varying) > free:
        raise InputError(
            f"{rows.table}: {' and '.join(varying)} {'vary' if len(varying) > 1 else 'varies'} among the rows of a "
            "seed; choose in `where`, or average with `effect.mean_over`"
        )
    along = "number" if effect.along == "experiment" else effect.along
    columns = {"y": chosen[rows.column]} | ({} if along is None else {"x": chosen[along]})
    frame = pd.DataFrame(columns).assign(seed=chosen["seed"], **{f"key_{key}": chosen[key] for key in varying})
    by = ["seed", *(f"key_{key}" for key in varying)]
    return frame.groupby(by, as_index=False).mean()


def _choose(rows: Rows, tables: Tables) -> pd.DataFrame:
    """The rows of all seeds, with the columns ``seed`` and ``number`` (of the experiment)."""
    parts = []
    for experiment, number in rows.experiments.items():
        name = rows.file(experiment)
        table = _of_condition(tables(name), rows)
        if table.empty:
            raise InputError(f"results/{name}: no {rows.condition} networks at epoch {rows.epoch}")
        for column in (rows.column, *rows.where):
            if column not in table:
                raise InputError(f"results/{name}: no column {column!r}; run `snakemake` to make it anew")
        for column, wanted in rows.where.items():
            table = table[_is_wanted(table[column], wanted, f"results/{name}: {column}")]
        seeds = [seed_number(str(network)) for network in table["network"]]
        parts.append(table.assign(seed=seeds, number=math.nan if number is None else number))
    return pd.concat(parts, ignore_index=True)


def _of_condition(table: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    untrained = rows.condition == "untrained"
    condition = "trained" if untrained else rows.condition
    table = table[[condition_of(str(network)) == condition for network in table["network"]]]
    if untrained:
        return table[table["epoch"] == 0]
    if rows.epoch == "last":
        return table[table["epoch"] == table.groupby("network")["epoch"].transform("max")]
    return table if rows.epoch == "all" else table[table["epoch"] == rows.epoch]


def _is_wanted(column: "pd.Series[Cell]", wanted: Cell | list[Cell], where: str) -> "pd.Series[bool]":
    values: Sequence[Cell] = wanted if isinstance(wanted, list) else [wanted]
    if not pd.api.types.is_numeric_dtype(column):
        column, values = column.astype(str), [str(value) for value in values]
    for value in values:
        if not (column == value).any():
            there = [str(each) for each in dict.fromkeys(column)]
            near = difflib.get_close_matches(str(value), there, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(there[:10])}"
            raise InputError(f"{where}: no row with {value!r}; {hint}")
    return column.isin(values)


def _logarithms(effect: Effect, rows: Rows, x: Array, y: Array) -> tuple[Array, Array]:
    for name, column, values in (("along", effect.along, x), ("column", rows.column, y)):
        if name in effect.log and (values <= 0).any():
            raise InputError(f"{rows.table}: {column} has values of 0 and less, and no logarithm")
    return np.log(x) if "along" in effect.log else x, np.log(y) if "column" in effect.log else y


def _slope(x: Array, y: Array) -> float:
    """Slope of the least-squares line; NaN where x is constant."""
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.ptp(x) > 0 else math.nan
