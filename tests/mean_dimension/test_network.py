"""Bases and outputs against plain functions, layers against hand-made ones, and the untrained network's exact picture."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.measures.mean_dimension import InverseBasis, mean_dimension, network_mean_dimension, pca_basis
from probecore.measures.mean_dimension.network import NetworkMeanDimension
from probecore.models import build_model
from probecore.models.params import ModelParams
from tests.mean_dimension.networks import NETWORKS, images


def test_a_basis_equals_an_inverse_layer_in_front_of_the_network() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 30)
    basis = pca_basis(x)
    ours = mean_dimension(model, x, basis=basis)
    behind = mean_dimension(nn.Sequential(InverseBasis(basis, shape), model), basis.coordinates(x))
    assert ours.value == pytest.approx(behind.value, rel=1e-4)
    assert ours.total_indices == pytest.approx(behind.total_indices, rel=1e-2, abs=1e-4 * ours.total_indices.max())


def test_softmax_and_nll_equal_plain_functions() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x, labels = images(shape, 20), torch.arange(20) % 4
    found = network_mean_dimension(model, x, labels=labels, basis=pca_basis(x))
    with torch.inference_mode():
        softmax = mean_dimension(lambda x: model(x).softmax(1), x, basis=pca_basis(x))
    assert found.outputs["softmax"].value == pytest.approx(softmax.value, rel=1e-4)
    assert found.outputs["softmax"].outputs.value == pytest.approx(softmax.outputs.value, rel=1e-3)
    nll = found.outputs["nll"]
    assert nll.group_indices.shape == (4, len(pca_basis(x).directions))
    assert nll.group_indices.mean(0) == pytest.approx(nll.total_indices)


def test_layers_equal_functions_of_their_own() -> None:
    model, shape, *_ = NETWORKS["lenet5"]
    x = images(shape, 8)
    layers = ["conv1", "act1", "pool2", "fc1", "act4"]
    found = network_mean_dimension(model, x, layers=layers, features=20)
    for name in layers:
        index = [child for child, _ in model.named_children()].index(name)
        front = model[: index + 1]
        with torch.inference_mode():
            alone = mean_dimension(lambda x, front=front: front(x).flatten(1), x, features=20, batch=98)
        layer = found.layers[name]
        assert layer.value == pytest.approx(alone.value, rel=1e-5)
        assert layer.nodes == alone.nodes and layer.dead == alone.dead
        assert layer.node_mean == pytest.approx(alone.node_mean, rel=1e-4)
        filters = alone.outputs.variance.reshape(len(layer.outputs.value), -1)
        indices = alone.outputs.total_indices.sum(0).reshape(filters.shape)
        varies = filters.any(1)
        expected = np.where(varies, indices.sum(1) / np.where(varies, filters.sum(1), 1), np.nan)
        assert layer.outputs.value == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_a_module_that_is_called_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(2 * self.act(x))

    x = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    found = network_mean_dimension(Twice(), x, layers=["act#1", "act#2"]).layers
    assert found["act#2"].value == network_mean_dimension(Twice(), x).outputs["output"].value
    assert found["act#1"].value != found["act#2"].value


TRACES = {
    "relu": {"fc1": 1.0, "act1": 1.434, "fc2": 1.434, "act2": 1.8826, "fc3": 1.917},
    "tanh": {"fc1": 1.0, "act1": 1.0493, "fc2": 1.0493, "act2": 1.0543, "fc3": 1.033},
}


@pytest.mark.parametrize("activation", TRACES)
def test_untrained_networks_have_the_mean_dimension_of_wide_ones(activation: str) -> None:
    """200-300-50-1 at torch's initialisation on standard normal inputs, trace, means over 5 networks."""
    values: list[dict[str, float]] = []
    for seed in range(5):
        torch.manual_seed(seed)
        model = build_model(ModelParams.read({"name": "mlp", "activation": activation}), input_shape=(200,), outputs=1)
        x = torch.randn(300, 200, generator=torch.Generator().manual_seed(100 + seed))
        found = network_mean_dimension(model, x, layers=list(TRACES[activation]), features=60)
        values.append({name: layer.value for name, layer in found.layers.items()})
    for name, exact in TRACES[activation].items():
        measured = np.array([each[name] for each in values])
        slack = 0.05 if name in ("act2", "fc3") and activation == "relu" else 0.01
        assert abs(measured.mean() - exact) < 4 * measured.std(ddof=1) / np.sqrt(5) + slack


def test_nothing_of_the_network_changes() -> None:
    model, shape, *_ = NETWORKS["vgg6"]
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network_mean_dimension(model, images(shape, 4), features=10)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_dead_network_gives_nan_and_counts_its_nodes() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    with torch.no_grad():
        model[0].bias -= 100
    found: NetworkMeanDimension = network_mean_dimension(model, torch.rand(20, 5), layers=["1"])
    assert found.layers["1"].dead == 4 and np.isnan(found.outputs["output"].value)


@pytest.mark.parametrize("basis", ["pixels", "pca"])
def test_networks_that_write_into_their_inputs(basis: str) -> None:
    class Writing(nn.Module):
        def __init__(self, *, in_place: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.in_place = nn.Conv2d(1, 4, 3), in_place
            self.fc = nn.Linear(4 * 16, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.sub_(0.5).div_(0.25) if self.in_place else (x - 0.5) / 0.25
            return self.fc(self.conv(x).relu().flatten(1))

    x = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    directions = pca_basis(x) if basis == "pca" else None
    kept = x.clone()
    written, read = (network_mean_dimension(Writing(in_place=on), x, basis=directions) for on in (True, False))
    assert written.path == "plain"
    assert written.outputs["output"].value == pytest.approx(read.outputs["output"].value, rel=1e-4)
    assert torch.equal(x, kept)


def test_labels_and_layers_that_do_not_fit() -> None:
    model, x = nn.Sequential(nn.Linear(3, 2)), torch.rand(10, 3)
    with pytest.raises(InputError, match=r"labels: \(9,\) torch.int64; give 10 whole numbers"):
        network_mean_dimension(model, x, labels=torch.zeros(9, dtype=torch.long))
    with pytest.raises(InputError, match="labels: .*float32; give 10 whole numbers"):
        network_mean_dimension(model, x, labels=torch.zeros(10))
    with pytest.raises(InputError, match=r"layers: no module '1'.*valid: 0"):
        network_mean_dimension(model, x, layers=["1"])
