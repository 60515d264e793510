"""Training batches from a data set that stays in memory as it is stored.

Images are padded once as uint8; a whole run of batches is cut out, mirrored and scaled in a few
tensor operations, so that the loop costs little beside the network. No worker processes.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch

from probecore.errors import InputError
from probecore.train.params import Augmentation, Normalise

BYTES_AT_ONCE = 16 << 20
"""Size of the float32 images prepared in one go; larger leaves the cache, smaller costs calls."""


class Batches:
    """Shuffled, augmented batches of a training split.

    Parameters
    ----------
    inputs : uint8 array of shape (N, C, H, W), float32 array of the same that is scaled already, or of shape (N, D)
    targets : array of shape (N,)
    normalise : scaling of uint8 images; features are used as they are
    augmentation : random changes; images only
    batch : images per batch; a smaller rest is left out
    device : where the data live and the batches appear

    Raises
    ------
    InputError
        If there are fewer than `batch` examples, or augmentation is asked for features, or a shift for images that
        are scaled already, whose fill nobody knows.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        *,
        normalise: Normalise,
        augmentation: Augmentation,
        batch: int,
        device: torch.device,
    ) -> None:
        if len(inputs) < batch:
            raise InputError(f"train.batch: {batch} is more than the {len(inputs)} training examples; lower it")
        if inputs.ndim != 4 and (augmentation.shift or augmentation.flip):
            raise InputError("train.augmentation: shift and flip need images; remove them for features")
        if inputs.dtype != np.uint8 and augmentation.shift:
            raise InputError("augmentation.shift: is of uint8 images, not of floats; give uint8, or no augmentation")
        self.targets = torch.from_numpy(targets).to(device)
        self.scale = Scaling(normalise, inputs.shape[1:], device)
        self.augmentation = augmentation
        self.batch = batch
        self.shape = inputs.shape[1:]
        source = torch.from_numpy(inputs).to(device)
        self.source = _shifted_windows(source, augmentation) if inputs.ndim == 4 else source

    def __len__(self) -> int:
        return len(self.targets) // self.batch

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All batches of one epoch: inputs (B, ...) float32, images channels-last, and targets (B,)."""
        device = self.targets.device
        order = torch.randperm(len(self.targets), generator=generator)[: len(self) * self.batch]
        batches_at_once = max(1, BYTES_AT_ONCE // (4 * math.prod(self.shape) * self.batch))
        for part in order.split(batches_at_once * self.batch):
            inputs = self.scale(self._draw(part, generator))
            yield from zip(inputs.split(self.batch), self.targets[part.to(device)].split(self.batch), strict=True)

    def _draw(self, chosen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if len(self.shape) != 3:
            return self.source[chosen]
        n, shifts = len(chosen), 2 * self.augmentation.shift + 1
        down, right = torch.randint(shifts, (2, n), generator=generator)
        drawn = self.source[chosen, down, right]
        if self.augmentation.flip:
            mirrored = torch.randint(2, (n,), generator=generator).bool()[:, None, None, None]
            drawn = torch.where(mirrored.to(drawn.device), drawn.flip(2), drawn)
        return drawn.permute(0, 3, 1, 2)


def _shifted_windows(images: torch.Tensor, augmentation: Augmentation) -> torch.Tensor:
    """A view of shape (N, shifts, shifts, H, W, C) into the padded images (N, C, H, W)."""
    shift, fill = augmentation.shift, round(255 * augmentation.fill)
    padded = torch.nn.functional.pad(images, (shift, shift, shift, shift), value=fill)
    windows = padded.permute(0, 2, 3, 1).contiguous().unfold(1, images.shape[2], 1).unfold(2, images.shape[3], 1)
    return windows.permute(0, 1, 2, 4, 5, 3)


class Scaling:
    """uint8 images (B, C, H, W) to network inputs, (x - 255 mean) / (255 std); features unchanged.

    With mean 0.5 the result is exactly symmetric: reversing an image (255 - x) negates every bit
    of it, which (x / 255 - 0.5) would not.

    Raises
    ------
    InputError
        If mean or std has one value per channel, and the images another number of channels.
    """

    def __init__(self, normalise: Normalise, shape: tuple[int, ...], device: torch.device) -> None:
        self.centre = _per_channel(normalise.mean, shape, "mean", device)
        self.width = _per_channel(normalise.std, shape, "std", device)

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Scale a batch that lies on the device."""
        if inputs.dtype != torch.uint8:
            return inputs
        return inputs.float().sub_(self.centre).div_(self.width)


def _per_channel(value: float | list[float], shape: tuple[int, ...], name: str, device: torch.device) -> torch.Tensor:
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, shape[0]):
        raise InputError(f"train.normalise.{name}: {len(values)} values for {shape[0]} channels; give one each")
    return 255 * torch.tensor(values, dtype=torch.float64).to(device, torch.float32)[:, None, None]
