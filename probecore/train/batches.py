"""Training batches from a data set that stays in memory as it is stored.

Images are padded once as uint8; a whole run of batches is cut out, mirrored and scaled in a few
tensor operations, so that the loop costs little beside the network. No worker processes.
"""

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
    inputs : uint8 array of shape (N, C, H, W), or float32 array of shape (N, D)
    targets : array of shape (N,)
    normalise : scaling of uint8 images; features are used as they are
    augmentation : random changes; images only
    batch : images per batch; a smaller rest is left out
    device : where the data live and the batches appear

    Raises
    ------
    InputError
        If there are fewer than `batch` examples, or augmentation is asked for features.
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
        self.targets = torch.from_numpy(targets).to(device)
        self.scale = Scaling(normalise, inputs.shape[1:], device)
        self.augmentation = augmentation
        self.batch = batch
        self.windows = self._padded_windows(torch.from_numpy(inputs).to(device))

    def __len__(self) -> int:
        return len(self.targets) // self.batch

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All batches of one epoch: inputs (B, ...) float32 and targets (B,)."""
        device = self.targets.device
        order = torch.randperm(len(self.targets), generator=generator)[: len(self) * self.batch]
        values_per_image = self.windows.shape[1] * self.windows.shape[-2] * self.windows.shape[-1]
        batches_at_once = max(1, BYTES_AT_ONCE // (4 * values_per_image * self.batch))
        for part in order.split(batches_at_once * self.batch):
            inputs = self.scale(self._draw(part, generator))
            yield from zip(inputs.split(self.batch), self.targets[part.to(device)].split(self.batch), strict=True)

    def _padded_windows(self, inputs: torch.Tensor) -> torch.Tensor:
        """A view of shape (N, C, shifts, shifts, H, W) into the padded images."""
        if inputs.ndim != 4:
            return inputs[:, :, None, None, None, None]
        shift = self.augmentation.shift
        fill = round(255 * self.augmentation.fill)
        padded = torch.nn.functional.pad(inputs, (shift, shift, shift, shift), value=fill)
        return padded.unfold(2, inputs.shape[2], 1).unfold(3, inputs.shape[3], 1)

    def _draw(self, chosen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n, shifts = len(chosen), 2 * self.augmentation.shift + 1
        if self.augmentation.shift:
            down, right = torch.randint(shifts, (2, n), generator=generator)
            drawn = self.windows[chosen, :, down, right]
        else:
            drawn = self.windows[chosen, :, 0, 0]
        if self.augmentation.flip:
            mirrored = torch.randint(2, (n,), generator=generator).bool()
            drawn = torch.where(mirrored[:, None, None, None], drawn.flip(-1), drawn)
        return drawn if self.windows.shape[-1] > 1 else drawn.flatten(1)


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
