"""What the filters of one layer say together: averages, signal and noise. Functions of statistics and masks alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from probecore.measures.mechanism.clusters import FilterStatistics

Array = npt.NDArray[np.float64]

AUTHORS = (
    "clusters",
    "clusters_all",
    "cluster_size",
    "labels",
    "labels_all",
    "noise",
    "noise_all",
    "column_noise",
    "column_noise_all",
)
"""Fields of `LayerStatistics` that the authors' code computes too; all others are ours."""


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """Averages over the filters of a layer, each of the shape of the masks without their last three axes.

    Names with ``_all`` are means over all filters, the others over filters in at least one cluster (NaN if none is).
    """

    clusters: Array
    clusters_all: Array
    cluster_size: Array
    """C_s, mean over the clusters of all filters together."""
    labels: Array
    labels_all: Array
    noise: Array
    noise_all: Array
    column_noise: Array
    column_noise_all: Array
    row_noise: Array
    row_noise_all: Array
    other_noise: Array
    """noise - column_noise: ones in columns of labels outside all clusters."""
    other_noise_all: Array
    clusterless: Array
    """Share of filters in no cluster."""
    dead: Array
    """Share of filters without any 1."""
    signal: Array
    """Mean over labels of the number of filters with a 1 on their diagonal."""
    background: Array
    """Mean over pairs of different labels of the number of filters with a 1 there."""
    snr: Array
    """signal / background."""
    column_snr: Array
    """The same with the noise of `column_noise` alone."""
    z_snr: Array
    """(signal - background) / standard deviation over pairs of different labels."""
    row_winners: Array
    """Share of labels for which the diagonal is the largest element of the summed masks' row; ties count in part."""


def layer_statistics(statistics: FilterStatistics, masks: npt.NDArray[np.bool_]) -> LayerStatistics:
    """Averages over the filters of a layer.

    Parameters
    ----------
    statistics : those of `masks`
    masks : shape (..., F, K, K)

    Notes
    -----
    No formula for the signal-to-noise ratio could be read in the papers; ours counts filters. It satisfies
    ``snr = (K - 1) labels_all / (block_ones_all - labels_all + noise_all)`` exactly.
    """
    classes = masks.shape[-1]
    clustered = statistics.clusters > 0
    other = statistics.noise - statistics.column_noise
    counts = masks.sum(axis=-3)
    diagonal = np.eye(classes, dtype=bool)
    signal = counts[..., diagonal].mean(axis=-1)
    pairs = counts[..., ~diagonal]
    background = pairs.mean(axis=-1)
    inside = statistics.block_ones - statistics.labels + statistics.column_noise
    column_background = inside.sum(axis=-1) / (classes * (classes - 1))
    sizes = statistics.sizes.sum(axis=-2)
    largest = counts == counts.max(axis=-1, keepdims=True)
    return LayerStatistics(
        clusters=_mean(statistics.clusters, clustered),
        clusters_all=_mean(statistics.clusters),
        cluster_size=_ratio((sizes * np.arange(classes + 1)).sum(axis=-1), sizes.sum(axis=-1)),
        labels=_mean(statistics.labels, clustered),
        labels_all=_mean(statistics.labels),
        noise=_mean(statistics.noise, clustered),
        noise_all=_mean(statistics.noise),
        column_noise=_mean(statistics.column_noise, clustered),
        column_noise_all=_mean(statistics.column_noise),
        row_noise=_mean(statistics.row_noise, clustered),
        row_noise_all=_mean(statistics.row_noise),
        other_noise=_mean(other, clustered),
        other_noise_all=_mean(other),
        clusterless=_mean(~clustered),
        dead=_mean(statistics.ones == 0),
        signal=signal,
        background=background,
        snr=_ratio(signal, background),
        column_snr=_ratio(signal, column_background),
        z_snr=_ratio(signal - background, pairs.std(axis=-1)),
        row_winners=(largest[..., diagonal] / largest.sum(axis=-1)).mean(axis=-1),
    )


def _mean(values: npt.NDArray[np.generic], chosen: npt.NDArray[np.bool_] | None = None) -> Array:
    if chosen is None:
        return np.asarray(values.mean(axis=-1, dtype=np.float64))
    return _ratio((values * chosen).sum(axis=-1), chosen.sum(axis=-1))


def _ratio(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Array:
    """Infinite where only `below` is 0, NaN where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(above, below, dtype=np.float64))
