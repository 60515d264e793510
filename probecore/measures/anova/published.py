"""The procedure of Alsaghir et al. on one network: features of image sets against parameter sets, and what is nothing.

From the authors' public code (Entropy 24, 2022, 132); nothing of it is copied. Rows of tables; no files.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from probecore.dataset.sampling import stratified_order
from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.anova.backbone import Backbone, find_backbone
from probecore.measures.anova.byte_reading import (
    Weights,
    in_order,
    keras_file,
    large_share,
    parameter_sets,
    read_as_float64,
    reading_facts,
)
from probecore.measures.anova.comparisons import by_position, two_means
from probecore.measures.anova.image_features import (
    Images,
    entry_kernel,
    grey_entry,
    mean_features,
    noise_like,
    shuffled_pixels,
)
from probecore.measures.anova.params import Published
from probecore.measures.network import Network

Array = npt.NDArray[np.float64]
Row = dict[str, Any]

OWN = "own"
"""The image set of the network's own data."""

LEAST = 30
"""Pairs that a comparison needs."""


@dataclass(frozen=True)
class ImageSet:
    """Images (N, C, H, W) of one data set: of the part that is trained on (`train`), or not (`test`)."""

    name: str
    split: str
    images: Images


def published_rows(network: Network, params: Published) -> tuple[list[Row], list[Row]]:
    """Compare the network's parameter sets with the features of image sets, and read its bytes.

    Returns
    -------
    published, byte_reading : rows of the tables

    Raises
    ------
    InputError
        If the backbone is missing or reads other images, or has no such layer, or one of too few numbers.
    """
    backbone = find_backbone(network, params.features)
    features = list(_features(network, backbone, params.images))
    length = len(features[0][1])
    if length < LEAST:
        where = "anova.published.features.layer"
        raise InputError(f"{where}: {backbone.layer} gives {length} numbers, fewer than {LEAST}; name a larger map")
    parameters = list(_parameters(network, backbone, length))
    rows = [
        {**image_keys, **parameter_keys, **_compare(values, entries)}
        for image_keys, values in features
        for parameter_keys, entries in parameters
        if min(len(values), len(entries)) >= LEAST
    ]
    return rows, list(_byte_reading(network, length))


def image_sets(network: Network, per_class: int) -> Iterator[ImageSet]:
    """Known and unknown images of the network's own data, then as many of other sets that lie beside them.

    Other sets lie there in stratified order, so that the first of their images are as many of each class.
    """
    dataset = network.dataset
    most = per_class * dataset.outputs
    for split in ("train", "test"):
        part = getattr(dataset, split)
        chosen = np.sort(stratified_order(part.targets)[:most])
        yield ImageSet(OWN, split, part.inputs[chosen])
    for other in dataset.others:
        yield ImageSet(other.name, "train", other.train[:most])
        yield ImageSet(other.name, "test", other.test[:most])


def _features(network: Network, backbone: Backbone, per_class: int) -> Iterator[tuple[Row, Array]]:
    """Mean features of each image set and of what is made of it, entered as they are (plain) and as the authors do."""
    for one in image_sets(network, per_class):
        generator = numpy_generator(network.info.experiment, network.info.network, "published", one.name, one.split)
        kernel = entry_kernel(one.images.shape[1], generator)
        made = {
            "images": one.images,
            "shuffled pixels": shuffled_pixels(one.images, generator),
            "noise": noise_like(one.images, generator),
        }
        sources = [(name, images, backbone.model) for name, images in made.items()]
        if backbone.untrained is not None:
            sources.append(("untrained backbone", one.images, backbone.untrained))
        for name, images, model in sources:
            keys = {"image_set": one.name, "split": one.split, "related": int(one.name == OWN), "features": name}
            entered = {
                "plain": (torch.from_numpy(images), network.scale),
                "grey, drawn 1x1": (grey_entry(images, kernel), None),
            }
            for entry, (inputs, scale) in entered.items():
                values = mean_features(model, backbone.layer, inputs.to(network.device), scale)
                yield {**keys, "entry": entry}, values


def _parameters(network: Network, backbone: Backbone, length: int) -> Iterator[tuple[Row, Array]]:
    """Parameter sets in both readings: of the network, of what is nothing in its place, and of a given backbone."""
    states = dict(_states(network))
    generator = numpy_generator(network.info.experiment, network.info.network, "published", "permuted")
    states["permuted"] = {name: _permuted(tensor, generator) for name, tensor in states["trained"].items()}
    if backbone.given:
        states["another network"] = _weights(backbone.model)
    for state, weights in states.items():
        sets = parameter_sets(read_as_float64(keras_file(weights)), length)
        for reading, named in (("bytes", sets.items()), ("true", in_order(weights).items())):
            for name, entries in named:
                yield {"reading": reading, "weights": state, "parameter_set": str(name)}, entries


def _permuted(tensor: npt.NDArray[np.float32], generator: np.random.Generator) -> npt.NDArray[np.float32]:
    return generator.permutation(tensor.reshape(-1)).reshape(tensor.shape)


def _states(network: Network) -> Iterator[tuple[str, Weights]]:
    yield "trained", _weights(network.at(network.epochs[-1]))
    if 0 in network.epochs[:-1]:
        yield "untrained", _weights(network.at(0))


def _weights(model: nn.Module) -> Weights:
    return {
        name: tensor.detach().cpu().numpy().astype(np.float32)
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point()
    }


def _compare(features: Array, parameters: Array) -> Row:
    means, line = two_means(features, parameters), by_position(features, parameters)
    return {"two_means_f": means.f, "two_means_p": means.p, **asdict(line)}


def _byte_reading(network: Network, length: int) -> Iterator[Row]:
    """What the reading does to this network's weights, and where its sets hold what was no weight."""
    for state, weights in _states(network):
        values = np.concatenate([layer[layer != 0] for layer in in_order(weights).values()])
        facts = asdict(reading_facts(values))
        n = facts.pop("n")
        for quantity, value in facts.items():
            yield {"weights": state, "parameter_set": "all", "quantity": quantity, "value": value, "n": n}
        for start, entries in parameter_sets(read_as_float64(keras_file(weights)), length).items():
            keys = {"weights": state, "parameter_set": str(start), "quantity": "large_share"}
            yield {**keys, "value": large_share(entries), "n": len(entries)}
