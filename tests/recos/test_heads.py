"""Heads: linear ones collapse to one layer, rectified ones do more; parameters as promised."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from probecore.measures.recos.heads import collapse, head_layouts, hits, train_heads
from probecore.models.activations import Identity


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def trained() -> tuple[dict[str, nn.Sequential], torch.Tensor, torch.Tensor]:
    """Heads for the sign of a product of two features, which no linear head can tell."""
    features = torch.randn(2000, 6, generator=generator())
    labels = (features[:, 0] * features[:, 1] > 0).long()
    heads = train_heads(features[:1500], labels[:1500], classes=2, generator=generator(), epochs=20)
    return heads, features[1500:], labels[1500:]


def test_two_layers_do_what_one_cannot(trained: tuple[dict[str, nn.Sequential], torch.Tensor, torch.Tensor]) -> None:
    heads, features, labels = trained
    accuracy = {name: found.mean() for name, found in hits(heads, features, labels).items()}
    assert min(accuracy["two_layer"], accuracy["one_hidden"]) > 0.85
    assert max(accuracy[name] for name in ("one_layer", "wide_linear", "two_layer_linear")) < 0.6


def test_linear_layers_in_a_row_are_one(trained: tuple[dict[str, nn.Sequential], torch.Tensor, torch.Tensor]) -> None:
    heads, features, _ = trained
    for name in ("one_layer", "wide_linear", "two_layer_linear"):
        scale, *layers = heads[name].double()
        weight, bias = collapse(layers)
        together = scale(features.double()) @ weight.T + bias
        assert (heads[name](features.double()) - together).abs().max() < 1e-6
        heads[name].float()


def test_a_network_with_identity_for_rectifier_is_one_layer() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(20, 12), nn.Linear(12, 9, bias=False), nn.Linear(9, 3)]
    network = nn.Sequential(layers[0], Identity(), layers[1], Identity(), layers[2]).double()
    weight, bias = collapse(layers)
    inputs = torch.randn(10, 20, dtype=torch.float64)
    assert (network(inputs) - inputs @ weight.T - bias).abs().max() < 1e-6
    rectified = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    assert (rectified(inputs) - inputs @ weight.T - bias).abs().max() > 1e-2


def test_one_hidden_layer_has_as_many_parameters_as_two() -> None:
    for features, classes in ((400, 10), (50, 3), (9216, 1000)):
        counts = {
            name: sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
            for name, (sizes, _) in head_layouts(features, classes).items()
        }
        assert abs(counts["one_hidden"] - counts["two_layer"]) <= (features + 1 + classes) / 2
        assert counts["two_layer"] == counts["two_layer_linear"] == (features + 1) * 120 + 121 * 84 + 85 * classes


def test_the_same_generator_gives_the_same_heads_and_torch_is_left_alone() -> None:
    features, labels = torch.randn(100, 4, generator=generator()), torch.arange(100) % 3
    state = torch.get_rng_state()
    one, two = (train_heads(features, labels, classes=3, generator=generator(), epochs=2) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(
        torch.equal(a, b) for a, b in zip(one["two_layer"].parameters(), two["two_layer"].parameters(), strict=True)
    )
