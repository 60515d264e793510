"""Checkpoint files: what goes in comes out, the same bytes each time, and damage is named."""

from pathlib import Path

import pytest
import torch

from probecore.errors import InputError
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.train import describe, epochs_in, load_checkpoint, load_network
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise, TrainParams

INFO = NetworkInfo(
    experiment="e",
    network="trained-0",
    model=ModelParams(name="lenet5"),
    normalise=Normalise(),
    input_shape=[1, 28, 28],
    outputs=10,
    data="0" * 64,
)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    torch.manual_seed(0)
    model = build_model(INFO.model, input_shape=(1, 28, 28), outputs=10).to(memory_format=torch.channels_last)
    path = tmp_path / "trained-0.safetensors"
    save_checkpoints(path, INFO, {0: model.state_dict(), 20: model.state_dict()})
    return path, model


def test_round_trip(saved: tuple[Path, torch.nn.Module]) -> None:
    path, model = saved
    assert epochs_in(path) == [0, 20]
    assert describe(path) == INFO
    loaded = load_network(path, 20)
    images = torch.rand(3, 1, 28, 28)
    assert not loaded.training
    with torch.inference_mode():
        assert torch.allclose(loaded(images), model.eval()(images), atol=1e-6)
    assert all(torch.equal(load_checkpoint(path, 0)[name], value) for name, value in model.state_dict().items())


def test_equal_tensors_give_equal_bytes(saved: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, model = saved
    reversed_states = {20: dict(reversed(model.state_dict().items())), 0: model.state_dict()}
    save_checkpoints(tmp_path / "again.safetensors", INFO, reversed_states)
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_errors_name_file_and_remedy(saved: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, _ = saved
    with pytest.raises(InputError, match=r"trained-0.safetensors: no checkpoint of epoch 7 \(it has 0, 20\)"):
        load_checkpoint(path, 7)
    with pytest.raises(InputError, match="nowhere.safetensors: no such file; run the step `train` first"):
        epochs_in(tmp_path / "nowhere.safetensors")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="not a readable checkpoint file"):
        describe(path)


def test_networks_and_recipes_of_an_experiment() -> None:
    params = TrainParams.read(
        {"model": "lenet5", "seeds": [0, 3], "epochs": 30, "shuffled": {"epochs": 2, "checkpoints": [1]}}
    )
    assert params.networks == ["trained-0", "trained-3", "twin-0", "twin-3", "shuffled-0", "shuffled-3"]
    assert params.recipe("trained-3").checkpoint_epochs == [0, 1, 2, 5, 10, 20, 30]
    assert params.recipe("shuffled-0").checkpoint_epochs == [0, 1, 2]
    assert params.recipe("shuffled-0").batch == params.batch
