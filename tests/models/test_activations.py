"""Activation functions against their formulas."""

import math

import pytest
import torch

from probecore.models import blocks, build_model
from probecore.models.activations import ACTIVATION_MODULES, build_activation
from probecore.models.catalogue import ACTIVATIONS
from probecore.models.params import ActivationParams, ModelParams

POINTS = [-2.0, -0.5, 0.0, 0.25, 0.5, 0.75, 3.0]


def test_every_name_has_a_module() -> None:
    assert ACTIVATION_MODULES.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize(
    ("content", "formula"),
    [
        ("relu", lambda x: max(x, 0)),
        ("identity", lambda x: x),
        ({"name": "leaky_relu", "slope": 0.2}, lambda x: x if x > 0 else 0.2 * x),
        ("abs", abs),
        ("tanh", math.tanh),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("gelu", lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2)))),
        ("elu", lambda x: x if x > 0 else math.exp(x) - 1),
        ("trelu", lambda x: 0 if x < 0.5 else (x - 0.5) / 0.5),
        ({"name": "trelu", "threshold": 0.0}, lambda x: max(x, 0)),
    ],
)
def test_values(content: object, formula: object) -> None:
    module = build_activation(ActivationParams.read(content))
    inputs = torch.tensor(POINTS, dtype=torch.float64)
    expected = torch.tensor([formula(x) for x in POINTS], dtype=torch.float64)  # type: ignore[operator]
    torch.testing.assert_close(module(inputs), expected)
    assert inputs.tolist() == POINTS


def test_crelu_loses_nothing_and_doubles_the_channels() -> None:
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    y = build_activation(ActivationParams.read("crelu"))(x)
    assert y.shape == (2, 6, 4, 4)
    assert (y >= 0).all()
    torch.testing.assert_close(y[:, :3] - y[:, 3:], x)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_swap_reaches_every_site_with_an_instance_of_its_own(name: str) -> None:
    params = ModelParams.read({"name": "lenet5", "activation": name})
    model = build_model(params, input_shape=(1, 28, 28), outputs=10)
    sites = [getattr(model, f"act{number}") for number in (1, 2, 3, 4)]
    assert {type(site) for site in sites} == {type(build_activation(ActivationParams.read(name)))}
    assert len({id(site) for site in sites}) == 4
    assert [block.activation for block in blocks(model, (1, 28, 28))] == [
        "act1",
        "act2",
        "act3",
        "act4",
        None,
    ]


@pytest.mark.parametrize(("name", "input_shape"), [("resnet18", (3, 32, 32)), ("alexnet_torchvision", (3, 64, 64))])
def test_swap_in_torchvision_networks(name: str, input_shape: tuple[int, ...]) -> None:
    params = ModelParams.read({"name": name, "activation": "tanh"})
    model = build_model(params, input_shape=input_shape, outputs=10)
    assert not any(isinstance(module, torch.nn.ReLU) for module in model.modules())
    relu = build_model(ModelParams.read(name), input_shape=input_shape, outputs=10)
    swapped = {key for key, module in model.named_modules() if isinstance(module, torch.nn.Tanh)}
    assert swapped == {key for key, module in relu.named_modules() if isinstance(module, torch.nn.ReLU)}
