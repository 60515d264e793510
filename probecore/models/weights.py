"""Reading weights from elsewhere into a network. Nothing is ever unpickled."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models.layers import first_line
from probecore.schema import did_you_mean

_COUNTER = "num_batches_tracked"
"""Counts training batches; weights of before torch 0.4.1 lack it and evaluation ignores it."""

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under which of its keys training code keeps the state dict, beside an optimiser's and others."""

_PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and `torch.compile` put before each key."""


def load_weights(model: nn.Module, path: Path) -> None:
    """Copy the weights in `path` into `model`, all or none.

    Parameters
    ----------
    model
        Changed in place.
    path
        A ``.safetensors`` file, or a state dict that ``torch.load(weights_only=True)`` reads, also one in a dict under
        `state_dict`, `model_state_dict` or `model`. Prefixes of DataParallel and `torch.compile` are taken off.

    Raises
    ------
    InputError
        If the file is missing, damaged or no such file, or naming the first key that does not fit or is not finite.
    """
    model.load_state_dict(read_weights(model, path), strict=False)


def read_weights(model: nn.Module, path: Path) -> dict[str, Tensor]:
    """The weights in `path` under the names that they have in `model`, which may be an outline without memory.

    Raises
    ------
    InputError
        As `load_weights`.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    weights = _read_safetensors(path) if path.suffix == ".safetensors" else _read_state_dict(path)
    wanted = model.state_dict()
    weights = _renamed(weights, wanted, path)
    _check_fit(wanted, weights, path)
    _check_values(wanted, weights, path)
    return weights


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({first_line(error)})") from None


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    _check_sums(path)
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path}: not a state dict of tensors alone ({type(error).__name__}); save `model.state_dict()`, "
            "best as safetensors"
        ) from None
    if isinstance(content, dict):
        content = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise InputError(f"{path}: holds more than a state dict of tensors; save `model.state_dict()` alone")
    if odd := [key for key, value in content.items() if value.layout != torch.strided or value.device.type != "cpu"]:
        raise InputError(f"{path}: {odd[0]} is no plain tensor with values; save it dense")
    return content


def _check_sums(path: Path) -> None:
    """`torch.save` writes a zip file with a checksum for each tensor, which `torch.load` does not read."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as file:
                damaged = file.testzip()
        else:
            damaged = None
    except Exception as error:
        raise InputError(f"{path}: the file is damaged ({first_line(error)}); copy it again") from None
    if damaged is not None:
        raise InputError(f"{path}: the file is damaged ({damaged} has another checksum); copy it again")


def _renamed(weights: dict[str, Tensor], wanted: dict[str, Any], path: Path) -> dict[str, Tensor]:
    renamed = {_without_prefixes(key, wanted): value for key, value in weights.items()}
    if len(renamed) < len(weights):
        raise InputError(f"{path}: holds a key with and without a prefix; save the weights of one network")
    return renamed


def _without_prefixes(key: str, wanted: dict[str, Any]) -> str:
    while key not in wanted and key.startswith(_PREFIXES):
        key = key.partition(".")[2]
    return key if key in wanted else key.replace("_orig_mod.", "")


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


def _check_values(wanted: dict[str, Any], weights: dict[str, Tensor], path: Path) -> None:
    for key, value in weights.items():
        if wanted[key].is_floating_point():
            if not value.is_floating_point():
                kind = str(value.dtype).removeprefix("torch.")
                raise InputError(
                    f"{path}: {key} is {kind}, the network needs floats; save the weights it computes with"
                )
            if not value.to(wanted[key].dtype).isfinite().all():
                raise InputError(f"{path}: {key} holds NaN or infinite values; are these weights of a failed training?")
