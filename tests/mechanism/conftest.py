"""A small trained network: LeNet-5 after a few steps on real digits."""

import numpy as np
import pytest
import torch
from torch import nn

from probecore.dataset.embedded import mnist5k
from probecore.models import build_model
from probecore.models.params import ModelParams

Digits = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def digits() -> Digits:
    """1,000 images and labels."""
    split = mnist5k().train
    return split.inputs[:1000], split.targets[:1000]


@pytest.fixture(scope="session")
def lenet(digits: Digits) -> nn.Sequential:
    torch.manual_seed(0)
    model = build_model(ModelParams(name="lenet5"), input_shape=(1, 28, 28), outputs=10)
    assert isinstance(model, nn.Sequential)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    images, labels = scaled(digits[0]), torch.from_numpy(digits[1])
    for part in torch.randperm(1000).repeat(4).split(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images[part]), labels[part]).backward()
        optimiser.step()
    return model.eval()


def scaled(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).float().sub_(127.5).div_(255)
