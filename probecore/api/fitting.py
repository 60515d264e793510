"""Large networks are measured in part: how much of a network and its images a measure is given where nobody says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probecore.activations.params import ActivationsParams
from probecore.dataset import Dataset
from probecore.dataset.sampling import subset
from probecore.measures import declaration
from probecore.measures.network import Network
from probecore.planning.outline import Outline
from probecore.planning.sizes import sizes_within
from probecore.planning.work import Images
from probecore.progress import say

MOST_MULTIPLY_ADDS = 2e12
"""Of a measure's work, about: minutes of one core."""


@dataclass(frozen=True)
class Fitted:
    """A network with as much data, and options, as keep a measure within `MOST_MULTIPLY_ADDS`."""

    network: Network
    options: Mapping[str, Any]
    activations: ActivationsParams
    """Of measures that read them."""


def fit(measure: str, network: Network, given: Mapping[str, Any]) -> Fitted:
    """Choose what a measure is given, by the rule of `probecore.planning.sizes`; `given` options stay.

    Raises
    ------
    InputError
        If an option is wrong.
    """
    declaration(measure).section.read(dict(given), where=f"measure_{measure}")
    dataset = network.dataset
    outline = Outline.of(network.at(0), dataset.input_shape)
    images = Images(len(dataset.train.targets), len(dataset.test.targets), dataset.outputs)
    sizes = sizes_within(MOST_MULTIPLY_ADDS, measure, outline, images, given=given)
    activations = ActivationsParams.read(dict(sizes.activations), where="activations")
    if sizes.images is None:
        return Fitted(network, sizes.options, activations)
    asked = given.get("images", 0)
    most = max(sizes.images, asked if isinstance(asked, int) else 0)
    fewer = _with_images(dataset, most)
    chosen = {name: value for name, value in sizes.options.items() if name not in given}
    say(f"{measure} of a large network, in part: {_counts(fewer)}; {chosen}")
    part = Network(network.info, fewer, epochs=network.epochs, at=network.at, device=network.device)
    return Fitted(part, sizes.options, activations)


def _with_images(dataset: Dataset, most: int) -> Dataset:
    """At most so many images of each split, in equal shares of the classes, but two of each class."""
    count = max(most, 2 * dataset.outputs)
    train, test = (subset(part, min(count, len(part)), where=dataset.name) for part in (dataset.train, dataset.test))
    return Dataset(dataset.name, dataset.classes, train, test, sha256=dataset.sha256)


def _counts(dataset: Dataset) -> str:
    return f"{len(dataset.train.targets)} training and {len(dataset.test.targets)} test images"
