"""The polarity identity, bit for bit, and what breaks and repairs it."""

import copy

import pytest
import torch

from probecore.errors import InputError
from probecore.measures.recos.polarity import (
    around_mean,
    dc_share,
    doubled_logits,
    hits_per_filter,
    identity_error,
    mean_free,
    negated,
    polarity_logits,
    reverse,
)
from probecore.models import build_model
from probecore.models.activations import CReLU, TReLU
from probecore.models.params import ModelParams
from probecore.train.batches import Scaling
from probecore.train.params import Normalise

SHAPE = (1, 28, 28)
CPU = torch.device("cpu")


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (30, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def network(name: str = "lenet5", activation: str = "relu") -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(1)
    params = ModelParams.read({"name": name, **({"activation": activation} if name == "lenet5" else {})})
    model = build_model(params, input_shape=SHAPE, outputs=10).eval()
    return model, next(module for module in model.modules() if hasattr(module, "weight"))


def test_images_reversed_around_their_mean_are_the_negatives_standardised_by_themselves(images: torch.Tensor) -> None:
    images = images // 4
    scale = Scaling(Normalise(mean=0.13, std=0.3), SHAPE, CPU)
    before, after = scale(images), around_mean(images, scale=scale, batch=7)(images)
    negatives = reverse(images).double()
    standardised = (negatives - negatives.mean()) / negatives.std()
    torch.testing.assert_close((after - after.mean()).double() / after.double().std(), standardised, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mean(), before.mean(), atol=1e-5, rtol=0)
    torch.testing.assert_close(after.std(), before.std(), atol=1e-5, rtol=0)


def test_each_channel_keeps_its_mean() -> None:
    colours = torch.randint(0, 50, (20, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    colours[:, 1] += 100
    scale = Scaling(Normalise(mean=0.3, std=0.3), (3, 6, 6), CPU)
    before, after = scale(colours), around_mean(colours, scale=scale, batch=7)(colours)
    torch.testing.assert_close(after.mean((0, 2, 3)), before.mean((0, 2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(after.std((0, 2, 3)), before.std((0, 2, 3)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_reversal_and_negation_undo_each_other_bit_for_bit(images: torch.Tensor, activation: str) -> None:
    model, first = network(activation=activation)
    logits = polarity_logits(model, first, images, scale=Scaling(Normalise(), SHAPE, CPU))
    assert identity_error(logits) == 0
    assert torch.equal(logits["plain", "normal"], logits["negated", "reversed"])
    assert not torch.equal(logits["plain", "normal"], logits["plain", "reversed"])


def test_the_identity_holds_for_a_linear_first_layer(images: torch.Tensor) -> None:
    model, first = network("mlp")
    assert identity_error(polarity_logits(model, first, images, scale=Scaling(Normalise(), SHAPE, CPU))) == 0


@pytest.mark.parametrize("normalise", [Normalise(mean=0.0), Normalise(mean=0.1307, std=0.3081)])
def test_other_scalings_break_it_and_zero_mean_filters_repair_it(images: torch.Tensor, normalise: Normalise) -> None:
    model, first = network()
    scale = Scaling(normalise, SHAPE, CPU)
    assert identity_error(polarity_logits(model, first, images, scale=scale)) > 1e-3
    with torch.no_grad():
        first.padding = (0, 0)
        model.fc1 = torch.nn.LazyLinear(120)
        model(scale(images[:1]))
    with mean_free(first):
        assert identity_error(polarity_logits(model, first, images, scale=scale)) < 1e-4


def test_weights_come_back_also_after_a_failure() -> None:
    _, first = network()
    before = first.weight.detach().clone()
    with negated(first, [2]):
        assert torch.equal(first.weight[2], -before[2])
        assert torch.equal(first.weight[:2], before[:2])
    with pytest.raises(RuntimeError, match="midway"), negated(first):
        raise RuntimeError("midway")
    assert torch.equal(first.weight, before)
    with pytest.raises(InputError, match="ReLU: has no weight of its own"), negated(torch.nn.ReLU()):
        pass


def test_one_filter_at_a_time_equals_negating_its_weights(images: torch.Tensor) -> None:
    model, first = network()
    scale = Scaling(Normalise(), SHAPE, CPU)
    labels = torch.arange(30) % 10
    fast = hits_per_filter(model, first, images, labels, scale=scale, batch=7)
    for index in range(len(first.weight)):
        with negated(first, [index]), torch.inference_mode():
            slow = model(scale(images)).argmax(1) == labels
        assert torch.equal(fast[index], slow)
    assert not first._forward_hooks


def test_hooks_are_removed_when_the_network_fails(images: torch.Tensor) -> None:
    model, first = network()
    with pytest.raises(RuntimeError):
        hits_per_filter(model, first, images[:, :, :5], torch.zeros(30), scale=Scaling(Normalise(), SHAPE, CPU))
    assert not first._forward_hooks


def test_dc_share() -> None:
    flat, balanced = torch.ones(1, 1, 3, 3), torch.tensor([1.0, -1.0, 0.0]).expand(3, 3)[None, None]
    assert dc_share(torch.cat([flat, balanced])).tolist() == pytest.approx([1.0, 0.0], abs=1e-12)
    random = dc_share(torch.randn(20_000, 1, 5, 5, generator=torch.Generator().manual_seed(0)))
    standard_error = random.std() / len(random) ** 0.5
    assert abs(random.mean() - 1 / 25) < 4 * standard_error
    assert dc_share(torch.zeros(1, 1, 2, 2)).isnan().all()


def test_reversal() -> None:
    assert reverse(torch.tensor([0, 100, 255], dtype=torch.uint8)).tolist() == [255, 155, 0]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (torch.nn.Conv2d(3, 4, 5, stride=2, padding=2), (6, 3, 11, 11)),
        (torch.nn.Conv2d(4, 4, 3, groups=2, dilation=2), (6, 4, 11, 11)),
        (torch.nn.Linear(30, 4), (6, 30)),
    ],
)
def test_a_layer_without_means_sees_patches_without_means(layer: torch.nn.Module, shape: tuple[int, ...]) -> None:
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 2
    weight = layer.weight.detach()
    with mean_free(layer), torch.no_grad():
        constrained = layer(inputs)
    if isinstance(layer, torch.nn.Conv2d):
        ones = torch.full((layer.groups, *weight.shape[1:]), 1 / weight[0].numel())
        options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        means = torch.nn.functional.conv2d(inputs, ones, groups=layer.groups, **options)
        means = means.repeat_interleave(4 // layer.groups, 1)
        expected = layer(inputs) - weight.sum((1, 2, 3))[:, None, None] * means
    else:
        expected = layer(inputs - inputs.mean(1, keepdim=True))
    assert torch.allclose(constrained, expected.detach(), atol=1e-5)
    assert torch.equal(layer.weight.detach(), weight)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_doubled_network_is_the_one_with_twice_the_filters(images: torch.Tensor, activation: str) -> None:
    model, first = network(activation=activation)
    scale = Scaling(Normalise(), SHAPE, CPU)
    doubled = copy.deepcopy(model)
    doubled.conv1, doubled.conv2 = torch.nn.Conv2d(1, 12, 5, padding=2), torch.nn.Conv2d(12, 16, 5)
    with torch.no_grad():
        doubled.conv1.weight.copy_(torch.cat([model.conv1.weight, -model.conv1.weight]))
        doubled.conv1.bias.copy_(torch.cat([model.conv1.bias] * 2))
        doubled.conv2.weight.copy_(torch.cat([model.conv2.weight] * 2, 1) / 2)
        doubled.conv2.bias.copy_(model.conv2.bias)
        expected = doubled(scale(images))
    logits = doubled_logits(model, first, model.pool1, images, scale=scale, batch=7)
    assert torch.allclose(logits, expected, atol=1e-5)
    assert torch.equal(logits, doubled_logits(model, first, model.pool1, reverse(images), scale=scale, batch=7))
    assert not model.pool1._forward_hooks


def test_trelu_without_a_threshold_is_relu() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(TReLU(0.0)(values), torch.relu(values))
    assert not torch.equal(TReLU(0.1)(values), torch.relu(values))


def test_doubled_anchors_lose_nothing() -> None:
    """Saak: principal directions of patches and their negatives, rectified, give the patches back."""
    generator = torch.Generator().manual_seed(0)
    patches = torch.randn(200, 16, generator=generator) @ torch.randn(16, 16, generator=generator)
    means = patches.mean(1, keepdim=True)
    _, _, kernels = torch.linalg.svd(patches - means, full_matrices=True)
    correlations = (patches - means) @ kernels.T
    positive, negative = CReLU()(correlations).chunk(2, dim=1)
    assert torch.equal(positive - negative, correlations)
    assert torch.allclose((positive - negative) @ kernels + means, patches, atol=1e-4)
    assert not torch.allclose(torch.relu(correlations) @ kernels + means, patches, atol=1e-1)
