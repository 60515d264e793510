"""Pruning by clusters: which connections stay, and that the smaller network is the masked one."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from probecore.errors import InputError
from probecore.measures.mechanism import Chain, connection_masks, shrink
from probecore.measures.mechanism.params import Pruning
from probecore.measures.mechanism.pruning import apply_masks, closed, drawn, strongest
from probecore.measures.mechanism.retraining import prune, retrain, size_of
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.train.batches import Batches
from probecore.train.params import Augmentation, Normalise
from tests.mechanism.conftest import Digits, scaled

SHAPE = (3, 32, 32)


@pytest.fixture
def vgg() -> nn.Sequential:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="vgg6", width=4), input_shape=SHAPE, outputs=10)
    assert isinstance(model, nn.Sequential)
    model(torch.randn(16, *SHAPE))
    return model.eval()


def some_labels(chain: Chain, share: float) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {name: generator.random((len(layer.weight), 10)) < share for name, layer in chain.layers.items()}


def test_connections_stay_where_a_label_is_shared(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    labels = {name: np.zeros((len(layer.weight), 10), dtype=bool) for name, layer in chain.layers.items()}
    labels["conv1"][0, [1, 2]] = labels["conv2"][5, 2] = labels["conv2"][6, 3] = True
    labels["fc2"][7, 4] = True
    masks = connection_masks(chain, labels)
    assert masks["conv2"].nonzero().tolist() == [[5, 0]]
    assert masks["fc3"].nonzero().tolist() == [[4, 7]]
    assert "conv1" not in masks
    kept = connection_masks(chain, labels, keep_clusterless=True)["conv2"]
    assert kept[:, 1:].all()
    assert kept[:, 0].nonzero()[:, 0].tolist() == [*range(6), *range(7, 16)]


def test_layers_without_labels_keep_all(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    labels = some_labels(chain, 0.2)
    assert list(connection_masks(chain, {"conv1": labels["conv1"], "conv2": labels["conv2"]})) == ["conv2"]


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_smaller_network_gives_the_same(vgg: nn.Sequential, share: float) -> None:
    chain = Chain(vgg)
    masks = closed(chain, connection_masks(chain, some_labels(chain, share)))
    masked = copy.deepcopy(vgg)
    apply_masks(Chain(masked), masks)
    small = shrink(vgg, masks)
    inputs = torch.randn(5, *SHAPE)
    with torch.no_grad():
        assert torch.allclose(small(inputs), masked(inputs), atol=1e-5)
        assert not torch.allclose(small(inputs), vgg(inputs), atol=1e-3)
    assert share > 0.1 or sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in vgg.parameters())


def test_several_positions_per_map_before_a_linear_layer(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    masks = closed(chain, connection_masks(chain, some_labels(chain, 0.08)))
    masked = copy.deepcopy(lenet)
    apply_masks(Chain(masked), masks)
    small = shrink(lenet, masks)
    inputs = torch.randn(5, 1, 28, 28)
    with torch.no_grad():
        assert torch.allclose(small(inputs), masked(inputs), atol=1e-5)
    assert small.get_submodule("fc1").in_features < 400


def test_closing_drops_what_leads_nowhere(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    masks = {name: torch.ones_like(mask) for name, mask in connection_masks(chain, some_labels(chain, 0.2)).items()}
    masks["fc2"][:, 3] = False
    masks["conv2"][4] = False
    final = closed(chain, masks)
    assert not final["fc1"][3].any()
    assert not final["fc1"][:, 4].any()
    assert int(final["fc1"].sum()) == 119 * 15


def test_sizes(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    masks = {"conv2": torch.ones(16, 6, dtype=torch.bool), "fc1": torch.ones(120, 16, dtype=torch.bool)}
    masks["fc1"][:, 0] = False
    masks["fc1"][0, 1] = False
    size = size_of(lenet, masks, (1, 28, 28))
    assert size.parameters == 61_706 - 6 * 25 - 1 - 120 * 25
    assert size.multiply_adds == 416_520 - 15_000 - 3_000
    assert size.nonzero_parameters == size.parameters - 25
    assert size.nonzero_multiply_adds == size.multiply_adds - 25
    nothing = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    assert size_of(lenet, closed(chain, nothing), (1, 28, 28)).parameters == 0
    with pytest.raises(InputError, match="conv1: no filter is left"):
        shrink(lenet, closed(chain, nothing))


def test_as_many_connections_by_every_method(lenet: nn.Sequential) -> None:
    chain = Chain(lenet)
    masks = connection_masks(chain, some_labels(chain, 0.3))
    by_norm, by_chance = strongest(chain, masks), drawn(masks, torch.Generator().manual_seed(0))
    for name, mask in masks.items():
        assert by_norm[name].sum() == by_chance[name].sum() == mask.sum()
        norms = chain.layers[name].weight.detach().reshape(*mask.shape, -1).norm(dim=-1)
        assert norms[by_norm[name]].min() >= norms[~by_norm[name]].max()


def test_what_is_pruned_stays_pruned_in_retraining(lenet: nn.Sequential, digits: Digits) -> None:
    fields = {
        name: np.random.default_rng(0).normal(size=(len(layer.weight), 10, 10))
        for name, layer in Chain(lenet).layers.items()
    }
    del fields["fc3"]
    batches = Batches(
        *digits, normalise=Normalise(), augmentation=Augmentation(), batch=100, device=torch.device("cpu")
    )
    before = {name: value.clone() for name, value in lenet.state_dict().items()}
    pruned = list(prune(lenet, fields, thresholds=[0.5], keep_clusterless=False, key=("test",)))
    assert [each.method for each in pruned] == ["clusters", "magnitude", "random"]
    images, labels = scaled(digits[0]), torch.from_numpy(digits[1])
    for each in pruned:
        with torch.no_grad():
            as_pruned = nn.functional.cross_entropy(each.model(images), labels)
        retrain(each, batches, recipe=Pruning(epochs=1), key=("test",))
        with torch.no_grad():
            assert nn.functional.cross_entropy(each.model(images), labels) < as_pruned
        for name, mask in each.masks.items():
            weight = Chain(each.model).layers[name].weight.detach().reshape(*mask.shape, -1)
            assert not weight[~mask].any()
    assert all(torch.equal(value, before[name]) for name, value in lenet.state_dict().items())


def test_networks_that_are_no_chains_are_refused_by_name() -> None:
    resnet = build_model(ModelParams(name="resnet18", stem="cifar"), input_shape=SHAPE, outputs=10)
    with pytest.raises(InputError, match="ResNet: pruning by clusters needs a plain chain"):
        Chain(resnet)
    crelu = build_model(
        ModelParams.read({"name": "lenet5", "activation": "crelu"}), input_shape=(1, 28, 28), outputs=10
    )
    with pytest.raises(InputError, match="act1: pruning by clusters does not know CReLU"):
        Chain(crelu)
