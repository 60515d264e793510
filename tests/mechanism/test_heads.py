"""Heads: each as if alone, cached as if not, and equal to autograd."""

from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from probecore.errors import InputError, ProbecoreError
from probecore.measures.mechanism import class_mean_maps, heads, train_heads
from probecore.measures.mechanism.backbone import choose_blocks
from probecore.measures.mechanism.head import Head
from probecore.measures.mechanism.params import Heads
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.models.suffix import block_outputs
from probecore.train.params import Augmentation
from tests.mechanism.conftest import Digits, scaled

SHAPE = (1, 28, 28)
QUICK = Heads(epochs=3, augmentation=None)


def train(lenet: nn.Module, digits: Digits, patterns: list[str], recipe: Heads = QUICK) -> dict[str, Head]:
    images, labels = digits
    chosen = choose_blocks(lenet, SHAPE, patterns)
    return train_heads(lenet, chosen, images, labels, classes=10, key=("test",), recipe=recipe)


def equal(one: Head, other: Head) -> bool:
    return torch.equal(one.weight, other.weight) and torch.equal(one.centre, other.centre)


def test_together_as_alone(lenet: nn.Module, digits: Digits) -> None:
    together = train(lenet, digits, ["*"])
    assert list(together) == ["conv1", "conv2", "fc1", "fc2"]
    assert [head.weight.shape[1] for head in together.values()] == [6 * 14 * 14, 16 * 5 * 5, 120, 84]
    for layer, head in together.items():
        assert equal(train(lenet, digits, [layer])[layer], head)


def test_in_turns_as_at_once(lenet: nn.Module, digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    together = train(lenet, digits, ["*"])
    monkeypatch.setattr(heads, "CACHE_BYTES", 4 * 1000 * 500)
    for layer, head in train(lenet, digits, ["*"]).items():
        assert equal(head, together[layer])


def test_augmentation_that_changes_nothing_gives_the_cached_result(lenet: nn.Module, digits: Digits) -> None:
    cached = train(lenet, digits, ["*"], Heads(epochs=1, augmentation=None))
    passed = train(lenet, digits, ["*"], Heads(epochs=1, augmentation=Augmentation()))
    for layer, head in passed.items():
        weight = cached[layer].weight
        assert (head.weight - weight).abs().max() < 1e-3 * weight.abs().max()
        assert torch.allclose(head.centre, cached[layer].centre, atol=1e-6)


@pytest.mark.parametrize("layer", ["conv2", "fc2"])
@pytest.mark.parametrize("features", ["standardised", "raw"])
def test_equal_to_autograd_on_channel_major_maps(
    lenet: nn.Module, digits: Digits, layer: str, features: Literal["standardised", "raw"]
) -> None:
    recipe = Heads(epochs=1, batch=1000, augmentation=None, features=features)
    trained = train(lenet, digits, [layer], recipe)[layer]
    outputs, _ = block_outputs(lenet, choose_blocks(lenet, SHAPE, [layer]), scaled(digits[0]))
    maps, scale = outputs[layer], 1.0
    if features == "standardised":
        assert torch.allclose(trained.centre, maps.mean(0), atol=1e-5)
        scale = float((maps - maps.mean(0)).square().mean().sqrt())
    inputs = ((maps - trained.centre) / scale).flatten(1)
    weight = nn.Parameter(heads._initial(tuple(maps.shape[1:]), 10, ("test", layer)).flatten(1))
    optimiser = torch.optim.SGD([weight], lr=0.01 * 0.975, momentum=0.975, nesterov=True, weight_decay=1e-3)
    nn.functional.cross_entropy(inputs @ weight.T, torch.from_numpy(digits[1])).backward()
    optimiser.step()
    assert torch.allclose(trained.weight * scale, weight, atol=1e-6)
    assert torch.allclose(trained(maps), inputs @ weight.T, atol=1e-4)


@pytest.mark.parametrize("factor", [1, 10, 100, 300])
def test_heads_do_not_measure_the_size_of_features(digits: Digits, factor: float) -> None:
    """The last hidden layer of an untrained network times a number says as much as before, filter by filter."""
    torch.manual_seed(1)
    model = build_model(ModelParams(name="lenet5"), input_shape=SHAPE, outputs=10).eval()
    found = {}
    for times in (1, factor):
        with torch.no_grad():
            model.fc2.weight.mul_(times)
            model.fc2.bias.mul_(times)
        head = train(model, digits, ["fc2"], Heads(epochs=30, decay=0.9, augmentation=None))["fc2"]
        maps = block_outputs(model, choose_blocks(model, SHAPE, ["fc2"]), scaled(digits[0]))[0]["fc2"]
        accuracy = (head(maps).argmax(1) == torch.from_numpy(digits[1])).float().mean()
        found[times] = float(accuracy), head.matrices(class_mean_maps(maps.numpy(), digits[1], classes=10))
    assert found[factor][0] == pytest.approx(found[1][0], abs=0.002)
    assert found[1][0] > 0.6
    assert np.allclose(found[factor][1], found[1][1], atol=1e-3 * np.abs(found[1][1]).max())


def test_the_rate_decays_before_every_epoch(lenet: nn.Module, digits: Digits) -> None:
    still = Heads(epochs=5, decay=1e-9, weight_decay=0.0, augmentation=None, features="raw")
    trained = train(lenet, digits, ["fc2"], still)["fc2"]
    assert torch.allclose(trained.weight, heads._initial((84,), 10, ("test", "fc2")), atol=1e-7)


def test_a_head_on_the_last_block_matches_the_network(lenet: nn.Module, digits: Digits) -> None:
    images, labels = scaled(digits[0]), torch.from_numpy(digits[1])
    trained = train(lenet, digits, ["fc2"], Heads(epochs=20, augmentation=None))
    outputs, logits = block_outputs(lenet, choose_blocks(lenet, SHAPE, ["fc2"]), images)
    accuracy = (trained["fc2"](outputs["fc2"]).argmax(1) == labels).float().mean()
    assert accuracy > (logits.argmax(1) == labels).float().mean() - 0.02


def test_the_network_stays_as_it_is(digits: Digits) -> None:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="vgg6", width=2), input_shape=(3, 32, 32), outputs=10).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    recipe = Heads(epochs=1, batch=10)
    train_heads(
        model,
        choose_blocks(model, (3, 32, 32), ["conv*"]),
        images,
        np.arange(20) % 10,
        classes=10,
        key=("a",),
        recipe=recipe,
    )
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_fewer_images_than_a_batch_are_one_batch(lenet: nn.Module, digits: Digits) -> None:
    found = [train(lenet, digits, ["fc2"], Heads(batch=size, epochs=1))["fc2"] for size in (1000, 2000)]
    assert torch.equal(*(head.weight for head in found))


def test_bad_input(lenet: nn.Module, digits: Digits) -> None:
    images, labels = digits
    chosen = choose_blocks(lenet, SHAPE, ["fc2"])
    with pytest.raises(InputError, match="1000 training images for 999 labels"):
        train_heads(lenet, chosen, images, labels[1:], classes=10, key=())
    with pytest.raises(InputError, match="labels from -1 to 8; expected 0 to 9"):
        train_heads(lenet, chosen, images, labels - 1, classes=10, key=())
    with pytest.raises(InputError, match=r"no layer 'conv9'; did you mean 'conv2'|'conv1'"):
        choose_blocks(lenet, SHAPE, ["conv9"])
    with pytest.raises(ProbecoreError, match=r"lower mechanism.heads.learning_rate"):
        train(lenet, digits, ["conv1"], Heads(epochs=40, learning_rate=1e30, augmentation=None))
