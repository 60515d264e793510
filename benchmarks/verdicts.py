"""How often verdicts are given of claims whose truth is known: `python -m benchmarks.verdicts [--quick]`.

Seeds scatter by 1 around an effect; the claim says that it lies above 0.5. At an effect of 0 or 0.5 *held* is an error,
above it *fails* is. A claim is alone, or must also exceed a control of half its effect, or is one of ten in a family
that is corrected by Holm's method: there all ten lie at the bound, and *held* is the share of families in which any is.
"""

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np

from probecore.claims.effects import Sample
from probecore.claims.params import Test
from probecore.claims.verdicts import judge_family

RESULTS = Path(__file__).parent / "results" / "verdicts.csv"
BOUND = 0.5
EFFECTS = (0.0, BOUND, 1.0, 2.0)
SEEDS = (4, 5, 10, 20)
VERDICTS = ("held", "fails", "undecided")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Verdicts on planted effects.")
    arguments.add_argument("--quick", action="store_true", help="a hundred repeats, nothing is written")
    quick = arguments.parse_args().quick
    rows = table(repeats=100 if quick else 4000)
    for row in rows:
        print("  ".join(f"{value:>18}" for value in row.values()))
    if not quick:
        with RESULTS.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def table(*, repeats: int) -> list[dict[str, str]]:
    """A row for each kind of claim, effect and number of seeds: shares of repeats."""
    alone = [
        {"claim": kind, "effect": f"{effect:g}", "seeds": f"{seeds}", **shares(effect, seeds, repeats, control=control)}
        for kind, control in (("alone", False), ("with a control", True))
        for effect in EFFECTS
        for seeds in SEEDS
    ]
    nulls = [
        {"claim": "any of ten nulls", "effect": f"{BOUND:g}", "seeds": f"{seeds}", **of_families(seeds, repeats // 10)}
        for seeds in SEEDS
    ]
    return [*alone, *nulls]


def shares(effect: float, seeds: int, repeats: int, *, control: bool) -> dict[str, str]:
    """How often each verdict is given of one claim; with `control` it must also exceed half of its effect."""
    generator = np.random.default_rng(19)
    found: Counter[str] = Counter()
    for _ in range(repeats):
        values = generator.normal(effect, 1, seeds)
        controls = {"half": sample(values - generator.normal(effect / 2, 1, seeds))} if control else {}
        found[judge_family([claim()], [(sample(values), controls)])[0].verdict] += 1
    return {verdict: f"{found[verdict] / repeats:.4f}" for verdict in VERDICTS}


def of_families(seeds: int, repeats: int) -> dict[str, str]:
    """Shares of families of ten nulls at the bound: any held, any fails, all undecided."""
    generator = np.random.default_rng(19)
    found: Counter[str] = Counter()
    for _ in range(repeats):
        members = [(sample(generator.normal(BOUND, 1, seeds)), {}) for _ in range(10)]
        verdicts = {each.verdict for each in judge_family([claim()] * 10, members)}
        found.update(verdicts - {"undecided"} or {"undecided"})
    return {verdict: f"{found[verdict] / repeats:.4f}" for verdict in VERDICTS}


def claim() -> Test:
    """The effect lies above the bound."""
    content = {"experiment": "e", "table": "mechanism/layers.csv", "effect": "value", "family": "f"}
    return Test.read(content | {"held": {"above": BOUND}})


def sample(values: np.ndarray) -> Sample:
    return Sample(values=dict(enumerate(values.tolist())))


if __name__ == "__main__":
    main()
