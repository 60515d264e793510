"""The frozen network: which of its blocks are probed, and what they give."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from probecore.models import Block, blocks
from probecore.models.kinds import units_first
from probecore.models.selection import choose_layers
from probecore.models.tracing import listening


def choose_blocks(model: nn.Module, input_shape: tuple[int, ...], patterns: Sequence[str]) -> list[Block]:
    """The blocks whose layer a name or shell pattern chooses, in the order they run; never the last, the output.

    Raises
    ------
    InputError
        If a pattern chooses nothing.
    """
    inner = blocks(model, input_shape)[:-1]
    names = [block.layer for block in inner]
    chosen = choose_layers(names, patterns, where="mechanism.layers")
    return [block for block in inner if block.layer in chosen]


def block_outputs(model: nn.Module, blocks: Sequence[Block], inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Output (N, F, ...) of each block, by the name of its layer, and the network's own output (N, K)."""
    kept: dict[tuple[str, int], Tensor] = {}

    def keep(name: str, index: int, _inputs: Any, output: Any) -> None:
        kept[name, index] = output.clone()  # what follows may work in place

    with torch.no_grad(), listening(model, {block.output for block in blocks}, keep):
        logits = model(inputs)
    outputs = {block.layer: (kept[block.output, block.output_call + 1], block.axis) for block in blocks}
    return {layer: units_first(output, axis) for layer, (output, axis) in outputs.items()}, logits


def block_shapes(model: nn.Module, blocks: Sequence[Block], input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shape (F, ...) of each block's output for one image."""
    example = next(model.parameters())
    inputs = torch.zeros((1, *input_shape), dtype=example.dtype, device=example.device)
    return {name: tuple(maps.shape[1:]) for name, maps in block_outputs(model, blocks, inputs)[0].items()}
