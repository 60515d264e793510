"""As many coordinates as the budget pays for."""

import pytest
import torch
from torch import nn

from probecore.measures.mean_dimension import budget
from probecore.measures.mean_dimension.budget import FEWEST, affordable_features


@pytest.mark.parametrize(
    ("most", "expected"),
    [(36 * 5 * 2 * 200, None), (36 * 5 * 2 * 199, 199), (36 * 5 * 2 * 20 + 1, 20), (36 * 5 * 2, FEWEST), (0, FEWEST)],
)
def test_all_exchanges_of_an_estimate_stay_within_the_budget(
    most: int, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_MULTIPLY_ADDS", most)
    model, points = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.zeros(5, 3, 2, 2)
    assert affordable_features(model, points, coordinates=200, shuffles=2) == expected


def test_few_coordinates_are_all_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_MULTIPLY_ADDS", 0)
    model, points = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.zeros(5, 3, 2, 2)
    assert affordable_features(model, points, coordinates=FEWEST, shuffles=1) is None
