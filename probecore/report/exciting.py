"""What excites filters, as thumbnails: the test images that the atlas names, each once, in few levels."""

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probecore.dataset import Dataset
from probecore.files import read_table
from probecore.report.content import StudyFiles
from probecore.report.profiles import FILTER

MOST_SIDE = 32
"""Pixels; larger images are thinned by whole steps."""

LEVELS = 16
"""Of a pixel; few, so that they deflate well."""

SIDES = ["top", "left", "bottom", "right"]


def exciting_of(study: StudyFiles, experiment: str, dataset: Dataset, rows: pd.DataFrame) -> dict[str, Any]:
    """The images of ``exciting.csv`` of the atlas, for the filters in `rows`.

    Returns
    -------
    dict
        ``shape`` (height, width, channels) and ``step`` in pixels of thumbnails; ``pixels``: their bytes; ``labels``: a
        class for each; ``file``; ``of``: JSON in bytes, by place in `rows`: for each image its place among the
        thumbnails, its number in the test split, the value there, and the box of pixels that move it.
    """
    file = study.file(f"results/atlas/{experiment}/exciting.csv")
    table = read_table(file.place)
    numbers, thumbnails = np.unique(table["image"], return_inverse=True)
    table = table.assign(thumbnail=thumbnails)
    places = {tuple(key): place for place, key in enumerate(rows[FILTER].itertuples(index=False))}
    found = {
        places[key]: [_of_image(*line) for line in own[["thumbnail", "image", "value", *SIDES]].itertuples(index=False)]
        for key, own in table.groupby(FILTER, sort=False)
        if key in places
    }
    step, images = _thumbnails(dataset.test.inputs[numbers])
    return {
        "shape": list(images.shape[1:]),
        "step": step,
        "pixels": images.tobytes(),
        "labels": [_label(dataset, target) for target in dataset.test.targets[numbers].tolist()],
        "file": file.path,
        "of": json.dumps(found, separators=(",", ":")).encode(),
    }


def _of_image(thumbnail: int, image: int, value: float, *box: int) -> list[Any]:
    return [thumbnail, image, float(f"{value:.4g}"), list(box)]


def _thumbnails(images: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    """Thin images (N, C, H, W) by a step, in colour if C is 3, else the first channel, as (N, H, W, 3 or 1)."""
    step = -(-max(images.shape[2:]) // MOST_SIDE)
    shown = images[:, : 3 if images.shape[1] == 3 else 1, ::step, ::step].transpose(0, 2, 3, 1)
    return step, shown // (256 // LEVELS) * (255 // (LEVELS - 1))


def _label(dataset: Dataset, target: int) -> str:
    assert dataset.classes is not None, "the atlas reads labelled images"
    return dataset.classes[target]
