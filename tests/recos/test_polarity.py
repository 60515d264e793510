"""The polarity identity, bit for bit, and what breaks and repairs it."""

import pytest
import torch

from probecore.errors import InputError
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.recos.polarity import dc_share, hits_per_filter, identity_error, negated, polarity_logits, reverse
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
        first.weight -= first.weight.mean((1, 2, 3), keepdim=True)
        first.padding = (0, 0)
        model.fc1 = torch.nn.LazyLinear(120)
        model(scale(images[:1]))
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
