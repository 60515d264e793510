"""Small networks of each way in which a block can be followed, and one-filter-at-a-time references."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from probecore.models import Block, blocks, build_model
from probecore.models.params import ModelParams
from probecore.models.suffix import block_outputs, rest_after

Images = list[tuple[Tensor, Tensor]]


def lenet() -> nn.Module:
    torch.manual_seed(0)
    return build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10).eval()


def small() -> nn.Module:
    """Six filters, for what needs thousands of passes."""
    torch.manual_seed(3)
    layers = (nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(16, 10))
    return nn.Sequential(*layers).eval()


def strided() -> nn.Module:
    """Norms, strides, dilations, dropout, and a convolution in groups, whose block cannot be split."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(4, 6, 3, stride=2, dilation=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 6, 3, groups=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 10),
    )
    model[1].get_parameter("weight").data = torch.tensor([0.5, -1.0, 1.5, 0.1])
    return model.eval()


class Residual(nn.Module):
    """A sum beside the second convolution, and one module called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 5, 3, padding=1), nn.Conv2d(5, 5, 3, padding=1)
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(5, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        first = self.relu(self.conv1(inputs))
        logits: Tensor = self.fc(self.relu(self.conv2(first) + first).mean((2, 3)))
        return logits


def residual() -> nn.Module:
    torch.manual_seed(2)
    return Residual().eval()


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], list[int]]] = {
    "lenet": (lenet, (1, 28, 28), [0, 1, 2, 3]),
    "small": (small, (1, 6, 6), []),
    "strided": (strided, (1, 28, 28), [0, 1, 2]),
    "residual": (residual, (1, 8, 8), [0, 1]),
}
"""Network, shape of an input, and which blocks are tried."""


def images_for(shape: tuple[int, ...], n: int = 12, seed: int = 0) -> Images:
    """Two chunks of labelled noise."""
    rng = np.random.default_rng(seed)
    inputs = torch.from_numpy(rng.normal(size=(n, *shape)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, n))
    half = n // 2 + 1
    return [(inputs[:half], labels[:half]), (inputs[half:], labels[half:])]


def block_of(model: nn.Module, shape: tuple[int, ...], place: int) -> Block:
    return blocks(model, shape)[place]


def replaced_one_by_one(model: nn.Module, block: Block, inputs: Tensor, replaced: Tensor) -> Tensor:
    """Outputs (F, N, K) of the network with each filter's map replaced by that of (N, F, ...), one run each."""
    maps = block_outputs(model, [block], inputs)[0][block.layer]
    rest, found = rest_after(model, block, inputs), []
    for filter_ in range(maps.shape[1]):
        changed = maps.clone()
        changed[:, filter_] = replaced[:, filter_]
        with torch.no_grad():
            found.append(rest(changed, torch.arange(len(inputs))))
    return torch.stack(found)
