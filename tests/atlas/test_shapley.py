"""Shapley values against all orders, and where they stop."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from probecore.measures.atlas.shapley import shapley_values
from probecore.models.suffix import block_outputs, rest_after
from tests.atlas.networks import NETWORKS, block_of, images_for


def by_all_orders(name: str, place: int) -> np.ndarray:
    """From the worth of each set of filters, each computed by a run of its own."""
    build, shape, _ = NETWORKS[name]
    model = build()
    block = block_of(model, shape, place)
    worth: dict[frozenset[int], np.ndarray] = {}
    parts = [
        (block_outputs(model, [block], inputs)[0][block.layer], inputs, labels)
        for inputs, labels in images_for(shape, n=4)
    ]
    filters = parts[0][0].shape[1]
    for size in range(filters + 1):
        for chosen in itertools.combinations(range(filters), size):
            losses = []
            for maps, inputs, labels in parts:
                kept = torch.zeros_like(maps)
                kept[:, list(chosen)] = maps[:, list(chosen)]
                with torch.no_grad():
                    logits = rest_after(model, block, inputs)(kept, torch.arange(len(inputs)))
                losses.append(cross_entropy(logits, labels, reduction="none"))
            worth[frozenset(chosen)] = -torch.cat(losses).double().numpy()
    total = np.zeros((filters, len(worth[frozenset()])))
    orders = list(itertools.permutations(range(filters)))
    for order in orders:
        for place_, filter_ in enumerate(order):
            total[filter_] += worth[frozenset(order[: place_ + 1])] - worth[frozenset(order[:place_])]
    return total / len(orders)


class EveryOrder(np.random.Generator):
    """Draws one of each order and its reverse, in turn."""

    def __init__(self, filters: int) -> None:
        super().__init__(np.random.PCG64(0))
        self._orders = itertools.cycle(
            order for order in itertools.permutations(range(filters)) if order[0] < order[-1]
        )

    def permutation(self, x: int, axis: int = 0) -> np.ndarray:  # type: ignore[override]
        return np.array(next(self._orders))


@pytest.mark.parametrize(("name", "place"), [("small", 0), ("residual", 0), ("strided", 0)])
def test_all_720_orders(name: str, place: int) -> None:
    build, shape, _ = NETWORKS[name]
    model, expected = build(), by_all_orders(name, place)
    block, filters = block_of(model, shape, place), len(expected)
    pairs = math.factorial(filters) // 2
    found = shapley_values(
        model, block, images_for(shape, n=4), generator=EveryOrder(filters), most_pairs=pairs, tolerance=0
    )
    assert len(found.pairs) == pairs
    np.testing.assert_allclose(found.value, expected.mean(1), atol=1e-6)
    np.testing.assert_allclose(found.halves.mean(0), expected, atol=1e-5)


def test_random_orders_are_within_their_error_and_stop_when_it_is_small() -> None:
    build, shape, _ = NETWORKS["small"]
    model, expected = build(), by_all_orders("small", 0).mean(1)
    block = block_of(model, shape, 0)
    found = shapley_values(
        model, block, images_for(shape, n=4), generator=np.random.default_rng(0), most_pairs=400, tolerance=0.01
    )
    assert 8 <= len(found.pairs) < 400
    assert found.noise <= 0.01
    assert (np.abs(found.value - expected) / found.error).max() < 4
    assert found.value.sum() == pytest.approx(expected.sum(), abs=1e-6)
