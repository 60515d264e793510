"""How many of a network's filters may go: those ranked lowest at 0 together, more and more, until it costs too much.

Filters of several layers go in turn, so that of each layer about the same fraction is gone. Nothing is retrained.
"""

import contextlib
import copy
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils.prune import custom_from_mask

from probecore.errors import InputError
from probecore.files import replacing, write_table
from probecore.models import Block
from probecore.models.ablation import Outcomes, join, outcomes
from probecore.models.intervention import ablated
from probecore.statistics import bootstrap_counts, mean_estimates

Images: TypeAlias = Sequence[tuple[Tensor, Tensor]]
Filters: TypeAlias = Sequence[tuple[str, int]]
"""Layers and filters, in the order in which they go."""

STEPS = 50
"""Numbers of removed filters at most of which the loss is measured."""

REPLICATES = 999

CLOSE = 1e-4
"""What outputs with masks may differ by from those with filters at 0, as a fraction of the largest."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which filters may go, and what was measured.

    Attributes
    ----------
    by
        What ranked the filters.
    curve
        A row for each filter in the order of going: ``removed``, how many have gone with it; ``layer_index``,
        ``layer``, ``filter`` and ``value``; whether it is ``pruned``. Then of each set of images ``…_loss``, by how
        much the mean loss rises with all of them gone, ``…_low`` and ``…_high`` of its 95 % interval over images, none
        where few images carry it, and ``…_accuracy``, by how much accuracy falls. Numbers are missing between the steps
        at which they were measured.
    masks
        By name of a parameter, as ``conv1.weight``: a bool tensor of its shape, False where it belongs to a pruned
        filter; for `torch.nn.utils.prune.custom_from_mask`.
    notes
        What else is to be known of the plan, in lines.
    """

    by: str
    curve: pd.DataFrame
    masks: Mapping[str, Tensor]
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        """Write ``plan.csv`` and ``masks.safetensors``."""
        folder.mkdir(parents=True, exist_ok=True)
        write_table(folder / "plan.csv", self.curve, sort_by=["removed"])
        with replacing(folder / "masks.safetensors") as path:
            path.write_bytes(save(dict(self.masks)))


def plan_pruning(
    model: nn.Module,
    blocks: Sequence[Block],
    ranking: pd.DataFrame,
    images: Mapping[str, Images],
    *,
    most_loss: float,
    generator: np.random.Generator,
) -> Plan:
    """Remove the filters ranked lowest as long as the loss rises by no more than is allowed.

    Layers in which masks of weights do something else than filters set to 0 are left out. Numbers of filters are tried
    from few to many; the last is taken before the first at which the mean loss on any of the sets of images has an
    upper end above `most_loss`, or no interval and a value above it, or no value. Tests in a fixed order
    need no correction (Learn then Test, arXiv 2110.01052): with images that have no part in the ranking, the loss rises
    by more in at most 1 of 40 plans, as far as the interval holds.

    Parameters
    ----------
    model : network in evaluation mode
    blocks : whose filters may go
    ranking : see `rank_filters`; filters without a value stay
    images : scaled images and labels in chunks, by the name that they have in the curve
    most_loss : by how much the mean loss may rise, in nats

    Raises
    ------
    InputError
        If `most_loss` is no finite number, no filter has a value, or masks of weights can take no filter out.
    """
    if not math.isfinite(most_loss):
        raise InputError(f"loss: {most_loss} is no finite number")
    by, inputs = str(ranking["by"].iloc[0]), next(iter(images.values()))[0][0]
    known = removal_order(ranking[ranking["layer"].isin([block.layer for block in blocks])])
    left_out = _not_to_mask(model, blocks, known, inputs)
    order = removal_order(known[~known["layer"].isin(left_out)])
    if order.empty:
        raise InputError(f"{_reason(left_out)}; choose other layers" if left_out else f"{by}: no value in these layers")
    filters = list(zip(order["layer"], order["filter"], strict=True))
    steps = np.unique(np.linspace(1, len(filters), min(STEPS, len(filters))).round().astype(int))
    allowed = np.ones(len(steps), dtype=bool)
    for name, part in images.items():
        measured = _increases(model, blocks, [filters[:count] for count in steps], part, generator)
        allowed &= (measured["high"].fillna(measured["loss"]) <= most_loss).to_numpy()
        order.loc[steps - 1, [f"{name}_{column}" for column in measured]] = measured.to_numpy()
    count = max(steps[np.logical_and.accumulate(allowed)], default=0)
    order.insert(5, "pruned", order["removed"] <= count)
    if not _masks_do(model, blocks, filters[:count], inputs):
        raise InputError(f"{_reason({layer for layer, _ in filters[:count]})}; choose other layers")
    notes = [f"left out: {_reason(left_out)}"] if left_out else []
    return Plan(by=by, curve=order, masks=masks_of(model, blocks, filters[:count]), notes=notes)


def removal_order(ranking: pd.DataFrame) -> pd.DataFrame:
    """Order the filters that have a value, the lowest first, layers in turn."""
    known = ranking[ranking["value"].notna()]
    ranks = known.groupby("layer")["value"].rank(method="first")
    turn = ranks / known.groupby("layer")["value"].transform("size")
    order = known.assign(turn=turn).sort_values(["turn", "layer_index"], ignore_index=True)
    return order.assign(removed=np.arange(1, len(order) + 1))[["removed", "layer_index", "layer", "filter", "value"]]


@contextlib.contextmanager
def without(model: nn.Module, blocks: Sequence[Block], filters: Filters) -> Iterator[None]:
    """Put 0 in place of what some filters of blocks give, as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        for block in blocks:
            if own := [filter_ for layer, filter_ in filters if layer == block.layer]:
                call = f"{block.output}#{block.output_call + 1}"
                stack.enter_context(ablated(model, call, own, axis=block.axis))
        yield


@torch.inference_mode()
def _increases(
    model: nn.Module, blocks: Sequence[Block], sets: Sequence[Filters], images: Images, generator: np.random.Generator
) -> pd.DataFrame:
    """What losing each set of filters costs: ``loss`` with ``low`` and ``high``, and ``accuracy``."""

    def run() -> Outcomes:
        return join([outcomes(model(inputs.clone()), labels) for inputs, labels in images], axis=0)

    intact, found = run(), []
    for filters in sets:
        with without(model, blocks, filters):
            found.append(run())
    rises = np.stack([each.loss - intact.loss for each in found], axis=1)
    losses = mean_estimates(rises, bootstrap_counts(len(rises), REPLICATES, generator))
    falls = [float(intact.correct.mean() - each.correct.mean()) for each in found]
    return pd.DataFrame(
        {
            "loss": [each.value for each in losses],
            "low": [each.low for each in losses],
            "high": [each.high for each in losses],
            "accuracy": falls,
        }
    ).astype(float)


def masks_of(model: nn.Module, blocks: Sequence[Block], filters: Filters) -> dict[str, Tensor]:
    """Mask the weights and biases of filters, and of the norm behind them, so that their output is 0."""
    masks = {}
    for block in blocks:
        own = [filter_ for layer, filter_ in filters if layer == block.layer]
        transposed = getattr(model.get_submodule(block.layer), "transposed", False)
        for name in filter(None, (block.layer, block.norm) if own else ()):
            for parameter, values in model.get_submodule(name).named_parameters(recurse=False):
                masks[f"{name}.{parameter}"] = mask = torch.ones(values.shape, dtype=torch.bool)
                mask.movedim(1 if values.ndim > 1 and transposed else 0, 0)[own] = False
    return masks


def _not_to_mask(model: nn.Module, blocks: Sequence[Block], known: pd.DataFrame, inputs: Tensor) -> list[str]:
    """Layers in which masks of every second filter do something else than these filters set to 0.

    Not of all: a norm over a layer's filters gives the same with all of them at 0.
    """
    ranked = {str(layer): list(own) for layer, own in known.groupby("layer")["filter"]}
    return [
        block.layer
        for block in blocks
        if block.layer in ranked
        and not _masks_do(model, blocks, [(block.layer, filter_) for filter_ in ranked[block.layer][::2]], inputs)
    ]


@torch.inference_mode()
def _masks_do(model: nn.Module, blocks: Sequence[Block], filters: Filters, inputs: Tensor) -> bool:
    """Whether the network gives the same with its parameters masked and with the filters set to 0."""
    if any(_is_transposed_in_groups(model.get_submodule(layer)) for layer, _ in filters):
        return False
    try:
        masks = masks_of(model, blocks, filters)
    except IndexError:  # what follows the layer has more units than the layer has filters
        return False
    masked = copy.deepcopy(model)
    for name, mask in masks.items():
        module, _, parameter = name.rpartition(".")
        custom_from_mask(masked.get_submodule(module), parameter, mask.to(inputs.device))
    found: Tensor = masked(inputs.clone())
    with without(model, blocks, filters):
        expected: Tensor = model(inputs.clone())
    return bool((found - expected).abs().max() <= CLOSE * expected.abs().max())


def _is_transposed_in_groups(module: nn.Module) -> bool:
    return bool(getattr(module, "transposed", False)) and getattr(module, "groups", 1) > 1


def _reason(layers: Collection[str]) -> str:
    return (
        f"{', '.join(sorted(layers))}: a norm over several filters, a sum, a layer that runs more than once or "
        "the like, so that masks cannot take the filter out"
    )
