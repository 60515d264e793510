"""Rows of tables: images on backgrounds, and what two layers make of them that one does not."""

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtrit
from torch import Tensor

from probecore.dataset.composites import lay_on, lie_on, textures
from probecore.determinism import numpy_generator
from probecore.errors import InputError
from probecore.measures.recos.fisher import Groups
from probecore.measures.recos.heads import hits, train_heads
from probecore.measures.recos.listening import inputs_of
from probecore.measures.recos.params import Cascade
from probecore.measures.recos.polarity_rows import accuracy
from probecore.measures.recos.probe import Probe, Rows
from probecore.statistics import paired_difference
from probecore.train.evaluation import correct_images

Array = npt.NDArray[np.float64]

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
        right = int(correct_images(probe.model, images, probe.labels, scale=probe.network.scale).sum())
        yield {"images": name, **accuracy(right, probe.network.dataset)}


def head_rows(probe: Probe, composites: Composites, params: Cascade) -> Rows:
    """Heads trained on seen backgrounds, on what the frozen convolutions give; differences to the one-layer head."""
    name = probe.first_dense
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
    name, shape = probe.first_dense, probe.maps_before_dense
    if name is None or shape is None:
        return
    weight = probe.model.get_submodule(name).get_parameter("weight").detach().double().cpu().numpy()
    value, low, high = relative_variances(weight.reshape(len(weight), shape[0], -1))
    for place in range(shape[1] * shape[2]):
        row, column = divmod(place, shape[2])
        numbers = {"value": value[place], "low": low[place], "high": high[place], "null": 1.0, "n": len(weight)}
        yield {"layer": name, "row": row, "column": column, **numbers}


def relative_variances(weights: Array) -> tuple[Array, Array, Array]:
    """Compare variances over anchors (n_anchors, n_channels, n_places), mean over channels, with those of all places.

    Returns
    -------
    tuple
        The ratios by place, (n_places,), and their 95 % interval: jackknife over anchors, on the scale of logarithms,
        with Student's t. NaN with fewer than three anchors.
    """
    n = len(weights)
    centred = weights - weights.mean(0)
    squares = (centred**2).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = squares - centred**2 * (n / (n - 1))
        logs = [np.log(parts.mean(-2) / parts.mean((-2, -1))[..., None]) for parts in (squares, without)]
        half = stdtrit(n - 1, 0.975) * np.sqrt((n - 1) * logs[1].var(0)) if n > 2 else np.nan
    return np.exp(logs[0]), np.exp(logs[0] - half), np.exp(logs[0] + half)


def _read(probe: Probe, name: str, images: Tensor) -> Tensor:
    """What a layer reads for uint8 images, (N, D)."""
    batches = inputs_of(probe.model, [name], images, scale=probe.network.scale)
    return torch.cat([inputs[name].flatten(1) for inputs in batches]).clone()
