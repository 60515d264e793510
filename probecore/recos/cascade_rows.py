"""Rows of tables: images on backgrounds, and what two layers make of them that one does not."""

from itertools import takewhile
from math import prod

import torch
from torch import Tensor, nn

from probecore.dataset.composites import lay_on, lie_on, textures
from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.models import list_layers
from probecore.recos.fisher import Groups
from probecore.recos.heads import hits, train_heads
from probecore.recos.listening import inputs_of
from probecore.recos.params import Cascade
from probecore.recos.polarity_rows import accuracy
from probecore.recos.probe import Probe, Rows
from probecore.statistics import paired_difference

GROUPS = ("seen", "unseen")


class Composites:
    """The test images plain, on seen and on unseen backgrounds, and training images on seen ones.

    Backgrounds are those of the data set, or else crops of scikit-learn's photographs; every network that is tested
    on the same images sees the same composites.

    Raises
    ------
    InputError
        If the images fit neither.
    """

    def __init__(self, probe: Probe, params: Cascade) -> None:
        dataset = probe.network.dataset
        try:
            backgrounds = dataset.backgrounds or textures(dataset.input_shape)
        except InputError as error:
            raise InputError(f"recos.cascade: {error}, or write `cascade: null`") from None
        self.images: dict[str, Tensor] = {"plain": probe.images}
        self.background: dict[str, Groups] = {}
        for name in GROUPS:
            chosen = getattr(backgrounds, name)[: params.backgrounds]
            laid, which = lay_on(dataset.test.inputs, chosen, numpy_generator("recos", "backgrounds", name))
            self.images[name] = torch.from_numpy(laid).to(probe.network.device)
            self.background[name] = which
        train = dataset.train.inputs[: params.head_images]
        if dataset.backgrounds is None or not lie_on(train, dataset.backgrounds.seen):
            train, _ = lay_on(train, backgrounds.seen, numpy_generator("recos", "backgrounds", "train"))
        self.train = torch.from_numpy(train).to(probe.network.device)
        self.train_labels = torch.from_numpy(dataset.train.targets[: params.head_images]).to(probe.network.device)


def accuracy_rows(probe: Probe, composites: Composites) -> Rows:
    """Accuracy of the network itself, plain and on backgrounds."""
    for name, images in composites.images.items():
        scaled = (probe.network.scale(part) for part in images.split(500))
        with torch.inference_mode():
            predictions = torch.cat([probe.model(part).argmax(1) for part in scaled])
        right = int((predictions == probe.labels).sum())
        yield {"images": name, **accuracy(right, probe.network.dataset)}


def head_rows(probe: Probe, composites: Composites, params: Cascade) -> Rows:
    """Heads trained on seen backgrounds, on what the frozen convolutions give; differences to the one-layer head."""
    name = first_dense(probe)
    if name is None:
        return
    heads = train_heads(
        _read(probe, name, composites.train),
        composites.train_labels,
        classes=probe.network.dataset.outputs,
        generator=probe.torch_generator("heads"),
        epochs=params.head_epochs,
    )
    for shown, images in composites.images.items():
        right = hits(heads, _read(probe, name, images), probe.labels)
        for head, found in right.items():
            row = {"head": head, "images": shown, **accuracy(int(found.sum()), probe.network.dataset)}
            row["parameters"] = sum(parameter.numel() for parameter in heads[head].parameters())
            if head != "one_layer":
                change = paired_difference(right["one_layer"], found)
                row |= {"gain": change.value, "gain_low": change.low, "gain_high": change.high, "p": change.p}
            yield row


def position_rows(probe: Probe) -> Rows:
    """How much anchors of the first dense layer differ at each place of the maps they read, against all places."""
    name = first_dense(probe)
    shape = None if name is None else _maps_before(probe, name)
    if name is None or shape is None:
        return
    weight = probe.model.get_submodule(name).get_parameter("weight").detach().double()
    variances = weight.var(dim=0, correction=0).view(shape).mean(0)
    relative = variances / variances.mean()
    for row in range(shape[1]):
        for column in range(shape[2]):
            value = float(relative[row, column])
            yield {"layer": name, "row": row, "column": column, "value": value, "null": 1.0, "n": len(weight)}


def first_dense(probe: Probe) -> str | None:
    """The first linear layer behind a convolution; None where there is none."""
    names = [block.layer for block in probe.weighted]
    kinds = [isinstance(probe.model.get_submodule(name), nn.Linear) for name in names]
    if all(kinds) or kinds[0] or not any(kinds):
        return None
    return names[kinds.index(True)]


def _read(probe: Probe, name: str, images: Tensor) -> Tensor:
    """What a layer reads for uint8 images, (N, D)."""
    batches = inputs_of(probe.model, [name], images, scale=probe.network.scale)
    return torch.cat([inputs[name].flatten(1) for inputs in batches]).clone()


def _maps_before(probe: Probe, name: str) -> tuple[int, ...] | None:
    """The shape (C, H, W) of the maps that a linear layer reads flattened; None where they were averaged."""
    wanted = probe.model.get_submodule(name).get_parameter("weight").shape[1]
    layers = list_layers(probe.model, probe.network.dataset.input_shape)
    before = [layer.output_shape for layer in takewhile(lambda layer: layer.name != name, layers)]
    fitting = [shape for shape in before if len(shape) == 3 and prod(shape) == wanted and shape[1] > 1]
    return fitting[-1] if fitting else None
