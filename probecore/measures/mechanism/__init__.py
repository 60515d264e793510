"""The step `mechanism`: what each filter says (Tzach et al. 2023, arXiv 2305.18078)."""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.measures.mechanism.clusters import (
        FilterStatistics as FilterStatistics,
        filter_statistics as filter_statistics,
        find_clusters as find_clusters,
    )
    from probecore.measures.mechanism.fields import (
        class_mean_maps as class_mean_maps,
        clip_fields as clip_fields,
        single_filter_fields as single_filter_fields,
    )
    from probecore.measures.mechanism.head import Head as Head
    from probecore.measures.mechanism.heads import train_heads as train_heads
    from probecore.measures.mechanism.layer import (
        LayerStatistics as LayerStatistics,
        layer_statistics as layer_statistics,
    )
    from probecore.measures.mechanism.pruning import (
        Chain as Chain,
        connection_masks as connection_masks,
        shrink as shrink,
    )
    from probecore.models.suffix import block_outputs as block_outputs
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "backbone": ["block_outputs"],
            "clusters": ["FilterStatistics", "filter_statistics", "find_clusters"],
            "fields": ["class_mean_maps", "clip_fields", "single_filter_fields"],
            "head": ["Head"],
            "heads": ["train_heads"],
            "layer": ["LayerStatistics", "layer_statistics"],
            "pruning": ["Chain", "connection_masks", "shrink"],
        },
    )
