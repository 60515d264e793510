"""Networks cut at a block: what the block gives, and what follows as a function of that."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from probecore.models.intervention import output_changed
from probecore.models.kinds import units_first
from probecore.models.layers import Block
from probecore.models.tracing import listening

Rest = Callable[[Tensor, Tensor], Tensor]
"""From a block's output (M, F, ...) for some of the inputs, and their places (M,), to the network's output (M, K)."""


def block_outputs(model: nn.Module, blocks: Sequence[Block], inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Output (N, F, ...) of each block, by the name of its layer, and the network's own output (N, K)."""
    kept: dict[tuple[str, int], Tensor] = {}

    def keep(name: str, index: int, _inputs: Any, output: Any) -> None:
        kept[name, index] = output.clone()  # what follows may work in place

    with torch.no_grad(), listening(model, {block.output for block in blocks}, keep):
        logits = model(inputs)
    outputs = {block.layer: (kept[block.output, block.output_call + 1], block.axis) for block in blocks}
    return {layer: units_first(output, axis) for layer, (output, axis) in outputs.items()}, logits


def rest_after(model: nn.Module, block: Block, inputs: Tensor) -> Rest:
    """What follows a block, for the inputs (N, ...): of a plain chain its other layers, else the whole network."""
    if (tail := chain_after(model, block)) is not None:
        following = tail
        return lambda maps, _chosen: following(maps.movedim(1, block.axis + 1))

    def whole(maps: Tensor, chosen: Tensor) -> Tensor:
        call = f"{block.output}#{block.output_call + 1}"
        with output_changed(model, call, lambda _: maps.movedim(1, block.axis + 1)):
            logits: Tensor = model(inputs[chosen])
        return logits

    return whole


def chain_after(model: nn.Module, block: Block) -> nn.Sequential | None:
    """The layers that follow a block of a plain chain; None where the network is none."""
    names = list(dict(model.named_children()))
    if not isinstance(model, nn.Sequential) or block.output not in names:
        return None
    after = model[names.index(block.output) + 1 :]
    assert isinstance(after, nn.Sequential)
    return after
