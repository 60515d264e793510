"""The training loop: a network, batches and a recipe in; a trained network and its history out."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from probecore.errors import ProbecoreError
from probecore.train.batches import Batches
from probecore.train.evaluation import correct
from probecore.train.params import Loss, Recipe, Schedule


def train_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batches: Batches,
    *,
    recipe: Recipe,
    epoch: int,
    generator: torch.Generator,
) -> tuple[float, float]:
    """One pass over the training data; `epoch` counts from 1.

    Returns
    -------
    (float, float)
        Mean loss and accuracy of the batches as they were trained on; accuracy is NaN for regression.

    Raises
    ------
    ProbecoreError
        If the loss is no longer finite.
    """
    model.train()
    loss_of = LOSSES[recipe.loss]
    total = torch.zeros(2, dtype=torch.float64, device=batches.targets.device)
    first, steps = (epoch - 1) * len(batches), recipe.epochs * len(batches)
    for step, (inputs, targets) in enumerate(batches.epoch(generator), start=first):
        rate = recipe.learning_rate * rate_factor(recipe.schedule, step=step, steps=steps, steps_per_epoch=len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        outputs = model(inputs)
        loss = loss_of(outputs, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        total += torch.stack([loss.detach(), _hits(outputs.detach(), targets) / len(targets)])
    loss_mean, accuracy = (total / len(batches)).tolist()
    if not math.isfinite(loss_mean):
        raise ProbecoreError(f"epoch {epoch}: the training loss is not finite; lower train.learning_rate")
    return loss_mean, accuracy


@torch.inference_mode()
def evaluate(
    model: nn.Module, chunks: Iterator[tuple[torch.Tensor, torch.Tensor]], *, loss: Loss
) -> tuple[float, float]:
    """Mean loss and accuracy of a network over (inputs, targets) chunks; accuracy is NaN for regression."""
    model.eval()
    total, count = torch.zeros(2, dtype=torch.float64), 0
    for inputs, targets in chunks:
        outputs = model(inputs)
        sums = torch.stack([LOSSES[loss](outputs, targets) * len(targets), _hits(outputs, targets)])
        total, count = total + sums.double().cpu(), count + len(targets)
    loss_mean, accuracy = (total / count).tolist()
    return loss_mean, accuracy


def make_optimiser(parameters: Iterator[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over `parameters`; the learning rate is set at every step."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=rate, weight_decay=decay, momentum=recipe.momentum)
    return torch.optim.SGD(
        parameters,
        lr=rate,
        weight_decay=decay,
        momentum=recipe.momentum,
        nesterov=recipe.optimiser == "nesterov",
        fused=True,
    )


def rate_factor(schedule: Schedule, *, step: int, steps: int, steps_per_epoch: int) -> float:
    """Learning rate at `step` of `steps`, as a factor in (0, 1] of the highest.

    ``one_cycle`` rises along a half cosine from 1/25 to 1, then falls along one towards 0
    (Smith and Topin 2019, arXiv 1708.07120, in the cosine form common since).
    """
    if schedule.kind == "step":
        done = step // steps_per_epoch
        drops = done // schedule.every if schedule.after is None else sum(done >= epoch for epoch in schedule.after)
        return float(schedule.gamma**drops)
    if schedule.kind == "cosine":
        return _half_cosine(1.0, 0.0, step / steps)
    if schedule.kind == "one_cycle":
        rising = schedule.warm_up * steps
        if step < rising:
            return _half_cosine(0.04, 1.0, step / rising)
        return _half_cosine(1.0, 0.0, (step - rising) / (steps - rising))
    return 1.0


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _hits(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if targets.is_floating_point():
        return torch.full((), math.nan, device=outputs.device)
    return correct(outputs, targets).sum()


def _squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if not targets.is_floating_point():
        targets = nn.functional.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    return nn.functional.mse_loss(outputs, targets.reshape(outputs.shape))


LOSSES: dict[Loss, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cross_entropy": nn.functional.cross_entropy,
    "squared_error": _squared_error,
}
