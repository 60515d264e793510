"""The frozen network: which of its blocks are probed, and the shapes of what they give."""

from collections.abc import Sequence

import torch
from torch import nn

from probecore.models import Block, blocks
from probecore.models.selection import choose_layers
from probecore.models.suffix import block_outputs


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


def block_shapes(model: nn.Module, blocks: Sequence[Block], input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shape (F, ...) of each block's output for one image."""
    example = next(model.parameters())
    inputs = torch.zeros((1, *input_shape), dtype=example.dtype, device=example.device)
    return {name: tuple(maps.shape[1:]) for name, maps in block_outputs(model, blocks, inputs)[0].items()}
