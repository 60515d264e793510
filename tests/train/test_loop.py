"""The loop: rates, losses, optimisers and what they reach."""

import itertools
import math

import numpy as np
import pytest
import torch

from probecore.errors import ProbecoreError
from probecore.train.batches import Batches
from probecore.train.loop import evaluate, make_optimiser, rate_factor, train_epoch
from probecore.train.params import Augmentation, Normalise, Recipe, Schedule

CPU = torch.device("cpu")


def batches_of(inputs: np.ndarray, targets: np.ndarray, batch: int) -> Batches:
    return Batches(inputs, targets, normalise=Normalise(), augmentation=Augmentation(), batch=batch, device=CPU)


def factors(schedule: Schedule, epochs: int = 10, steps_per_epoch: int = 10) -> list[float]:
    steps = epochs * steps_per_epoch
    return [rate_factor(schedule, step=s, steps=steps, steps_per_epoch=steps_per_epoch) for s in range(steps)]


def test_schedules() -> None:
    assert set(factors(Schedule(kind="constant"))) == {1.0}
    cosine = factors(Schedule(kind="cosine"))
    assert cosine[0] == 1
    assert cosine[50] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in itertools.pairwise(cosine))
    cycle = factors(Schedule(kind="one_cycle", warm_up=0.3))
    assert cycle[0] == pytest.approx(0.04)
    assert max(cycle) == cycle[30] == 1
    assert cycle[-1] < 0.01
    steps = factors(Schedule(kind="step", gamma=0.5, every=3))
    assert [steps[10 * epoch] for epoch in range(10)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    listed = factors(Schedule(kind="step", gamma=0.5, after=[2, 7]))
    assert [listed[10 * epoch] for epoch in range(10)] == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("optimiser", ["sgd", "nesterov", "adam", "rmsprop"])
def test_every_optimiser_learns_a_linear_rule(optimiser: str) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(400, 5)).astype(np.float32)
    targets = (inputs @ np.array([1, -1, 2, 0, 0.5]) > 0).astype(np.int64)
    recipe = Recipe.read(
        {"epochs": 8, "batch": 20, "optimiser": optimiser, "learning_rate": 0.02, "schedule": "constant"}
    )
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 2)
    stepper = make_optimiser(model.parameters(), recipe)
    batches = batches_of(inputs, targets, 20)
    for epoch in range(1, 9):
        _, accuracy = train_epoch(
            model, stepper, batches, recipe=recipe, epoch=epoch, generator=torch.Generator().manual_seed(epoch)
        )
    assert accuracy > 0.95
    assert stepper.param_groups[0]["lr"] == 0.02


def test_one_step_of_sgd_is_the_gradient_of_the_loss() -> None:
    """Squared error of a linear layer, against the closed form with weight decay."""
    inputs = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    targets = np.random.default_rng(2).normal(size=8).astype(np.float32)
    recipe = Recipe.read(
        {
            "epochs": 1, "batch": 8, "optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.1,
            "weight_decay": 0.01, "schedule": "constant", "loss": "squared_error",
        }
    )  # fmt: skip
    model = torch.nn.Linear(3, 1, bias=False)
    before = model.weight.detach().numpy().astype(np.float64).copy()
    train_epoch(
        model, make_optimiser(model.parameters(), recipe), batches_of(inputs, targets, 8),
        recipe=recipe, epoch=1, generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    residual = inputs.astype(np.float64) @ before[0] - targets
    gradient = 2 * residual @ inputs / len(inputs) + 0.01 * before[0]
    assert model.weight.detach().numpy()[0] == pytest.approx(before[0] - 0.1 * gradient, abs=1e-6)


def test_evaluate_weights_chunks_by_their_size() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    labels = torch.tensor([0, 0, 0])
    model = torch.nn.Identity()
    loss, accuracy = evaluate(model, iter([(logits[:2], labels[:2]), (logits[2:], labels[2:])]), loss="cross_entropy")
    assert accuracy == pytest.approx(2 / 3)
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits.double(), labels).item(), abs=1e-6)
    _, none = evaluate(model, iter([(logits[:, :1], torch.zeros(3))]), loss="squared_error")
    assert math.isnan(none)


def test_a_loss_that_explodes_ends_the_training() -> None:
    inputs = np.full((8, 3), 1e20, np.float32)
    recipe = Recipe.read({"epochs": 1, "batch": 4, "loss": "squared_error", "learning_rate": 1e10})
    model = torch.nn.Linear(3, 1)
    with pytest.raises(ProbecoreError, match="not finite; lower train.learning_rate"):
        train_epoch(
            model, make_optimiser(model.parameters(), recipe), batches_of(inputs, np.zeros(8, np.float32), 4),
            recipe=recipe, epoch=1, generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
