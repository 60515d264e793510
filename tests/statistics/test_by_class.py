"""Means by class."""

import pytest
import torch

from probecore.statistics import by_class
from probecore.statistics.by_class import ClassMeans, class_means


def test_a_class_without_samples_has_no_mean() -> None:
    values, labels = torch.tensor([[1.0, 2], [3, 4], [8, 8]]), torch.tensor([0, 0, 2])
    found = class_means(values, labels, 4)
    torch.testing.assert_close(
        found, torch.tensor([[2.0, 3], [torch.nan] * 2, [8, 8], [torch.nan] * 2], dtype=torch.float64), equal_nan=True
    )


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_parts_give_what_the_whole_gives(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_class, "VALUES_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(50, 2, 3, generator=generator) + 1e4
    labels = torch.randint(0, 3, (50,), generator=generator)
    found = ClassMeans(3, (2, 3))
    for rows in torch.arange(50).split(9):
        found.add(values[rows], labels[rows])
    for label in range(3):
        torch.testing.assert_close(found.means()[label], values[labels == label].double().mean(0), rtol=1e-14, atol=0)
