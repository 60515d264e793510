"""Conv layers and pools: which inputs their outputs see, and ways that are quick on small maps."""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

Place = TypeVar("Place", int, npt.NDArray[np.int64])
"""Of an input or output along one axis; or places of many points."""


class Kernel(NamedTuple):
    """Which inputs an output sees, along one axis."""

    wide: int
    """From the first of them to the last."""
    stride: int
    padding: int

    def reached(self, first: Place, end: Place) -> tuple[Place, Place]:
        """The first output that sees inputs from `first` to before `end`, and the one after the last.

        As if there were outputs beyond the map as well.
        """
        return -((self.wide - self.padding - first) // self.stride), (end - 1 + self.padding) // self.stride + 1

    def seen(self, first: Place, count: int) -> tuple[Place, int]:
        """Where the inputs start that `count` outputs from `first` on see, padding included, and how many they are."""
        return first * self.stride - self.padding, (count - 1) * self.stride + self.wide + 1


def kernels(module: nn.Module | None) -> tuple[Kernel, Kernel] | None:
    """Of a conv layer or a pool, for rows and columns; None for other modules, and for rarer kinds of these."""
    if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
        wides = [step * (size - 1) for step, size in zip(pair(module.dilation), pair(module.kernel_size), strict=True)]
        if isinstance(module.padding, str):
            paddings = [wide // 2 if module.padding == "same" else 0 for wide in wides]
        else:
            paddings = list(pair(module.padding))
    elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d) and is_plain(module):
        wides, paddings = [size - 1 for size in pair(module.kernel_size)], list(pair(module.padding))
    else:
        return None
    rows, columns = map(Kernel, wides, pair(module.stride), paddings)
    return rows, columns


def pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a size that torch lets one write as one number."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def is_plain(pool: nn.MaxPool2d | nn.AvgPool2d) -> bool:
    """Whether it pools stretches without gaps, as many as fit, with padding like any other input."""
    if isinstance(pool, nn.AvgPool2d):
        counts_all = pool.count_include_pad or pair(pool.padding) == (0, 0)
        return counts_all and not pool.ceil_mode and pool.divisor_override is None
    return not (pool.ceil_mode or pool.return_indices) and pool.dilation in (1, (1, 1))


def is_tiling(pool: nn.MaxPool2d) -> bool:
    """Whether windows touch and do not overlap, without padding."""
    return pair(pool.kernel_size) == pair(pool.stride) and pair(pool.padding) == (0, 0)


def max_pool(values: Tensor, pool: nn.MaxPool2d, *, padded: bool = False) -> Tensor:
    """What `pool` gives; 2×2 windows by maxima of slices, which is many times as fast on small maps."""
    if not (is_tiling(pool) and pair(pool.kernel_size) == (2, 2)):
        return functional.max_pool2d(values, pool.kernel_size, pool.stride, 0 if padded else pool.padding)
    height, width = values.shape[2] // 2 * 2, values.shape[3] // 2 * 2
    rows = torch.maximum(values[:, :, 0:height:2], values[:, :, 1:height:2])
    return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


class Dense(nn.Module):
    """A conv layer on maps of one shape (C, H, W) as one matrix, which is less work where its kernel exceeds them."""

    def __init__(self, conv: nn.Conv2d, shape: torch.Size) -> None:
        super().__init__()
        channels, height, width = shape
        units = torch.eye(shape.numel()).to(conv.weight).view(-1, height, width, channels).permute(0, 3, 1, 2)
        maps = conv._conv_forward(units, conv.weight, None).permute(0, 2, 3, 1)
        self._shape = maps.shape[1:]
        self._matrix = maps.flatten(1).detach()
        self._bias = (maps.new_zeros(maps.shape[3]) if conv.bias is None else conv.bias.detach()).repeat(
            maps[0, ..., 0].numel()
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to maps with channels last in memory."""
        rows = maps.permute(0, 2, 3, 1).flatten(1)
        return torch.addmm(self._bias, rows, self._matrix).view(-1, *self._shape).permute(0, 3, 1, 2)
