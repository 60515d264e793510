"""From a head and class-mean maps to the matrix of every filter. No network, no files.

The field of filter f on output j is h_j(x) = Σ_p W[j, f, p] a_f(x)[p]: the head's output when all other filters are
silent. It is linear in the map, so its mean over the images of a label needs the mean map alone, and one product
gives the matrices of all filters (Tzach et al. 2023, arXiv 2305.18078; the authors' code).
"""

import numpy as np
import numpy.typing as npt
import torch

from probecore.errors import InputError
from probecore.statistics.by_class import class_means

Array = npt.NDArray[np.floating]


def class_mean_maps(maps: npt.ArrayLike, labels: npt.ArrayLike, *, classes: int) -> Array:
    """Mean map of every filter over the images of every label.

    Parameters
    ----------
    maps : shape (N, F, ...)
        Output of a block, e.g. (N, F, H, W), or (N, F) for neurons.
    labels : shape (N,)
        Whole numbers from 0 to classes - 1.
    classes : number of labels K

    Returns
    -------
    array of shape (K, F, ...)

    Raises
    ------
    InputError
        If maps and labels differ in number, or a label is unknown or has no image.
    """
    values, shown = np.asarray(maps), np.asarray(labels)
    if len(values) != len(shown):
        raise InputError(f"class_mean_maps: {len(values)} maps for {len(shown)} labels; give one label per image")
    if shown.dtype.kind not in "iu":
        raise InputError(f"class_mean_maps: labels are {shown.dtype}; give whole numbers")
    shown = shown.astype(np.int64)
    images_per_label(shown, classes=classes)
    rows = torch.from_numpy(np.ascontiguousarray(values))
    return np.asarray(class_means(rows, torch.from_numpy(shown), classes).numpy())


def images_per_label(labels: npt.NDArray[np.integer], *, classes: int) -> npt.NDArray[np.int64]:
    """How many images each of K labels has; raises `InputError` if a label is unknown or has none."""
    check_labels(labels, classes=classes)
    counts = np.bincount(labels, minlength=classes)
    if not counts.all():
        raise InputError(f"labels: no image of label {counts.argmin()}; every label needs at least one")
    return counts


def check_labels(labels: npt.NDArray[np.integer], *, classes: int) -> None:
    """Raise `InputError` if a label is not from 0 to K - 1."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise InputError(f"mechanism: labels from {labels.min()} to {labels.max()}; expected 0 to {classes - 1}")


def single_filter_fields(head_weight: npt.ArrayLike, class_mean_maps: npt.ArrayLike) -> Array:
    """Mean output of a head when one filter alone is left on.

    Parameters
    ----------
    head_weight : shape (K, D)
        Weight of a bias-free linear layer on the flattened maps, D = F H W, channel-major.
    class_mean_maps : shape (K, F, H, W) or (K, F)

    Returns
    -------
    array of shape (F, K, K)
        [f, i, j]: filter f's field on output j, mean over the images of label i. Summed over f it is the head's
        mean output for images of label i.

    Raises
    ------
    InputError
        If the head belongs to a layer of another size, or has not one output for each label.
    """
    weight, maps = np.asarray(head_weight), np.asarray(class_mean_maps)
    inputs = int(np.prod(maps.shape[1:]))
    if weight.ndim != 2 or weight.shape[1] != inputs:
        raise InputError(
            f"single_filter_fields: a head of shape {weight.shape} on maps of shape {maps.shape[1:]}; "
            f"give the head of this layer, (K, {inputs})"
        )
    if len(weight) != len(maps):
        raise InputError(
            f"single_filter_fields: a head of {len(weight)} outputs on maps of {len(maps)} labels; give one each"
        )
    filters = maps.shape[1]
    by_filter = maps.reshape(len(maps), filters, -1).transpose(1, 0, 2)
    taps = weight.reshape(len(weight), filters, -1).transpose(1, 2, 0)
    return np.asarray(np.ascontiguousarray(by_filter) @ np.ascontiguousarray(taps))


def clip_fields(fields: npt.ArrayLike, threshold: float = 0.3) -> npt.NDArray[np.bool_]:
    """Which elements of each matrix exceed `threshold` times the matrix's largest element.

    A matrix without a positive element belongs to a dead filter and has none.

    Parameters
    ----------
    fields : shape (..., K, K)
    threshold : strictly between 0 and 1; the authors' code has 0.3

    Returns
    -------
    bool array of the same shape

    Raises
    ------
    InputError
        If the threshold is not between 0 and 1, or an element is NaN.
    """
    if not 0 < threshold < 1:
        raise InputError(f"clip_fields: threshold {threshold}; give a share between 0 and 1")
    values = np.asarray(fields)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    largest = values.max(axis=(-2, -1), keepdims=True)
    if np.isnan(largest).any():
        raise InputError("clip_fields: a matrix holds NaN; look at the head and maps that it was made of")
    scaled = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    return np.asarray(scaled > threshold)
