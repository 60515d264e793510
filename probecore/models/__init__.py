"""Networks: those of the papers, torchvision's, timm's, and anyone's own.

Nothing here trains or stores. What needs torch is imported when it is first used, because the
workflow's parser reads `probecore.models.params`.
"""

from typing import TYPE_CHECKING

from probecore.lazy import attach

if TYPE_CHECKING:
    from probecore.models.ablation import Outcomes as Outcomes, ablate as ablate
    from probecore.models.build import build_model as build_model, model_layer_names as model_layer_names
    from probecore.models.layers import Block as Block, Layer as Layer, blocks as blocks, list_layers as list_layers
    from probecore.models.weights import load_weights as load_weights
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "ablation": ["Outcomes", "ablate"],
            "build": ["build_model", "model_layer_names"],
            "layers": ["Block", "Layer", "blocks", "list_layers"],
            "weights": ["load_weights"],
        },
    )
