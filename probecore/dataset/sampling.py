"""Choosing samples: of some classes, and so that classes keep their shares; bringing images to another shape."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.store import Dataset, Split
from probecore.errors import InputError

LUMA = np.array([0.299, 0.587, 0.114])
"""What red, green and blue are of grey (ITU-R BT.601)."""


def stratified_order(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Indices (N,) that take the classes in turn: first samples of all classes, second samples, ...

    Within a class the given order is kept, so a prefix of the result is a stratified subset.
    """
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - starts
    return np.lexsort((labels, rank))


def subset(split: Split, samples: int | None, *, where: str) -> Split:
    """The first `samples` of a split, in its order; of a labelled one, the first of every class.

    Raises
    ------
    InputError
        If there are fewer; `where` is the key that asked.
    """
    if samples is None:
        return split
    if samples > len(split):
        raise InputError(f"{where}: {samples} asked for, but there are {len(split)}; ask for fewer")
    labelled = split.targets.dtype.kind == "i"
    chosen = np.sort(stratified_order(split.targets)[:samples]) if labelled else np.arange(samples)
    return Split(split.inputs[chosen], split.targets[chosen])


def first_classes(dataset: Dataset, classes: int | None, *, where: str) -> Dataset:
    """The samples with labels 0 to `classes` - 1, and the names of these; all of them for None.

    Raises
    ------
    InputError
        If there are fewer classes, or none, or one of them has no training sample; `where` is the key that asked.
    """
    if classes is None:
        return dataset
    if dataset.classes is None:
        raise InputError(f"{where}: {dataset.name} has real targets, no classes; remove it")
    if classes > len(dataset.classes):
        raise InputError(f"{where}: {classes} asked for, but there are {len(dataset.classes)}; ask for fewer")
    missing = sorted(set(range(classes)) - set(dataset.train.targets.tolist()))
    if missing:
        raise InputError(f"{where}: no training sample has the label {missing[0]}; number labels without gaps")

    def kept(split: Split) -> Split:
        chosen = split.targets < classes
        return Split(split.inputs[chosen], split.targets[chosen])

    return Dataset.from_splits(
        dataset.name,
        train=kept(dataset.train),
        test=kept(dataset.test),
        classes=dataset.classes[:classes],
        backgrounds=dataset.backgrounds,
    )


def in_shape(images: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Images uint8 (N, C, H, W) as (N, *shape): cut, or laid on black, around their centre; grey by luma, or repeated.

    Raises
    ------
    InputError
        If `shape` is not that of an image, or needs other channels than 1 or 3 made of 1 or 3.
    """
    if len(shape) != 3 or (shape[0] != images.shape[1] and {shape[0], images.shape[1]} != {1, 3}):
        raise InputError(f"others: images of {images.shape[1:]} cannot become {shape}; leave `others` out")
    for axis in (2, 3):
        more = shape[axis - 1] - images.shape[axis]
        if more > 0:
            around = [(0, 0)] * 4
            around[axis] = (more // 2, more - more // 2)
            images = np.pad(images, around)
        else:
            images = np.take(images, np.arange(shape[axis - 1]) + -more // 2, axis=axis)
    if images.shape[1] > shape[0]:
        return np.asarray(np.rint(np.einsum("nchw,c->nhw", images, LUMA))[:, None], dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(images, (len(images), *shape)))
