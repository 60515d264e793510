"""Rows of the ablation and design tables: what removing kernels of a network, and narrower ones, cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from probecore.determinism import numpy_generator, seed_of, torch_generator
from probecore.measures.mutual_information.design import narrowed, uniform_widths
from probecore.measures.mutual_information.params import Ablation
from probecore.measures.mutual_information.result import Array
from probecore.measures.mutual_information.variables import Place
from probecore.measures.network import Network
from probecore.measures.retraining import retrained, train_by
from probecore.models.intervention import ablated
from probecore.networks import condition_of
from probecore.statistics import share_of
from probecore.train.evaluation import correct_images
from probecore.train.params import Augmentation, Recipe

STEP = "mutual_information"

Row = dict[str, Any]


def ablation_rows(
    network: Network,
    epoch: int,
    places: Sequence[Place],
    known: Mapping[str, Array],
    params: Ablation,
    *,
    chosen: npt.NDArray[np.int64],
    retrain: bool,
) -> Iterator[Row]:
    """Accuracy on test images when a layer's units are ablated, by order and number.

    Conv layers, or hidden linear ones where there is no conv layer. Orders: `most_first` and `least_first` by
    I(T;Y), and random ones. Networks of shuffled labels are not retrained: on true labels they would learn.

    Parameters
    ----------
    known : I(T;Y) of each unit by layer, from other images than those of `chosen`
    chosen : positions of the test images that judge
    retrain : whether to retrain as well
    """
    model, info = network.at(epoch), network.info
    images, labels = (part[chosen] for part in network.test_tensors())
    retrain = retrain and params.retraining_steps > 0 and condition_of(info.network) != "shuffled"
    batches = network.batches(params.batch, Augmentation()) if retrain else None
    whole = int(correct_images(model, images, labels, scale=network.scale).sum())
    for place in _removable(model, places):
        units = len(known[place.layer])
        counts = sorted({round(units * share) for share in params.fractions} - {0, units})
        for order, draw, sequence in _orders(network, epoch, place.layer, known[place.layer], params.random):
            keys = {"layer": place.layer, "order": order, "draw": draw}
            yield {
                **keys,
                "removed": 0,
                "retrained": 0,
                **share_of(whole, len(labels), name="accuracy"),
                "units": units,
            }
            for removed in counts:
                gone = sequence[:removed].tolist()
                models = [model]
                if batches is not None and draw == 0:
                    key = (info.experiment, info.network, STEP, "retraining", place.layer, removed)
                    models.append(
                        retrained(
                            model,
                            place.dumped,
                            gone,
                            batches,
                            axis=place.axis,
                            steps=params.retraining_steps,
                            learning_rate=params.learning_rate,
                            generator=torch_generator(*key),
                        )
                    )
                for again, changed in enumerate(models):
                    with ablated(changed, place.dumped, gone, axis=place.axis):
                        right = int(correct_images(changed, images, labels, scale=network.scale).sum())
                    accuracy = share_of(right, len(labels), name="accuracy")
                    yield {**keys, "removed": removed, "retrained": again, **accuracy, "units": units}


def design_rows(
    network: Network, suggested: Mapping[str, int], recipe: Recipe, *, chosen: npt.NDArray[np.int64]
) -> Iterator[Row]:
    """Accuracy of plain networks trained anew: at full widths, at the suggested ones, and uniformly narrowed.

    Parameters
    ----------
    suggested : filters of conv layers, by layer, from other images than those of `chosen`; others keep theirs
    recipe : how all of them are trained, from weights of the same seed
    chosen : positions of the test images that judge
    """
    if condition_of(network.info.network) == "shuffled" or not suggested:
        return
    model, info = network.at(network.epochs[-1]), network.info
    convs = {name: layer.out_channels for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
    if not convs:
        return
    widths = {name: min(full, suggested.get(name, full)) for name, full in convs.items()}
    variants = {"full": convs, "suggested": widths, "uniform": uniform_widths(model, widths)}
    images, labels = (part[chosen] for part in network.test_tensors())
    batches = network.batches(recipe.batch, recipe.augmentation)
    for name, filters in variants.items():
        changed = narrowed(model, filters, seed=seed_of(info.experiment, info.network, STEP, "weights"))
        train_by(changed, recipe, batches, generator=torch_generator(info.experiment, info.network, STEP, "design"))
        right = int(correct_images(changed, images, labels, scale=network.scale).sum())
        yield {
            "variant": name,
            "widths": "-".join(map(str, filters.values())),
            "parameters": sum(parameter.numel() for parameter in changed.parameters()),
            **share_of(right, len(labels), name="accuracy"),
        }


def _removable(model: nn.Module, places: Sequence[Place]) -> list[Place]:
    convs = [place for place in places if isinstance(model.get_submodule(place.layer), nn.modules.conv._ConvNd)]
    return convs or list(places[:-1])


def _orders(
    network: Network, epoch: int, layer: str, known: Array, random: int
) -> Iterator[tuple[str, int, npt.NDArray[np.int64]]]:
    most = np.argsort(-known, kind="stable")
    yield "most_first", 0, most
    yield "least_first", 0, most[::-1]
    for draw in range(random):
        generator = numpy_generator(network.info.experiment, network.info.network, STEP, "order", layer, epoch, draw)
        yield "random", draw, generator.permutation(len(known))
