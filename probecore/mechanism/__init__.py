"""The step `mechanism`: what each filter says (Tzach et al. 2023, arXiv 2305.18078)."""

from typing import TYPE_CHECKING

from probecore.lazy import exports

if TYPE_CHECKING:
    from probecore.mechanism.backbone import block_outputs
    from probecore.mechanism.clusters import FilterStatistics, filter_statistics, find_clusters
    from probecore.mechanism.fields import class_mean_maps, clip_fields, single_filter_fields
    from probecore.mechanism.head import Head
    from probecore.mechanism.heads import train_heads
    from probecore.mechanism.layer import LayerStatistics, layer_statistics
    from probecore.mechanism.pruning import Chain, connection_masks, shrink
    from probecore.mechanism.worth import silencing_losses

_HOMES = {
    "Chain": "pruning",
    "FilterStatistics": "clusters",
    "Head": "head",
    "LayerStatistics": "layer",
    "block_outputs": "backbone",
    "class_mean_maps": "fields",
    "clip_fields": "fields",
    "connection_masks": "pruning",
    "filter_statistics": "clusters",
    "find_clusters": "clusters",
    "layer_statistics": "layer",
    "shrink": "pruning",
    "silencing_losses": "worth",
    "single_filter_fields": "fields",
    "train_heads": "heads",
}

__all__ = [
    "Chain",
    "FilterStatistics",
    "Head",
    "LayerStatistics",
    "block_outputs",
    "class_mean_maps",
    "clip_fields",
    "connection_masks",
    "filter_statistics",
    "find_clusters",
    "layer_statistics",
    "shrink",
    "silencing_losses",
    "single_filter_fields",
    "train_heads",
]

__getattr__ = exports(__name__, _HOMES)
