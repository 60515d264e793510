"""What a filter is worth to a network that may learn again without it, for a moment."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.determinism import torch_generator
from probecore.measures.atlas.params import RetrainingParams
from probecore.measures.retraining import retrained
from probecore.models import Block
from probecore.models.ablation import outcomes
from probecore.models.intervention import ablated
from probecore.train.batches import Batches

Array: TypeAlias = npt.NDArray[np.float64]


def retrained_increases(
    model: nn.Module,
    block: Block,
    filters: Sequence[int],
    batches: Batches,
    images: Sequence[tuple[Tensor, Tensor]],
    *,
    params: RetrainingParams,
    key: tuple[str | int, ...],
) -> Array:
    """By how much the loss is higher after retraining without a filter than after the same retraining with all.

    Parameters
    ----------
    model : network in evaluation mode
    block : one of its blocks
    filters : F of its filters
    batches : what the retraining sees
    images : scaled images and labels that judge, N in all, in chunks
    key : of the order of the batches, which is the same for all filters

    Returns
    -------
    array of shape (2, F, N)
        Differences of the loss in nats on single images, after two independent retrainings.
    """
    call = f"{block.output}#{block.output_call + 1}"

    def losses(units: Sequence[int], draw: int) -> Array:
        again = retrained(
            model,
            call,
            units,
            batches,
            axis=block.axis,
            steps=params.steps,
            learning_rate=params.learning_rate,
            generator=torch_generator(*key, draw),
        )
        with torch.inference_mode(), ablated(again, call, units, axis=block.axis):
            return np.concatenate([outcomes(again(inputs), labels).loss for inputs, labels in images])

    return np.stack([np.stack([losses([unit], draw) for unit in filters]) - losses([], draw) for draw in range(2)])
