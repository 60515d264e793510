"""Every audit's verdict follows from its measure's tables: other numbers in them, another verdict."""

from collections.abc import Callable

import pandas as pd
import pytest

from probecore.measures import MEASURES, declaration
from probecore.measures.audit import audit_table
from probecore.measures.mean_dimension.summary import _audited as audited_mean_dimension
from probecore.measures.mechanism.summary import _audited as audited_mechanism
from probecore.measures.recos.keys import AROUND_MEAN
from probecore.measures.recos.summary import _audited as audited_recos

SEEDS = range(5)


def verdict(measure: str, step: str, table: pd.DataFrame, audited: Callable[[pd.DataFrame], dict]) -> str:
    audit = audit_table("e", declaration(measure).audits, audited(table)).set_index("step")
    return str(audit.loc[step, "verdict"])


def polarity(trained: float, around: float) -> pd.DataFrame:
    values = {("reversed", 9): trained, (AROUND_MEAN, 9): around, ("reversed", 0): 0.1, (AROUND_MEAN, 0): 0.1}
    return pd.DataFrame(
        {"network": f"trained-{seed}", "epoch": epoch, "filters": "plain", "images": images, "accuracy": value + shift}
        for (images, epoch), value in values.items()
        for seed, shift in enumerate([0, 0.01, 0.02, 0.01, 0] if epoch else [0] * 5)
    )


def test_polarity() -> None:
    found = verdict("recos", "polarity", polarity(0.3, 0.02), audited_recos)
    assert found.startswith("published: 0.308 against 0.1 for nothing, above it by 0.208 [")
    assert "corrected: 0.028 against 0.1 for nothing, below it by -0.072 [" in found
    other = verdict("recos", "polarity", polarity(0.02, 0.3), audited_recos)
    assert "below" in other.partition(";")[0] and "above" in other.partition(";")[2]


def coordinates(published: float, linear: float) -> pd.DataFrame:
    values = {"linear_surrogate_published": published, "linear_surrogate": linear, "given_points": 1.4}
    return pd.DataFrame(
        {"network": f"trained-{seed}", "epoch": 5, "basis": "pca", "quantity": quantity, "value": value + seed / 100}
        | {"low": value - 0.01, "high": value + 0.05}
        for quantity, value in values.items()
        for seed in SEEDS
    )


def test_inverse_pca() -> None:
    found = verdict("mean_dimension", "inverse PCA", coordinates(2.5, 1.0), audited_mean_dimension)
    assert found.startswith("published: wrong for nothing, 2.52 where 1 is right; corrected: 1.42 against 1.02")
    other = verdict("mean_dimension", "inverse PCA", coordinates(1.0, 2.5), audited_mean_dimension)
    assert other == "published: right for nothing, 1.02; corrected: wrong for nothing, 2.52 where 1 is right"


@pytest.mark.parametrize(
    ("kept", "said"),
    [(0.7, "published: wrong for nothing, 0.7 where 1 is right"), (1.0, "published: right for nothing, 1")],
)
def test_order_of_labels(kept: float, said: str) -> None:
    table = pd.DataFrame(
        {"network": f"trained-{seed}", "epoch": 5, "layer": "conv1", "rule": rule, "value": value, "n": 10}
        for rule, value in (("ascending", kept), ("strongest_first", 1.0))
        for seed in SEEDS
    )
    found = verdict("mechanism", "order of labels", table, audited_mechanism)
    assert found == f"{said}; corrected: by construction"


TESTED = {
    "polarity": __file__,
    "inverse PCA": __file__,
    "order of labels": __file__,
    "both polarities": "tests/recos/test_both.py",
    "comparison": "tests/anova/test_published.py",
    "reading": "tests/anova/test_published.py",
    "neural feature ansatz": "tests/anova/test_ansatz.py",
    "information about the label": "tests/mutual_information/test_audit.py",
}
"""Steps and where other numbers give another verdict."""


def test_every_step_of_every_measure_is_tested_so() -> None:
    assert {step.name for name in MEASURES for step in declaration(name).audits} == set(TESTED)
