"""The weights of convolutions' filters as pictures small enough for the page: a byte per weight."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open

from probecore.activations.layout import epoch_name
from probecore.report.content import File

MOST_WEIGHTS = 256
"""Of a filter; of one with more, the mean over its input channels is shown."""

LARGEST_BYTE = 127


def kernels_of(networks: Mapping[str, File], rows: pd.DataFrame) -> dict[str, Any]:
    """By network, epoch and layer: ``shape`` (channels, height, width), ``mean``: whether over input channels,
    ``scale``: the largest absolute weight per filter, and ``bytes``: weights over scale, -127 to 127.
    """
    found: dict[str, Any] = {}
    for network, of_network in rows.groupby("network", sort=False):
        with safe_open(networks[str(network)].place, "numpy") as file:
            names = set(file.keys())
            for epoch, layer in of_network[["epoch", "layer"]].drop_duplicates().itertuples(index=False):
                name = f"{epoch_name(epoch)}/{layer}.weight"
                if name in names and len(file.get_slice(name).get_shape()) == 4:
                    found[f"{network}/{epoch}/{layer}"] = _small(file.get_tensor(name))
    return found


def _small(weights: NDArray[Any]) -> dict[str, Any]:
    """Quantise weights (F, C, H, W)."""
    shown = weights.astype(np.float64)
    mean = shown[0].size > MOST_WEIGHTS
    if mean:
        shown = shown.mean(axis=1, keepdims=True)
    scale = np.abs(shown).max(axis=(1, 2, 3))
    steps = np.rint(LARGEST_BYTE * shown / np.where(scale > 0, scale, 1)[:, None, None, None]).astype(np.int8)
    return {
        "shape": list(shown.shape[1:]),
        "mean": mean,
        "scale": [float(f"{each:.4g}") for each in scale],
        "bytes": steps.tobytes(),
    }
