"""Do intervals cover the truth, and are p-values small only as often as they say: `python -m benchmarks.calibration`.

Every module of `benchmarks.simulations` draws samples whose truth is known and calls the product's own functions on
them. The table has a row per simulation and kind: the share of 95 % intervals that cover the truth (`coverage`) or of
p-values up to 0.05 where the null is true (`size`), the mean error of the estimates (`bias`), and the share of
estimates that had an interval or p-value at all (`printed`). Of the intervals that miss, `below` are those wholly below
the truth. Repeats are independent, estimates within one may not be: `independent` is how many independent ones would
vary as much. A verdict is *conservative* where coverage or size errs on the safe side by more than chance explains.

  --quick         a few repeats, nothing written: what the tests run
  --only MEASURE  this one alone; may be repeated
  --resume        keep the measures that the table has already; it is written after each one
  --tables DIR    results of a study, by default `results`: each interval and p-value in the tables of its experiments
                  needs a simulation

Exit code 1: a rate is off its limits by more than chance explains, or a quantity has no simulation. Exit code 2: the
study has no tables of a measure.
"""

from probecore.determinism import Numerics, configure

if __name__ == "__main__":  # the tests have done it
    configure(Numerics())

import argparse
import csv
import importlib
import pkgutil
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from scipy.stats import binom

import benchmarks.simulations
from benchmarks.aims import CONSERVATIVE, reason
from benchmarks.quantities import printed_quantities
from benchmarks.simulations import Exempt, Repeat, Simulation
from probecore.errors import InputError
from probecore.fingerprint.machine import processor
from probecore.measures import MEASURES

RESULTS = Path(__file__).parent / "results" / "calibration.csv"
COLUMNS = [
    "measure",
    "simulation",
    "covers",
    "kind",
    "n",
    "repeats",
    "independent",
    "coverage",
    "below",
    "size",
    "bias",
]
COLUMNS += ["printed", "verdict", "processor"]

LOWEST_COVERAGE, HIGHEST_SIZE = 0.90, 0.08
NOMINAL = 0.05
STEPS = ("train", *MEASURES)
"""Steps whose tables the study has."""
CHANCE = 1e-3
"""How often an exact interval or test may fail a run."""

Row = dict[str, Any]
Array = np.ndarray


def modules() -> dict[str, ModuleType]:
    """The modules of simulations by the name of their measure."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.simulations.__path__))
    return {name: importlib.import_module(f"benchmarks.simulations.{name}") for name in names}


def simulations_of(module: ModuleType) -> list[Simulation]:
    """The simulations of a measure."""
    return list(getattr(module, "SIMULATIONS", []))


def exemptions_of(module: ModuleType) -> list[Exempt]:
    """What a measure says no simulation can vouch for."""
    return list(getattr(module, "EXEMPT", []))


def simulate(measure: str, simulation: Simulation, *, quick: bool) -> list[Row]:
    """Repeat an experiment; one row for its intervals, one for its p-values, as far as it has them."""
    repeats = simulation.quick_repeats if quick else simulation.repeats
    seed = zlib.crc32(f"{measure}: {simulation.name}".encode())
    generators = [np.random.default_rng([seed, index]) for index in range(repeats)]
    drawn = [simulation.repeat(generator) for generator in generators]
    names: Row = {"measure": measure, "simulation": simulation.name, "covers": " ".join(simulation.covers)}
    names |= {"n": simulation.n, "repeats": repeats}
    nothing: Row = {"kind": "none", "printed": 0.0, "verdict": "no result"}
    kinds = [kind for kind in (_intervals(drawn), _tests(drawn)) if kind]
    if not simulation.printed:
        nothing["verdict"] = "good"
        for kind in kinds:
            kind["verdict"] = "good" if kind.pop("wrong") <= NOMINAL else "printed where it does not hold"
    return [names | {key: kind[key] for key in kind if key != "wrong"} for kind in kinds or [nothing]]


def _intervals(drawn: Sequence[Repeat]) -> Row:
    fields = [np.broadcast_arrays(*map(np.atleast_1d, (r.truth, r.value, r.low, r.high))) for r in drawn]
    printed = [np.isfinite(low) & np.isfinite(high) for _, _, low, high in fields]
    if not any(part.any() for part in printed):
        return {}
    below = [(truth > high)[own] for (truth, _, _, high), own in zip(fields, printed, strict=True)]
    above = [(truth < low)[own] for (truth, _, low, _), own in zip(fields, printed, strict=True)]
    errors = np.concatenate([(value - truth).ravel() for truth, value, _, _ in fields])
    rate, independent, too_many = judge(
        [one | other for one, other in zip(below, above, strict=True)], 1 - LOWEST_COVERAGE
    )
    share = float(np.concatenate([part.ravel() for part in printed]).mean())
    return {
        "kind": "interval",
        "independent": independent,
        "coverage": 1 - rate,
        "below": float(np.concatenate(below).mean()),
        "bias": float(np.nanmean(errors)) if np.isfinite(errors).any() else np.nan,
        "printed": share,
        "wrong": rate * share,
        "verdict": "too short" if too_many else "good",
    }


def _tests(drawn: Sequence[Repeat]) -> Row:
    values = [np.atleast_1d(r.p).ravel() for r in drawn]
    printed = [np.isfinite(p) for p in values]
    if not any(part.any() for part in printed):
        return {}
    rejected = [p[own] <= NOMINAL for p, own in zip(values, printed, strict=True)]
    rate, independent, too_many = judge(rejected, HIGHEST_SIZE)
    share = float(np.concatenate(printed).mean())
    return {
        "kind": "p",
        "independent": independent,
        "size": rate,
        "printed": share,
        "wrong": rate * share,
        "verdict": "too small" if too_many else "good",
    }


def judge(errors: Sequence[Array], limit: float) -> tuple[float, int, bool]:
    """The share of errors, of how many independent ones, and whether it is above `limit` by more than chance.

    Parameters
    ----------
    errors : bool arrays, one per repeat
        Estimates of one repeat may depend on each other: they count as the number of independent ones whose share would
        vary between repeats as theirs does, at least one per repeat.
    """
    errors = [part for part in errors if part.size]
    pooled = np.concatenate(errors)
    rate = float(pooled.mean())
    spread = float(np.var([part.mean() for part in errors], ddof=1)) / len(errors) if len(errors) > 1 else 0.0
    independent = rate * (1 - rate) / spread if spread else len(pooled)
    n = int(np.clip(independent, len(errors), len(pooled)))
    return rate, n, rate > max(limit, binom.isf(CHANCE, n, NOMINAL) / n)


def of_study(folder: Path, step: str) -> list[tuple[str, str]]:
    """What the tables of all experiments of a step give an interval or a p-value, see `printed_quantities`.

    Raises
    ------
    InputError
        If the step has no table.
    """
    experiments = sorted({path.parent for path in (folder / step).glob("*/*.csv")})
    if not experiments:
        raise InputError(f"{folder / step}: no tables; run the study or `dvc pull`, or name another with --tables")
    return list(dict.fromkeys(pair for one in experiments for pair in printed_quantities(one)))


def without_simulation(printed: Iterable[tuple[str, str]], module: ModuleType) -> list[str]:
    """Quantities with an interval or p-value that no simulation covers and no exemption explains.

    Parameters
    ----------
    printed : pairs
        What a table calls the quantity, ``"layers.csv:snr"``, and the name of its column, ``"layers.csv:p"``; a
        simulation may cover either.
    """
    known = {name for each in (*simulations_of(module), *exemptions_of(module)) for name in each.covers}
    return sorted(quantity for quantity, column in printed if not {quantity, column} & known)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[], choices=list(modules()), metavar="MEASURE")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--tables", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)
    chosen = {name: module for name, module in modules().items() if name in (options.only or modules())}
    kept = [] if options.quick or not RESULTS.exists() else list(csv.DictReader(RESULTS.open(encoding="utf-8")))
    print(f"on {processor()}")
    good = True
    for measure, module in chosen.items():
        if not (options.resume and any(row["measure"] == measure for row in kept)):
            rows = run(measure, simulations_of(module), quick=options.quick)
            good &= all(row["verdict"] == "good" for row in rows)
            kept = [row for row in kept if row["measure"] != measure] + rows
            if not options.quick:
                write(kept)
    try:
        for step in STEPS if not options.only else [step for step in STEPS if step in options.only]:
            missing = without_simulation(of_study(options.tables, step), modules().get(step, ModuleType(step)))
            good &= not missing
            for quantity in missing:
                print(f"{step}: {quantity} has an interval or a p-value and no simulation")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if good else 1


def run(measure: str, simulations: Iterable[Simulation], *, quick: bool) -> list[Row]:
    """The rows of a measure, printed as they come."""
    found = []
    for simulation in simulations:
        start = time.process_time()
        for row in simulate(measure, simulation, quick=quick):
            found.append(row | {"processor": processor()})
            rate = next((f"{rate} {row[rate]:.3f}" for rate in ("coverage", "size") if rate in row), "nothing")
            text = f"{measure}: {simulation.name}: {rate}, printed {row['printed']:.2f}: {row['verdict']}"
            print(f"{text} ({time.process_time() - start:.1f} s)")
    return found


def write(rows: Sequence[Row]) -> None:
    """Write the committed table."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in sorted(rows, key=lambda row: str(row["measure"])):
            table.writerow(as_text(row))


def as_text(row: Row) -> Row:
    """The row as it is written; where a good one errs on the safe side by more than chance, its verdict says so."""
    texts = dict.fromkeys(COLUMNS, "") | {
        key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in row.items()
    }
    careful = texts["verdict"] == "good" and reason(texts).startswith(CONSERVATIVE)
    return texts | {"verdict": CONSERVATIVE if careful else texts["verdict"]}


if __name__ == "__main__":
    sys.exit(main())
