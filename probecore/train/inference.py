"""Trained networks and their inputs, for whoever measures them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from probecore.dataset import Dataset
from probecore.determinism import numpy_generator
from probecore.errors import InputError, reading
from probecore.models import build_model
from probecore.models.contract import plain_weights
from probecore.networks import condition_of
from probecore.train.batches import Scaling
from probecore.train.checkpoints import NetworkInfo, describe, load_checkpoint
from probecore.train.evaluation import CHUNK, at_once


def chunks(
    inputs: np.ndarray, targets: np.ndarray, *, scale: Scaling, device: torch.device, size: int = CHUNK
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Scaled inputs (B, ...) and targets (B,) in order, at most `size` at a time, see `at_once`."""
    size = at_once(inputs.shape[1:], size)
    for start in range(0, len(inputs), size):
        part = slice(start, start + size)
        yield (
            scale(torch.from_numpy(inputs[part]).to(device)),
            torch.from_numpy(targets[part]).to(device),
        )


def load_network(path: Path, epoch: int, *, device: torch.device | str = "cpu") -> torch.nn.Module:
    """The network of a checkpoint file at one epoch, in evaluation mode.

    Raises
    ------
    InputError
        If the file is missing or damaged, has no such epoch, or its weights do not fit the network that it names.
    """
    info = describe(path)
    with reading(path, "its weights do not fit the network that it names", "delete it and run again"):
        model = build_model(info.model, input_shape=tuple(info.input_shape), outputs=info.outputs)
        model.load_state_dict(load_checkpoint(path, epoch))
    return plain_weights(model.to(device).eval())


def learned_targets(dataset: Dataset, *, experiment: str, network: str) -> np.ndarray:
    """Targets (N,) of the training split that a network is trained on: permuted where its condition is `shuffled`."""
    targets = dataset.train.targets
    if condition_of(network) != "shuffled":
        return targets
    return numpy_generator(experiment, network, "train", "labels").permutation(targets)


def check_data(path: Path, info: NetworkInfo, dataset: Dataset) -> None:
    """Raise `InputError` if the network of the checkpoint file `path` was trained on other data."""
    if info.data != dataset.sha256:
        raise InputError(f"{path}: trained on other data than {dataset.name} now holds; run the step `train` again")
