"""Networks before training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from probecore.dataset import Dataset, Split
from probecore.errors import InputError
from probecore.train.initial import initial_model, reinitialise
from probecore.train.params import TrainParams

FACTORY = """
import torch
from torch import nn

def build(outputs):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, outputs))
    with torch.no_grad():
        model[1].weight.fill_(7)
    return model
"""


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/net.py").write_text(FACTORY)
    split = Split(np.zeros((6, 1, 4, 4), np.uint8), np.arange(6) % 3)
    return Dataset.from_splits("toy", train=split, test=split, classes="abc")


def weight(dataset: Dataset, network: str, given: dict[str, Any], experiment: str = "toy") -> torch.Tensor:
    params = TrainParams.read({"model": "own/net.py:build", "seeds": [], "given": given})
    model = initial_model(dataset, params, experiment=experiment, network=network)
    return model.get_parameter("1.weight").detach()


def test_a_factory_that_brings_weights_gets_random_ones_as_control(dataset: Dataset) -> None:
    given = {"weights": None, "control": "reinitialised"}
    assert (weight(dataset, "given", given) == 7).all()
    control = weight(dataset, "reinitialised-0", given)
    assert control.abs().max() <= 0.25
    assert torch.equal(control, weight(dataset, "reinitialised-0", given))
    assert not torch.equal(control, weight(dataset, "reinitialised-0", given, experiment="other"))


def test_weights_of_a_file_are_not_the_controls(dataset: Dataset) -> None:
    save_file({"1.weight": torch.full((3, 16), 5.0), "1.bias": torch.zeros(3)}, "own/w.safetensors")
    given = {"weights": "own/w.safetensors", "control": "reinitialised"}
    assert (weight(dataset, "given", given) == 5).all()
    assert weight(dataset, "reinitialised-0", given).abs().max() <= 0.25


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))


def test_all_weights_are_drawn_anew() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.PReLU(), nn.Flatten(), nn.Linear(3, 2), nn.MultiheadAttention(2, 1)
    )
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.fill_(7)
    reinitialise(model)
    assert not [name for name, tensor in model.state_dict().items() if (tensor == 7).any()]


def test_a_module_that_cannot_is_named() -> None:
    with pytest.raises(InputError, match=r"train.given.control: 1 \(Scaled\) has parameters and no reset_parameters"):
        reinitialise(nn.Sequential(nn.Linear(2, 2), Scaled()))
