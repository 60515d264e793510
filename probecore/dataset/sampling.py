"""Choosing samples: of some classes, and so that classes keep their shares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.store import Dataset, Split
from probecore.errors import InputError


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
