"""Networks: those of the papers, torchvision's, timm's, and anyone's own.

Nothing here trains or stores. What needs torch is imported when it is first used, because the
workflow's parser reads `probecore.models.params`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probecore.models.build import build_model, model_layer_names
    from probecore.models.layers import Block, Layer, blocks, list_layers
    from probecore.models.weights import load_weights

__all__ = ["Block", "Layer", "blocks", "build_model", "list_layers", "load_weights", "model_layer_names"]

_HOME = {
    "Block": "layers",
    "Layer": "layers",
    "blocks": "layers",
    "build_model": "build",
    "list_layers": "layers",
    "load_weights": "weights",
    "model_layer_names": "build",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
