"""Arrays that a user brings, checked. One policy: uint8 is scaled as the network wants it, floats are as they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probecore.dataset import Split
from probecore.errors import InputError
from probecore.train.params import Normalise

Array = NDArray[Any] | Tensor
NORMALISE = "normalise={'mean': …, 'std': …}, on [0, 1]"
LARGEST = 20.0
"""Above this, floats without a negative one look like pixels from 0 to 255."""


def as_split(images: Array, labels: Array | None, *, classes: int | None, name: str = "images") -> Split:
    """Images (N, C, H, W), uint8 or float32, with labels, int64 (N,); without labels the targets are 0.

    Raises
    ------
    InputError
        If dtypes, shapes, counts, labels or values are not so, or float images look like uint8 ones.
    """
    inputs = _checked_images(_numpy(images), name)
    if labels is None:
        return Split(inputs, np.zeros(len(inputs), np.float32))
    targets = _numpy(labels)
    if targets.shape != (len(inputs),) or targets.dtype.kind not in "iu":
        raise InputError(f"{name}: labels are {targets.dtype} {targets.shape}; give {len(inputs)} whole numbers")
    if classes is not None and not 0 <= targets.min() <= targets.max() < classes:
        raise InputError(
            f"{name}: labels are {targets.min()} to {targets.max()}, the network has {classes} outputs; "
            f"wanted: 0 to {classes - 1}"
        )
    return Split(inputs, targets.astype(np.int64))


def scaling_of(network: nn.Module, images: NDArray[Any], normalise: Normalise | Mapping[str, Any] | None) -> Normalise:
    """How `images` become the network's input: as said, or as the checkpoint said that it was opened from.

    Raises
    ------
    InputError
        If uint8 images come without a scaling, or float images with one or where they look unscaled.
    """
    said = normalise if normalise is None or isinstance(normalise, Normalise) else _read(normalise)
    known = getattr(network, "normalise", None)
    wanted = said or (known if isinstance(known, Normalise) else None)
    if images.dtype == np.uint8:
        if wanted is None:
            raise InputError(f"images: uint8, and nothing says how this network wants them scaled; give {NORMALISE}")
        return wanted
    if said is not None:
        raise InputError("normalise: float images are taken as they are; leave it out, or give uint8 images")
    if wanted is not None and images.min() >= 0 and images.max() <= 1 and np.any(np.asarray(wanted.mean) > 0):
        raise InputError("images: floats on [0, 1], which this network was not trained on; give uint8, or scale them")
    return wanted or Normalise()


def _read(normalise: Mapping[str, Any]) -> Normalise:
    return Normalise.read(dict(normalise), where="normalise")


def _numpy(array: Array) -> NDArray[Any]:
    return array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)


def _checked_images(images: NDArray[Any], name: str) -> NDArray[Any]:
    if images.ndim != 4 or 0 in images.shape:
        raise InputError(f"{name}: shape {images.shape}; give (n_images, n_channels, height, width), not empty")
    if images.shape[3] <= 4 < min(images.shape[1:3]):
        raise InputError(f"{name}: shape {images.shape} looks like channels last; move them: np.moveaxis({name}, 3, 1)")
    if images.dtype == np.uint8:
        if images.max() <= 1:
            raise InputError(f"{name}: uint8, but none above 1, which looks scaled; give uint8 up to 255, or floats")
        return np.ascontiguousarray(images)
    if images.dtype.kind != "f":
        raise InputError(f"{name}: {images.dtype}; give uint8 from 0 to 255, or floats as the network takes them")
    if not np.isfinite(images).all():
        raise InputError(f"{name}: hold NaN or infinity; remove or replace those images")
    if images.min() >= 0 and images.max() > LARGEST:
        raise InputError(
            f"{name}: floats from {images.min():.3g} to {images.max():.3g} look like unscaled pixels; give uint8 with "
            f"{NORMALISE} (mean 0 and std 1/255 where the network takes them so)"
        )
    return np.ascontiguousarray(images, dtype=np.float32)


def outputs_of(model: nn.Module, inputs: Tensor) -> int:
    """How many outputs K the network has.

    Raises
    ------
    InputError
        If it fails on two of the scaled images, or gives anything but one tensor (N, K).
    """
    try:
        with torch.inference_mode():
            output = model(inputs.clone())
    except Exception as error:
        shape = tuple(inputs.shape[1:])
        raise InputError(f"network: fails on images of shape {shape}: {str(error).splitlines()[:1]}") from error
    if not isinstance(output, Tensor) or output.ndim != 2:
        raise InputError("network: gives something else than one tensor (n_images, n_outputs); wrap it")
    return output.shape[1]
