"""What a filter is worth to its network: how much worse the network does with the filter ablated.

Ablated is a filter whose channel of the block's output is 0. No weight changes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from probecore.models import Block
from probecore.models.suffix import block_outputs, rest_after
from probecore.train.evaluation import correct


@torch.inference_mode()
def ablation_losses(
    model: nn.Module, block: Block, images: Sequence[tuple[Tensor, Tensor]]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Losses and hits of the network as it is, and with each filter of a block ablated.

    Where the network is a plain chain, the block's output is computed once, and only what follows it runs again,
    for the images whose map changes. Other networks run whole.

    Parameters
    ----------
    model : network in evaluation mode
    block : one of its blocks, with F filters
    images : scaled images and labels, in chunks

    Returns
    -------
    (losses (N,), hits (N,)), (losses (F, N), hits (F, N))
        Cross-entropy and whether the largest output is right; first intact, then ablated.
    """
    intact, ablated = [], []
    for inputs, labels in images:
        maps = block_outputs(model, [block], inputs)[0][block.layer]
        rest = rest_after(model, block, inputs)
        logits = rest(maps, torch.arange(len(labels), device=labels.device))
        loss, hit = _judge(logits, labels)
        losses, hits = loss.repeat(maps.shape[1], 1), hit.repeat(maps.shape[1], 1)
        for filter_ in range(maps.shape[1]):
            changed = maps[:, filter_].reshape(len(maps), -1).any(1).nonzero()[:, 0]
            if len(changed):
                silent = maps[changed]
                silent[:, filter_] = 0
                losses[filter_, changed], hits[filter_, changed] = _judge(rest(silent, changed), labels[changed])
        intact.append((loss, hit))
        ablated.append((losses, hits))
    return (
        (torch.cat([loss for loss, _ in intact]), torch.cat([hit for _, hit in intact])),
        (torch.cat([loss for loss, _ in ablated], 1), torch.cat([hit for _, hit in ablated], 1)),
    )


def _judge(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return cross_entropy(logits, labels, reduction="none"), correct(logits, labels)
