"""Features of image sets: the last map of a network, as Alsaghir et al. take them, and images that are nothing.

From the authors' public code (Entropy 24, 2022, 132); nothing of it is copied.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from probecore.dataset.sampling import LUMA
from probecore.models import blocks
from probecore.models.tracing import evaluating, listening
from probecore.train.evaluation import at_once

Images = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

BATCH = 200


def shuffled_pixels(images: Images, generator: np.random.Generator) -> Images:
    """Deal the pixels of each image (N, C, H, W) anew, all channels of a pixel together: no image is left in it."""
    flat = images.reshape(*images.shape[:2], -1)
    order = generator.permuted(np.tile(np.arange(flat.shape[2]), (len(flat), 1)), axis=1)
    return np.take_along_axis(flat, order[:, None], axis=2).reshape(images.shape)


def noise_like(images: Images, generator: np.random.Generator) -> Images:
    """Draw every value of images (N, C, H, W) on its own from the histogram of all of theirs."""
    counts = np.bincount(images.reshape(-1), minlength=256)
    return generator.choice(256, images.shape, p=counts / counts.sum()).astype(np.uint8)


def entry_kernel(channels: int, generator: np.random.Generator) -> Array:
    """Draw the 1×1 convolution from one channel to `channels`, uniform as Keras does (Glorot), some weight positive.

    Behind the ReLU that follows, a kernel without a positive weight leaves nothing of any image.
    """
    limit = np.sqrt(6 / (1 + channels))
    while True:
        kernel = generator.uniform(-limit, limit, channels)
        if (kernel > 0).any():
            return kernel


def grey_entry(images: Images, kernel: Array) -> Tensor:
    """Bring images to a network's channels as the authors do: grey, then a convolution that nobody trained.

    Parameters
    ----------
    images : uint8 (N, C, H, W)
    kernel : (C,), see `entry_kernel`; a ReLU follows

    Returns
    -------
    Tensor
        float32 (N, C, H, W), the network's input.
    """
    grey = (np.einsum("nchw,c->nhw", images, LUMA) if images.shape[1] == 3 else images.mean(axis=1)) / 255
    return torch.from_numpy(np.maximum(grey[:, None] * kernel[:, None, None], 0)).float()


def last_map(model: nn.Module, input_shape: tuple[int, ...]) -> str | None:
    """Name the module that gives a network's last map: the end of the block of its last convolution; None: it has none.

    Examples
    --------
    >>> last_map(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)), (1, 8, 8))
    '1'
    """
    convolutions = [
        block for block in blocks(model, input_shape) if isinstance(model.get_submodule(block.layer), nn.Conv2d)
    ]
    return convolutions[-1].output if convolutions else None


@torch.inference_mode()
def mean_features(model: nn.Module, layer: str, inputs: Tensor, scale: Callable[[Tensor], Tensor] | None) -> Array:
    """Mean over images of what a layer gives, flattened, shape (C H W,).

    Parameters
    ----------
    model : network; it is run in evaluation mode
    layer : a module's name; its last call within a forward pass counts
    inputs : images (N, C, H, W)
    scale : makes the network's input of them; None: they are it
    """
    heard: dict[str, Tensor] = {}

    def receive(_name: str, _index: int, _inputs: tuple[Any, ...], output: Tensor) -> None:
        heard[layer] = output

    total: Tensor | None = None
    with evaluating(model), listening(model, [layer], receive):
        for part in inputs.split(at_once(inputs.shape[1:], BATCH)):
            model(part if scale is None else scale(part))
            found = heard[layer].flatten(1).double().sum(0)
            total = found if total is None else total + found
    assert total is not None
    return np.asarray((total / len(inputs)).cpu().numpy())
