"""A linear head on a block of a frozen network, and what single filters give through it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from probecore.measures.mechanism.fields import single_filter_fields


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head ``weight @ (maps - centre)``: affine in the maps of its block, with a bias that is split by filter.

    A filter without variation gives 0 on every image, and a head's output is the sum of what its filters give.

    Attributes
    ----------
    weight
        Shape (K, D), D = F H W, channel-major; the division by the block's scale is folded in.
    centre
        Mean maps over the training images, shape (F, ...); 0 for heads on raw features.
    """

    weight: Tensor
    centre: Tensor

    @property
    def classes(self) -> int:
        """Number of outputs K."""
        return len(self.weight)

    def __call__(self, maps: Tensor) -> Tensor:
        """Outputs (N, K) for maps (N, F, ...)."""
        return (maps - self.centre).flatten(1) @ self.weight.T

    def image_fields(self, maps: Tensor) -> Tensor:
        """Fields of every filter alone for single images, (N, F, K), from maps (N, F, ...)."""
        n, filters = maps.shape[:2]
        taps = self.weight.reshape(self.classes, filters, -1).permute(1, 2, 0)
        by_filter = (maps - self.centre).reshape(n, filters, -1).transpose(0, 1)
        return torch.bmm(by_filter, taps).transpose(0, 1)

    def matrices(self, class_mean_maps: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Matrices (F, K, K) of all filters from class-mean maps (K, F, ...): `single_filter_fields`, float32."""
        centred = class_mean_maps - self.centre.cpu().numpy()
        return single_filter_fields(self.weight.cpu().numpy(), centred.astype(np.float32)).astype(np.float32)


ROWS = 256
"""Images whose features are held in double precision at once."""


class Moments:
    """Mean over images of the features of a block, and their scale, from parts of the images."""

    def __init__(self) -> None:
        self._total, self._squares, self._n = torch.zeros(()).double(), 0.0, 0

    def add(self, features: Tensor) -> None:
        """Take in features (N, D) of some images."""
        for part in features.split(ROWS):
            values = part.double()
            self._total = self._total.to(values.device) + values.sum(0)
            self._squares += float((values**2).sum())
            self._n += len(values)

    def centre_and_scale(self) -> tuple[Tensor, float]:
        """Mean (D,), and the root mean square of what remains, one number: 1 where no feature varies."""
        mean = self._total / self._n
        square = self._squares / (self._n * len(mean))
        variance = square - float((mean**2).mean())
        return mean.float(), variance**0.5 if variance > 1e-12 * square else 1.0
