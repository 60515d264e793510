"""A small network with what makes dumps go wrong, and a dump of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probecore.activations import create_activations, create_epoch, dump_activations


class Small(nn.Module):
    """One ReLU in place and one pool, used twice each; Flatten and Dropout pass values on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(3, 4, 3)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(4, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        return self.head(self.pool(self.relu(self.conv2(x))))


@pytest.fixture
def network() -> Small:
    torch.manual_seed(0)
    return Small()


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 5, 50)


def normalise(inputs: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(inputs).float() - 127.5) / 255


@pytest.fixture
def dump(tmp_path: Path, network: Small, images: np.ndarray, labels: np.ndarray) -> Callable[..., Path]:
    """Write an activations file of epoch 20 and the split test; keywords go to `dump_activations`."""

    def write(model: nn.Module = network, *, name: str = "dump.h5", **options: Any) -> Path:
        options = {"inputs": images, "targets": labels, "classes": 5, "normalise": normalise, "batch": 16} | options
        path = tmp_path / name
        with create_activations(path, model="small", data_sha256="d" * 64) as file:
            group = create_epoch(file, 20, checkpoint_sha256="c" * 64).create_group("test")
            dump_activations(model, group=group, **options)
        return path

    return write
