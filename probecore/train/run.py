"""The job of one network: a data set in, checkpoints by epoch and a history table out."""

import hashlib
import math
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from probecore.dataset import Dataset, load_dataset
from probecore.determinism import Numerics, seed_of, torch_device, torch_generator
from probecore.errors import InputError
from probecore.files import write_table
from probecore.inputs import determinants
from probecore.progress import say, track
from probecore.train.batches import Batches, Scaling
from probecore.train.checkpoints import NetworkInfo, State, save_checkpoints
from probecore.train.inference import chunks, learned_targets
from probecore.train.initial import initial_model
from probecore.train.loop import evaluate, make_optimiser, train_epoch
from probecore.train.params import Recipe, TrainParams
from probecore.train.resume import Resume, optimiser_tensors, restore_optimiser

STEP = "train"


def run_network(
    *,
    experiment: str,
    network: str,
    data: Path,
    params: TrainParams,
    numerics: Numerics,
    checkpoints: Path,
    history: Path,
) -> None:
    """Train one network of an experiment and write its checkpoints and its history.

    Raises
    ------
    InputError
        If data and parameters do not fit each other, or a file cannot be read.
    """
    device = torch_device(numerics)
    dataset = load_dataset(data)
    check_fit(dataset, params)
    recipe = params.recipe(network)
    model = initial_model(dataset, params, experiment=experiment, network=network)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = {
        "experiment": experiment,
        "network": network,
        "model": params.model.model_dump(mode="json"),
        "normalise": params.normalise.model_dump(mode="json"),
        "recipe": recipe.model_dump(mode="json"),
        "numerics": numerics.model_dump(mode="json"),
        "read": determinants("probecore.train.run", parameters="", files=[data], own=params.model.file is not None),
        "weights": _digest(model),
    }
    rows, states = _train(
        model, dataset, params, recipe, key=(experiment, network), device=device, resume=Resume(inputs)
    )
    info = NetworkInfo(
        experiment=experiment,
        network=network,
        model=params.model,
        normalise=params.normalise,
        input_shape=list(dataset.input_shape),
        outputs=dataset.outputs,
        data=dataset.sha256,
    )
    save_checkpoints(checkpoints, info, states)
    table = pd.DataFrame(rows)
    table.insert(0, "experiment", experiment)
    table.insert(1, "network", network)
    write_table(history, table, sort_by=["epoch"])


def check_fit(dataset: Dataset, params: TrainParams) -> None:
    """Raise `InputError` if the loss, normalisation or model cannot work on this data set."""
    if dataset.classes is None and params.loss != "squared_error":
        raise InputError(f"train.loss: {dataset.name} has real-valued targets; write `loss: squared_error`")


def _train(
    model: torch.nn.Module,
    dataset: Dataset,
    params: TrainParams,
    recipe: Recipe,
    *,
    key: tuple[str, str],
    device: torch.device,
    resume: Resume,
) -> tuple[list[dict[str, Any]], dict[int, State]]:
    targets = learned_targets(dataset, experiment=key[0], network=key[1])
    scale = Scaling(params.normalise, dataset.input_shape, device)

    def evaluated(split: str) -> dict[str, float]:
        examples = getattr(dataset, split)
        labels = targets if split == "train" else examples.targets
        parts = chunks(examples.inputs, labels, scale=scale, device=device)
        loss, accuracy = evaluate(model, parts, loss=recipe.loss)
        return {f"{split}_loss": loss, f"{split}_accuracy": accuracy}

    optimiser = make_optimiser(model.parameters(), recipe)
    saved = resume.load(recipe.checkpoint_epochs)
    if saved is None:
        rows: list[dict[str, Any]] = [
            {"epoch": 0, "running_loss": math.nan, "running_accuracy": math.nan}
            | evaluated("train")
            | evaluated("test")
        ]
        resume.save_checkpoint(0, model.state_dict())
    else:
        rows, current = saved
        model.load_state_dict({name[6:]: tensor for name, tensor in current.items() if name.startswith("model.")})
        restore_optimiser(optimiser, current)
        say(f"{'/'.join(key)}: going on after epoch {rows[-1]['epoch']}")
    if rows[-1]["epoch"] < recipe.epochs:
        batches = Batches(
            dataset.train.inputs,
            targets,
            normalise=params.normalise,
            augmentation=recipe.augmentation,
            batch=recipe.batch,
            device=device,
        )
    for epoch in track(range(rows[-1]["epoch"] + 1, recipe.epochs + 1), f"training {'/'.join(key)}, epochs"):
        torch.manual_seed(seed_of(*key, STEP, epoch, "dropout"))
        generator = torch_generator(*key, STEP, epoch)
        loss, accuracy = train_epoch(model, optimiser, batches, recipe=recipe, epoch=epoch, generator=generator)
        row = {"epoch": epoch, "running_loss": loss, "running_accuracy": accuracy, **evaluated("test")}
        if epoch in recipe.checkpoint_epochs:
            row |= evaluated("train")
            resume.save_checkpoint(epoch, model.state_dict())
        rows.append(row)
        current = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        resume.save(history=rows, current=current | optimiser_tensors(optimiser))
    return rows, {epoch: resume.load_checkpoint(epoch) for epoch in recipe.checkpoint_epochs}


def _digest(model: torch.nn.Module) -> str:
    """A fingerprint of the initial weights, which for given ones are part of the inputs."""
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
