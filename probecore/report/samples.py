"""What the page shows of a data set: its sizes, its hash, and a few images of each class."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from probecore.dataset import Dataset, load_dataset
from probecore.report.content import File
from probecore.report.embed import data_uri

MAX_CLASSES = 20
PER_CLASS = 8
MAX_SIDE = 64
"""Pixels; larger images are thinned by whole steps."""


@dataclass(frozen=True)
class Sample:
    """The first test images of one class, side by side, as a PNG for an ``<img>``."""

    label: str
    image: str
    width: int
    height: int


@dataclass(frozen=True)
class DatasetView:
    """A data set in words, numbers and images."""

    name: str
    facts: dict[str, str]
    file: File
    sha256: str
    samples: list[Sample]
    content: Dataset


def view_dataset(file: File) -> DatasetView:
    """Read a data set's file; images are taken in the order in which they lie there."""
    dataset = load_dataset(file.place)
    return DatasetView(dataset.name, _facts(dataset), file, dataset.sha256, _samples(dataset), dataset)


def _facts(dataset: Dataset) -> dict[str, str]:
    sizes = {"Training": f"{len(dataset.train):,}", "Test": f"{len(dataset.test):,}"}
    if dataset.classes is None:
        targets = dataset.train.targets
        return {
            **sizes,
            "Inputs": f"{dataset.input_shape[0]} features",
            "Targets": f"mean {targets.mean():.4g}, from {targets.min():.4g} to {targets.max():.4g}",
        }
    channels, height, width = dataset.input_shape
    listed = [*dataset.classes[:MAX_CLASSES], *(["…"] if len(dataset.classes) > MAX_CLASSES else [])]
    return {
        **sizes,
        "Images": f"{height} × {width}, {channels} channel{'s' if channels > 1 else ''}",
        "Classes": f"{len(dataset.classes)}: {', '.join(listed)}",
    }


def _samples(dataset: Dataset) -> list[Sample]:
    if dataset.classes is None:
        return []
    step = -(-max(dataset.input_shape) // MAX_SIDE)
    samples = []
    for label, name in enumerate(dataset.classes[:MAX_CLASSES]):
        chosen = np.flatnonzero(dataset.test.targets == label)[:PER_CLASS]
        if len(chosen) > 0:
            samples.append(_strip(name, dataset.test.inputs[chosen, :, ::step, ::step]))
    return samples


def _strip(label: str, images: NDArray[np.uint8]) -> Sample:
    """Images (N, C, H, W) in a row; in colour if C is 3, else the first channel in grey."""
    _, channels, height, _ = images.shape
    row = images.transpose(2, 0, 3, 1).reshape(height, -1, channels)
    png = io.BytesIO()
    Image.fromarray(row if channels == 3 else row[:, :, 0]).save(png, format="PNG", optimize=True)
    return Sample(label, data_uri(png.getvalue(), "image/png"), row.shape[1], height)
