"""A network that is trained on both polarities: the other half of Kuo's course exercise."""

from collections.abc import Iterator
from typing import Any

import torch

from probecore.determinism import torch_generator
from probecore.measures.network import Network
from probecore.measures.recos.keys import AROUND_MEAN, BOTH, BOTH_AROUND_MEAN
from probecore.measures.recos.polarity import Predict, around_mean, reverse
from probecore.measures.recos.polarity_rows import accuracy
from probecore.measures.retraining import train_by
from probecore.networks import condition_at
from probecore.progress import say
from probecore.train.batches import Batches
from probecore.train.evaluation import correct_images
from probecore.train.params import Recipe

SCALED_AT_ONCE = 500


def both_polarities(network: Network, recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Test accuracies on both kinds of images, after training on both: 255 - x, and reversal around the mean.

    Training starts from the network's own weights at epoch 0 and shows each training image in both polarities, all
    drawn together. Test images are reversed around their own mean. None for networks without such a start, and for
    those of permuted labels, which the test images do not have.
    """
    if condition_at(network.info.network, network.epochs[-1]) != "trained" or network.epochs[0] != 0:
        say(f"{network.info.network}: not trained on both polarities, for it has no start of its own on true labels")
        return
    train = torch.from_numpy(network.dataset.train.inputs).to(network.device)
    test, labels = network.test_tensors()
    for filters, shown, reversal in ((BOTH, "reversed", _as_it_is), (BOTH_AROUND_MEAN, AROUND_MEAN, _around_mean)):
        model = _trained_on(network, recipe, train, reversal(train, network.scale))
        scalings: dict[str, Predict] = {"normal": network.scale, shown: reversal(test, network.scale)}
        for images, scale in scalings.items():
            right = int(correct_images(model, test, labels, scale=scale).sum())
            yield {"filters": filters, "images": images, **accuracy(right, network.dataset)}


def _as_it_is(_images: torch.Tensor, scale: Predict) -> Predict:
    return lambda part: scale(reverse(part))


def _around_mean(images: torch.Tensor, scale: Predict) -> Predict:
    return around_mean(images, scale=scale)


def _trained_on(network: Network, recipe: Recipe, images: torch.Tensor, reversal: Predict) -> torch.nn.Module:
    """Train the network anew on images (N, ...) and what `reversal` makes of them."""
    scalings: tuple[Predict, ...] = (network.scale, reversal)
    parts = [scale(part) for scale in scalings for part in images.split(SCALED_AT_ONCE)]
    labels = network.dataset.train.targets
    batches = Batches(
        torch.cat(parts).cpu().numpy(),
        torch.from_numpy(labels).repeat(2).numpy(),
        normalise=network.info.normalise,
        augmentation=recipe.augmentation,
        batch=min(recipe.batch, 2 * len(labels)),
        device=network.device,
    )
    generator = torch_generator(network.info.experiment, network.info.network, "recos", "both polarities")
    return train_by(network.at(0), recipe, batches, generator=generator)
