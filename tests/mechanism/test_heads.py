"""Heads: each as if alone, cached as if not, and equal to autograd."""

import numpy as np
import pytest
import torch
from torch import nn

from probecore.errors import InputError, ProbecoreError
from probecore.mechanism import heads, train_heads
from probecore.mechanism.backbone import block_outputs, choose_blocks
from probecore.mechanism.params import Heads
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.train.params import Augmentation
from tests.mechanism.conftest import Digits, scaled

SHAPE = (1, 28, 28)
QUICK = Heads(epochs=3, augmentation=None)


def train(lenet: nn.Module, digits: Digits, patterns: list[str], recipe: Heads = QUICK) -> dict[str, torch.Tensor]:
    images, labels = digits
    chosen = choose_blocks(lenet, SHAPE, patterns)
    return train_heads(lenet, chosen, images, labels, classes=10, key=("test",), recipe=recipe)


def test_together_as_alone(lenet: nn.Module, digits: Digits) -> None:
    together = train(lenet, digits, ["*"])
    assert list(together) == ["conv1", "conv2", "fc1", "fc2"]
    assert [weight.shape[1] for weight in together.values()] == [6 * 14 * 14, 16 * 5 * 5, 120, 84]
    for layer, weight in together.items():
        assert torch.equal(train(lenet, digits, [layer])[layer], weight)


def test_in_turns_as_at_once(lenet: nn.Module, digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    together = train(lenet, digits, ["*"])
    monkeypatch.setattr(heads, "CACHE_BYTES", 4 * 1000 * 500)
    for layer, weight in train(lenet, digits, ["*"]).items():
        assert torch.equal(weight, together[layer])


def test_augmentation_that_changes_nothing_gives_the_cached_result(lenet: nn.Module, digits: Digits) -> None:
    cached = train(lenet, digits, ["*"], Heads(epochs=1, augmentation=None))
    passed = train(lenet, digits, ["*"], Heads(epochs=1, augmentation=Augmentation()))
    for layer, weight in passed.items():
        assert (weight - cached[layer]).abs().max() < 1e-3 * cached[layer].abs().max()


@pytest.mark.parametrize("layer", ["conv2", "fc2"])
def test_equal_to_autograd_on_channel_major_maps(lenet: nn.Module, digits: Digits, layer: str) -> None:
    recipe = Heads(epochs=1, batch=1000, augmentation=None)
    trained = train(lenet, digits, [layer], recipe)[layer]
    outputs, _ = block_outputs(lenet, choose_blocks(lenet, SHAPE, [layer]), scaled(digits[0]))
    maps = outputs[layer]
    weight = nn.Parameter(heads._initial(tuple(maps.shape[1:]), 10, ("test", layer)).flatten(1))
    optimiser = torch.optim.SGD([weight], lr=0.01 * 0.975, momentum=0.975, nesterov=True, weight_decay=1e-3)
    nn.functional.cross_entropy(maps.flatten(1) @ weight.T, torch.from_numpy(digits[1])).backward()
    optimiser.step()
    assert torch.allclose(trained, weight, atol=1e-6)


def test_the_rate_decays_before_every_epoch(lenet: nn.Module, digits: Digits) -> None:
    still = Heads(epochs=5, decay=1e-9, weight_decay=0.0, augmentation=None)
    trained = train(lenet, digits, ["fc2"], still)["fc2"]
    assert torch.allclose(trained, heads._initial((84,), 10, ("test", "fc2")), atol=1e-7)


def test_a_head_on_the_last_block_matches_the_network(lenet: nn.Module, digits: Digits) -> None:
    images, labels = scaled(digits[0]), torch.from_numpy(digits[1])
    weights = train(lenet, digits, ["fc2"], Heads(epochs=20, augmentation=None))
    outputs, logits = block_outputs(lenet, choose_blocks(lenet, SHAPE, ["fc2"]), images)
    accuracy = ((outputs["fc2"] @ weights["fc2"].T).argmax(1) == labels).float().mean()
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


def test_bad_input(lenet: nn.Module, digits: Digits) -> None:
    images, labels = digits
    chosen = choose_blocks(lenet, SHAPE, ["fc2"])
    with pytest.raises(InputError, match="1000 training images for 999 labels"):
        train_heads(lenet, chosen, images, labels[1:], classes=10, key=())
    with pytest.raises(InputError, match="labels from -1 to 8; expected 0 to 9"):
        train_heads(lenet, chosen, images, labels - 1, classes=10, key=())
    with pytest.raises(InputError, match="mechanism.heads.batch: 2000 is more than 1000"):
        train(lenet, digits, ["fc2"], Heads(batch=2000))
    with pytest.raises(InputError, match=r"'conv9' matches no layer; did you mean 'conv2'|'conv1'"):
        choose_blocks(lenet, SHAPE, ["conv9"])
    with pytest.raises(ProbecoreError, match=r"lower mechanism.heads.learning_rate"):
        train(lenet, digits, ["conv1"], Heads(epochs=40, learning_rate=1e30, augmentation=None))
