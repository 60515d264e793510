"""The neural feature ansatz, where it is proven, where it is false, and what is said of it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.errors import InputError
from probecore.measures.anova.ansatz import ansatz_row, holds_here, power_correlations
from probecore.measures.anova.audit import numbers
from probecore.measures.anova.matrices import gradient_outer_product
from probecore.measures.anova.measure import MEASURE
from probecore.measures.audit import audit_table


def balanced(layers: int, *, width: int = 6) -> nn.Sequential:
    """A linear network whose neighbouring layers are balanced: W_{l+1}ᵀ W_{l+1} = W_l W_lᵀ."""
    rng = np.random.default_rng(layers)
    turns = [np.linalg.qr(rng.normal(size=(width, width)))[0] for _ in range(layers + 1)]
    singular = np.diag(np.linspace(0.3, 1.5, width))
    model = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(layers)))
    with torch.no_grad():
        for layer, (before, after) in zip(model, pairwise(turns), strict=True):
            layer.weight.copy_(torch.from_numpy(after @ singular @ before.T))
    return model


@pytest.mark.parametrize("layers", [1, 2, 4, 5])
def test_balanced_linear_networks_have_the_exponent_one_over_their_depth(layers: int) -> None:
    model = balanced(layers)
    for index, module in enumerate(model):
        product = gradient_outer_product(model, module, torch.randn(7, 6))
        weights = module.get_parameter("weight").detach().double().numpy()
        row = ansatz_row(weights, product, product, depth=layers - index)
        assert row["best_exponent"] == pytest.approx(1 / (layers - index))
        assert row["r_published"] == pytest.approx(1, abs=1e-5) and row["r_best"] == pytest.approx(1, abs=1e-5)
    product = gradient_outer_product(model, model[0], torch.randn(7, 6))
    assert layers == 1 or power_correlations(model[0].weight.detach(), product, [1.0])[0] < 0.99


def test_the_best_exponent_is_judged_on_other_images() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 4))
    gram, noise = weights.T @ weights, rng.normal(size=(4, 4))
    row = ansatz_row(weights, gram, noise @ noise.T, depth=3)
    assert row["best_exponent"] == 1 and row["published_exponent"] == pytest.approx(1 / 3)
    assert row["r_best"] == pytest.approx(power_correlations(weights, noise @ noise.T, [1.0])[0]) and row["r_best"] < 1


def test_eigenvalues_that_are_rounding_errors_stay_0_under_small_powers() -> None:
    weights = np.array([[1.0, 2.0, 3.0]])
    product = (weights.T @ weights) ** 1 * 5
    assert power_correlations(weights, product, [0.05])[0] == pytest.approx(1)


def test_what_is_constant_has_no_correlation() -> None:
    assert np.isnan(power_correlations(np.ones((2, 3)), np.eye(3), [0.5])).all()
    row = ansatz_row(np.ones((2, 3)), np.eye(3), np.eye(3), depth=2)
    assert np.isnan([row["best_exponent"], row["r_best"]]).all()
    with pytest.raises(InputError, match="power_correlations"):
        power_correlations(np.ones((2, 3)), np.eye(2), [0.5])


def table_of(trained: list[float], before: float = 0.3) -> pd.DataFrame:
    keys: dict[str, Any] = {"layer": "conv1", "layer_index": 0, "depth": 5, "published_exponent": 0.2}
    return pd.DataFrame(
        [
            {**keys, "network": f"trained-{seed}", "epoch": epoch, "r_published": r, "best_exponent": 0.4, "r_best": r}
            for seed, value in enumerate(trained)
            for epoch, r in ((0, before + seed / 1000), (9, value))
        ]
    )


def test_whether_it_holds_follows_from_the_numbers() -> None:
    high, low = [0.98, 0.985, 0.99, 0.98, 0.99], [0.5, 0.6, 0.5, 0.7, 0.6]
    assert "conv1: holds here, correlation 0.985 [" in holds_here(table_of(high))[0]
    assert "does not hold here, correlation 0.58 [" in holds_here(table_of(low))[0]
    assert "undecided, correlation 0.982 with" in holds_here(table_of(high[:2]))[0]
    assert "undecided" in holds_here(table_of([0.9, 0.99, 0.95, 0.97, 0.94]))[0]
    assert "no numbers" in holds_here(table_of([np.nan]))[0]
    assert holds_here(table_of(high).iloc[:0]) == []


def test_the_audit_compares_with_the_networks_before_training() -> None:
    def verdict(table: pd.DataFrame) -> str:
        tables = {"published": pd.DataFrame(), "byte_reading": pd.DataFrame(), "ansatz": table}
        return str(audit_table("e", MEASURE.audits, numbers(tables))["verdict"].item())

    values = [0.9, 0.91, 0.9, 0.92, 0.9]
    assert verdict(table_of(values)).count("above it by") == 2
    assert verdict(table_of(values, before=0.99)).count("below it by") == 2
    assert verdict(table_of(values[:3])).count("undecided: 3 of 5 networks") == 2
