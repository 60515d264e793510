"""Reading weights from elsewhere into a network. Nothing is ever unpickled."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models.layers import first_line
from probecore.schema import did_you_mean

_COUNTER = "num_batches_tracked"
"""Counts training batches; weights of before torch 0.4.1 lack it and evaluation ignores it."""


def load_weights(model: nn.Module, path: Path) -> None:
    """Copy the weights in `path` into `model`, all or none.

    Parameters
    ----------
    model
        Changed in place.
    path
        A ``.safetensors`` file, or a state dict that ``torch.load(weights_only=True)`` reads.

    Raises
    ------
    InputError
        If the file is missing or no such file, or naming the first key that does not fit.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    weights = _read_safetensors(path) if path.suffix == ".safetensors" else _read_state_dict(path)
    _check_fit(model.state_dict(), weights, path)
    model.load_state_dict(weights, strict=False)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({first_line(error)})") from None


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path}: not a state dict of tensors alone ({type(error).__name__}); save `model.state_dict()`, "
            "best as safetensors"
        ) from None
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: holds more than a state dict of tensors; save `model.state_dict()` alone")
    return content


def _check_fit(wanted: dict[str, Any], weights: dict[str, Tensor], path: Path) -> None:
    for key, value in wanted.items():
        if key in weights:
            have, want = tuple(weights[key].shape), tuple(value.shape)
            if have != want:
                raise InputError(f"{path}: {key} has shape {have}, the network needs {want}; check model and classes")
        elif not key.endswith(_COUNTER):
            raise InputError(f"{path}: {key} is missing; are these the weights of another network?")
    for key in weights:
        if key not in wanted:
            raise InputError(f"{path}: {key} is not in the network{did_you_mean(key, wanted)}")
