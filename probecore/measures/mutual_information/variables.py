"""What stands for a unit, and for a layer: columns made of dumped pooled values. Nothing is estimated here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.activations.reader import Activations
from probecore.errors import InputError
from probecore.measures.mutual_information.params import MutualInformationParams
from probecore.measures.mutual_information.result import Array, Labels
from probecore.models.layers import Block

SPLIT = "test"


@dataclass(frozen=True)
class Place:
    """Where a block is measured.

    Attributes
    ----------
    layer
        The conv or linear module's name, the key of all tables.
    site
        conv, act or block.
    dumped
        The name of the dumped layer.
    axis
        Which axis of one image's output are its units.
    """

    layer: str
    site: str
    dumped: str
    axis: int = 0


@dataclass(frozen=True)
class Variables:
    """One layer at one checkpoint.

    Attributes
    ----------
    units
        One number per image and unit, (N, U).
    vector
        The layer as one variable, (N, d): means and maxima of a conv layer's maps, neurons as they are; scaled as
        `mutual_information.scale` says.
    """

    units: Array
    vector: Array


def places(blocks: Sequence[Block], dumped: Sequence[str], site: str) -> list[Place]:
    """Where each block is measured, of those that were dumped; a block without activation at its layer.

    Raises
    ------
    InputError
        If none was dumped.
    """
    found = []
    for block in blocks:
        at = "conv" if site == "act" and block.activation is None else site
        name, call = {
            "conv": (block.layer, 0),
            "act": (str(block.activation), block.activation_call),
            "block": (block.output, block.output_call),
        }[at]
        match = next((layer for layer in (name, f"{name}#{call + 1}") if layer in dumped), None)
        if match is not None:
            found.append(Place(block.layer, at, match, block.axis))
    if not found:
        raise InputError(
            f"activations.layers: no layer of the site {site!r} was dumped; add `act*` and `fc*`, or change "
            "`mutual_information.site`"
        )
    return found


def balanced(labels: Labels, count: int) -> npt.NDArray[np.int64]:
    """Positions, ascending, of up to `count` samples, classes as equal in size as they allow.

    Classes of which fewer than two samples would be chosen are left out: nothing can be said of them.
    """
    sizes = np.bincount(labels)
    rank = np.empty(len(labels), np.int64)
    rank[np.argsort(labels, kind="stable")] = np.concatenate([np.arange(size) for size in sizes])
    chosen = np.lexsort((labels, rank))[:count]
    kept = np.bincount(labels[chosen], minlength=len(sizes))[labels[chosen]] > 1
    return np.sort(chosen[kept])


def read_variables(
    activations: Activations,
    epoch: int,
    place: Place,
    chosen: npt.NDArray[np.int64],
    params: MutualInformationParams,
) -> Variables:
    """A layer's units and vector at one epoch, for the chosen images."""
    mean, largest = (part[chosen].astype(np.float64) for part in _pooled(activations, epoch, place.dumped))
    if not (np.isfinite(mean).all() and np.isfinite(largest).all()):
        raise InputError(f"{activations.path}: {place.dumped} at epoch {epoch} holds NaN; lower train.learning_rate")
    vector = mean if np.array_equal(mean, largest) else np.hstack([mean, largest])
    if params.scale == "total" and (total := float(vector.var(axis=0).sum())) > 0:
        vector = vector / np.sqrt(total)
    return Variables(units=mean if params.pool == "mean" else largest, vector=vector)


def _pooled(activations: Activations, epoch: int, layer: str) -> tuple[Array, Array]:
    if activations.stores(epoch, SPLIT, layer, "pooled") or not activations.stores(epoch, SPLIT, layer, "maps"):
        return activations.pooled(epoch, SPLIT, layer)
    maps = activations.maps(epoch, SPLIT, layer)[:]
    maps = np.moveaxis(maps, 1 + activations.units_axis(epoch, SPLIT, layer), 1)
    flat = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
    return flat.mean(axis=2), flat.max(axis=2)
