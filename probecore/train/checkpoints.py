"""Checkpoints of one network: one safetensors file, keys ``epoch-020/conv1.weight``.

The file describes its network, so that it can be built and fed without a study's parameters.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from probecore.errors import InputError, reading
from probecore.files import replacing
from probecore.models.params import ModelParams
from probecore.models.trust import check_known
from probecore.schema import Section
from probecore.train.params import Normalise

State = dict[str, torch.Tensor]


class NetworkInfo(Section):
    """What a checkpoint file says about its network."""

    experiment: str
    network: str
    model: ModelParams
    normalise: Normalise
    input_shape: list[int]
    outputs: int
    data: str
    """SHA-256 of the training data's arrays."""


def epoch_name(epoch: int) -> str:
    """``epoch-020`` for 20."""
    return f"epoch-{epoch:03d}"


def save_checkpoints(path: Path, info: NetworkInfo, states: Mapping[int, State]) -> None:
    """Write the states of a network by epoch; equal tensors give equal bytes."""
    tensors = {
        f"{epoch_name(epoch)}/{name}": tensor
        for epoch, state in states.items()
        for name, tensor in detached(state).items()
    }
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={"network": info.model_dump_json()})


def detached(state: State) -> State:
    """Copies on the CPU, in plain order and without shared memory, as safetensors wants them."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def describe(path: Path) -> NetworkInfo:
    """What the file says about its network.

    Raises
    ------
    InputError
        If the file cannot be read, or names code that the study in the working directory does not.
    """
    with _open(path) as file:
        text = (file.metadata() or {}).get("network")
    if text is None:
        raise InputError(f"{path}: no checkpoints of probecore; foreign weights go into `train.given.weights`")
    info = NetworkInfo.parse(text, where=str(path))
    check_known(info.model, where=path)
    return info


def epochs_in(path: Path) -> list[int]:
    """Epochs of the checkpoints in a file, ascending; raises `InputError` for an unreadable file."""
    with _open(path) as file:
        return sorted({int(key.partition("/")[0].removeprefix("epoch-")) for key in file.keys()})  # noqa: SIM118


def load_checkpoint(path: Path, epoch: int) -> State:
    """The state dict of a network at `epoch`.

    Raises
    ------
    InputError
        If the file is missing or damaged, or has no such epoch.
    """
    prefix = epoch_name(epoch) + "/"
    with _open(path) as file:
        keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
        if not keys:
            known = ", ".join(str(number) for number in epochs_in(path))
            raise InputError(f"{path}: no checkpoint of epoch {epoch} (it has {known})")
        return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    if not path.exists():
        raise InputError(f"{path}: no such file; run the step `train` first")
    if not path.is_file():
        raise InputError(f"{path}: no regular file; delete it and run again")
    with (
        reading(path, "not a readable checkpoint file", "delete it and run again"),
        safe_open(path, framework="pt") as file,
    ):
        yield file
