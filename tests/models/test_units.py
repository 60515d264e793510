"""Where the units of torchvision's networks are, against what their code says; shapes only, nothing is computed."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn

from probecore.models.functions import name_functions
from probecore.models.tracing import Call, trace
from probecore.torchvision_import import import_torchvision

SHAPE = (3, 64, 64)

OF_SWIN = {384: 2, 768: 2, 1536: 6, 3072: 2}
OF_GELU: dict[str, dict[int, int]] = {
    "convnext_tiny": {384: 3, 768: 3, 1536: 9, 3072: 3},
    "swin_t": OF_SWIN,
    "swin_v2_t": OF_SWIN,
    "vit_b_32": {3072: 12},
}
"""How many activations have so many units: four times the width of each block."""

OF_SUMS = {
    "convnext_tiny": {96: 3, 192: 3, 384: 9, 768: 3},
    "swin_t": {96: 4, 192: 4, 384: 12, 768: 4},
    "swin_v2_t": {96: 4, 192: 4, 384: 12, 768: 4},
    "vit_b_32": {768: 24},
}


def calls_of(name: str) -> list[Call]:
    options: dict[str, Any] = {"image_size": 64} if name.startswith("vit") else {}
    models = import_torchvision().models
    with torch.device("meta"):
        model = models.get_model(name, weights=None, num_classes=7, **options)
        inputs = torch.zeros(2, *SHAPE)
        name_functions(model, inputs)
        return trace(model, inputs)


def units_of(module: nn.Module) -> int | None:
    if isinstance(module, nn.Conv2d):
        return module.out_channels
    if isinstance(module, nn.Linear):
        return module.out_features
    if isinstance(module, nn.LayerNorm):
        return int(module.normalized_shape[-1])
    return module.embed_dim if isinstance(module, nn.MultiheadAttention) else None


@pytest.mark.parametrize("name", OF_GELU)
def test_units_of_torchvision_s_networks_with_channels_last(name: str) -> None:
    calls = calls_of(name)
    for call in calls:
        expected = units_of(call.module)
        assert expected in (None, call.units), call
        if type(call.module).__name__ == "LayerNorm2d":
            assert call.axis == 0 and len(call.shape) == 3
    assert Counter(call.units for call in calls if isinstance(call.module, nn.GELU)) == OF_GELU[name]
    assert Counter(call.units for call in calls if "add#" in call.layer and call.is_tensor) == OF_SUMS[name]
