"""Excitations: what a layer's input looks like where its filters answer. Definitions, and the same from streamed sums.

The definitions take patches and are what tests compare with; measuring takes `ExcitationSums`, which `activations` adds
up while the network runs. They are ours: the features of the authors' public code are in `image_features`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from probecore.activations.excitations import RESPONSES, ExcitationSums
from probecore.errors import InputError

Array = npt.NDArray[np.float64]

RELATIONS = ("R1", "R2", "R3")
"""Weights on features of the training images, of test images, and on the difference of the two."""


class Predictor(NamedTuple):
    """Excitations behind a relation, and how well they are known."""

    values: Array
    reliability: float
    """Correlation with the same from other images; of a half scaled up to the whole for R1 (Spearman–Brown)."""


def mean_patch(patches: npt.ArrayLike, responses: npt.ArrayLike) -> Array:
    """E1, the mean of all patches, the same for each filter.

    Parameters
    ----------
    patches : input patches, shape (M, T)
    responses : φ of each filter at each patch, shape (M, F)

    Returns
    -------
    array (F, T)

    Raises
    ------
    InputError
        If there is not one response of each filter for each patch.
    """
    values, phi = _paired(patches, responses)
    return np.repeat(values.mean(axis=0)[None], phi.shape[1], axis=0)


def activation_weighted_patch(patches: npt.ArrayLike, responses: npt.ArrayLike) -> Array:
    """E2, Σ φ x / Σ |φ| by filter, shape (F, T); arguments as `mean_patch`. NaN for a silent filter."""
    values, phi = _paired(patches, responses)
    return _ratio(phi.T @ values, np.abs(phi).sum(axis=0))


def feature_map_statistics(responses: npt.ArrayLike) -> dict[str, Array]:
    """E3, mean, max, std and share of positive values of φ by filter, (F,) each; `responses` (M, F)."""
    phi = np.asarray(responses, dtype=np.float64)
    return {"mean": phi.mean(0), "maximum": phi.max(0), "sd": phi.std(0), "active": (phi > 0).mean(0)}


def patch_covariance(patches: npt.ArrayLike) -> Array:
    """E5, E[x xᵀ] over patches (M, D), shape (D, D); to be compared with WᵀW (arXiv 2309.00570)."""
    values = np.asarray(patches, dtype=np.float64)
    return np.asarray(values.T @ values / len(values))


def patch_predictors(
    train: ExcitationSums,
    test: ExcitationSums,
    *,
    weighted: bool = True,
    dilation: int = 1,
    label: int | None = None,
    absolute: bool = False,
) -> dict[str, Predictor]:
    """Excitations (F, T) behind R1, R2 and R3.

    R1 takes all training images, R2 one half of the test images, R3 the training images minus the other half.

    Parameters
    ----------
    train, test : sums of one layer over both splits
    weighted : E2; otherwise E1
    dilation : of the probe, among those in the sums
    label : images of one class, at dilation 1; None for all images
    absolute : take the absolute difference for R3
    """

    def of(sums: ExcitationSums, halves: list[int]) -> Array:
        if not weighted:
            return _mean_patch_of(sums, halves, dilation)
        if label is not None:
            numerator, responses = sums.by_class[halves, label].sum(0), sums.responses[halves, label]
        else:
            numerator = sums.by_dilation[list(sums.dilations).index(dilation), halves].sum(0)
            responses = sums.responses[halves].sum(1)
        return _ratio(numerator, responses[:, RESPONSES.index("absolute")].sum(0))

    def differ(one: Array, other: Array) -> Array:
        return np.abs(one - other) if absolute else one - other

    first, second = (([of(sums, [half]) for half in (0, 1)]) for sums in (train, test))
    whole = of(train, [0, 1])
    half = _correlation(*first)
    return {
        "R1": Predictor(whole, 2 * half / (1 + half)),
        "R2": Predictor(second[0], _correlation(*second)),
        "R3": Predictor(
            differ(whole, second[1]), _correlation(differ(first[0], second[0]), differ(first[1], second[1]))
        ),
    }


def map_predictors(train: ExcitationSums, test: ExcitationSums, *, absolute: bool = False) -> dict[str, Predictor]:
    """Mean response of each filter (F, 1) behind R1, R2 and R3: E3."""

    def of(sums: ExcitationSums, halves: list[int]) -> Array:
        total = sums.responses[halves, :, RESPONSES.index("sum")].sum((0, 1))
        return np.asarray(total / (sums.images[halves].sum() * positions_of(sums)))[:, None]

    halves = {split: [of(sums, [half]) for half in (0, 1)] for split, sums in (("train", train), ("test", test))}
    whole = of(train, [0, 1])
    differences = [a - b for a, b in zip(halves["train"], halves["test"], strict=True)]
    difference = whole - halves["test"][1]
    half = _correlation(*halves["train"])
    return {
        "R1": Predictor(whole, 2 * half / (1 + half)),
        "R2": Predictor(halves["test"][0], _correlation(*halves["test"])),
        "R3": Predictor(np.abs(difference) if absolute else difference, _correlation(*differences)),
    }


def statistics_of(sums: ExcitationSums) -> dict[str, Array]:
    """`feature_map_statistics` of both halves of a split."""
    sums_of = dict(zip(RESPONSES, np.moveaxis(sums.responses, 2, 0), strict=True))
    count = sums.images.sum() * positions_of(sums)
    mean, square = (sums_of[name].sum((0, 1)) / count for name in ("sum", "square"))
    return {
        "mean": mean,
        "maximum": sums_of["maximum"].max((0, 1)),
        "sd": np.sqrt(np.maximum(0.0, square - mean**2)),
        "active": sums_of["active"].sum((0, 1)) / count,
    }


def mean_maps(sums: ExcitationSums, halves: list[int]) -> Array:
    """Mean map of each filter over the images of some halves, (F, H, W)."""
    return np.asarray(sums.maps[halves].sum(0) / sums.images[halves].sum())


def covariance_of(sums: ExcitationSums, halves: list[int]) -> Array:
    """`patch_covariance` over some halves of the images behind it."""
    return np.asarray(sums.covariance[halves].sum(0) / (sums.covariance_images[halves].sum() * positions_of(sums)))


def positions_of(sums: ExcitationSums) -> int:
    """Positions of the filters per image."""
    return int(np.prod(sums.maps.shape[2:]))


def _mean_patch_of(sums: ExcitationSums, halves: list[int], dilation: int) -> Array:
    filters, taps = sums.by_class.shape[2:]
    total = sums.patches[list(sums.dilations).index(dilation), halves].sum(0)
    by_group = total.reshape(-1, taps) / (sums.images[halves].sum() * positions_of(sums))
    return np.repeat(by_group, filters // len(by_group), axis=0)


def _paired(patches: npt.ArrayLike, responses: npt.ArrayLike) -> tuple[Array, Array]:
    values, phi = (np.asarray(array, dtype=np.float64) for array in (patches, responses))
    if values.ndim != 2 or phi.ndim != 2 or len(values) != len(phi):
        raise InputError(f"excitations: patches {values.shape} and responses {phi.shape}; give (M, T) and (M, F)")
    return values, phi


def _ratio(numerator: Array, denominator: Array) -> Array:
    silent = denominator == 0
    return np.where(silent[:, None], np.nan, numerator / np.where(silent, 1.0, denominator)[:, None])


def _correlation(one: Array, other: Array) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    x, y = one[known], other[known]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
