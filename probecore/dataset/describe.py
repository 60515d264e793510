"""What a data set holds, in five lines for people; a set from which nothing can be learnt is refused."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probecore.dataset.store import Dataset, Split
from probecore.errors import InputError

SHOWN = 10
"""Classes that are named; of more, the smallest and the largest."""


def describe(dataset: Dataset) -> list[str]:
    """Five lines: sizes, targets, values, equal samples, hash.

    Raises
    ------
    InputError
        If training has one class or one target value, if all its inputs are equal, or if none of them varies within
        itself: networks and measures would fail on it, or say nothing.
    """
    _check_varied(dataset)
    inputs, train, test = dataset.train.inputs, len(dataset.train), len(dataset.test)
    shape, kind = "x".join(map(str, dataset.input_shape)), "features" if dataset.classes is None else "images"
    return [
        f"{dataset.name}: {train:,} {kind} for training, {test:,} for testing, each {shape} of {inputs.dtype}",
        f"{dataset.name}: {_targets(dataset)}",
        f"{dataset.name}: {_values(inputs)}",
        f"{dataset.name}: {_equal(dataset)}",
        f"{dataset.name}: SHA-256 of the arrays {dataset.sha256}",
    ]


def _check_varied(dataset: Dataset) -> None:
    inputs, targets = dataset.train.inputs, dataset.train.targets
    if (targets == targets[0]).all():
        what = "class" if dataset.classes is not None else "value of the targets"
        raise InputError(f"{dataset.name}: training has a single {what}; supply samples of two or more")
    if (inputs == inputs[0]).all():
        raise InputError(f"{dataset.name}: all training inputs are equal; supply the real ones")
    if dataset.classes is not None and (inputs == inputs[:, :, :1, :1]).all():
        raise InputError(f"{dataset.name}: no training image varies from pixel to pixel; supply the real ones")


def _targets(dataset: Dataset) -> str:
    targets = dataset.train.targets
    if dataset.classes is None:
        return f"real targets from {targets.min():.4g} to {targets.max():.4g}, standard deviation {targets.std():.4g}"
    counts = [np.bincount(split.targets, minlength=dataset.outputs) for split in (dataset.train, dataset.test)]
    order = range(dataset.outputs)
    if dataset.outputs > SHOWN:
        order = [int(np.argmin(counts[0])), int(np.argmax(counts[0]))]  # type: ignore[assignment]
    named = ", ".join(f"{dataset.classes[label]} {counts[0][label]:,}+{counts[1][label]:,}" for label in order)
    return f"{dataset.outputs} classes, training+testing: {'from ' if dataset.outputs > SHOWN else ''}{named}"


def _values(inputs: NDArray[Any]) -> str:
    """Of the training inputs, by channel of images; columns or pixels that never change are counted."""
    constant = int((inputs == inputs[0]).all(axis=0).sum())
    axes = (0, 2, 3) if inputs.ndim == 4 else None
    means, deviations = (np.atleast_1d(value(inputs, axis=axes, dtype=np.float64)) for value in (np.mean, np.std))
    shown = [f"{mean:.4g} ± {deviation:.4g}" for mean, deviation in list(zip(means, deviations, strict=True))[:SHOWN]]
    return f"values from {inputs.min():.4g} to {inputs.max():.4g}, {', '.join(shown)}; {constant:,} never change"


def _equal(dataset: Dataset) -> str:
    """How many inputs stand twice in training, and how many of testing stand in training too."""
    seen: dict[bytes, int] = {}
    twice = _repeats(dataset.train, seen, keep=True)
    leaked = _repeats(dataset.test, seen, keep=False)
    return f"equal inputs: {_counted(twice)} in training, {_counted(leaked)} of testing also in training"


def _repeats(split: Split, seen: dict[bytes, int], *, keep: bool) -> dict[int, int]:
    """Samples that are in `seen`, and which; with `keep` those that are not are added."""
    found = {}
    for index, sample in enumerate(split.inputs):
        key = hashlib.blake2b(np.ascontiguousarray(sample).data, digest_size=16).digest()
        if key in seen:
            found[index] = seen[key]
        elif keep:
            seen[key] = index
    return found


def _counted(pairs: Mapping[int, int]) -> str:
    first = next(iter(pairs.items()), None)
    return "none" if first is None else f"{len(pairs):,} (first: {first[0]} like {first[1]})"
