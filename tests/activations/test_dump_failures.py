"""What dumps refuse, and what they leave behind when they fail."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from probecore.errors import InputError


class Failing(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.passes = network, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        if self.passes == 5:
            raise RuntimeError("out of luck")
        return self.network(x)


@pytest.mark.parametrize("fails", [False, True])
def test_model_is_left_as_it_was(dump: Callable[..., Path], network: nn.Module, tmp_path: Path, fails: bool) -> None:
    model = Failing(network) if fails else network
    model.train()
    network.conv2.eval()
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    if fails:
        with pytest.raises(RuntimeError, match="out of luck"):
            dump(model, layers=["*", "network.head"])
    else:
        dump(model)
    assert not any(module._forward_hooks for module in model.modules())
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert os.listdir(tmp_path) == ([] if fails else ["dump.h5"])


def test_hooks_go_when_a_sink_fails(dump: Callable[..., Path], network: nn.Module) -> None:
    with torch.no_grad():
        network.conv2.weight.mul_(1e7)
    with pytest.raises(InputError):
        dump(dtype="float16")
    assert not any(module._forward_hooks for module in network.modules())


class Moody(nn.Module):
    """Computes otherwise once it has seen a batch of 16."""

    def __init__(self, change: str) -> None:
        super().__init__()
        self.relu, self.fc, self.pool = nn.ReLU(), nn.Linear(64, 5), nn.AdaptiveMaxPool1d(5)
        self.change, self.passes = change, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += len(x) == 16
        changed = self.passes > 1
        x = x.flatten(1)
        if changed and self.change == "calls":
            x = self.relu(x)
        width = 3 if changed and self.change == "shape" else 5
        self.pool.output_size = width
        return self.fc(self.relu(x)) + self.pool(x).mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [("calls", "'relu' is called 2 times for the images from 16 on, but 1 times"), ("shape", "'pool' varies in shape")],
)
def test_networks_that_change_are_refused(dump: Callable[..., Path], change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dump(Moody(change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": np.zeros(49, np.int64)}, "50 inputs and 49 targets"),
        ({"inputs": np.zeros((0, 1, 8, 8), np.uint8), "targets": np.zeros(0, np.int64)}, "0 inputs"),
        ({"classes": 3}, "labels are 0 to 4; wanted: 0 to 2"),
        ({"layers": ["conv3"]}, "no layer 'conv3'; did you mean 'conv"),
        ({"classes": None, "store": ["maps"]}, r"the network's output is no tensor \(N, 1\)"),
    ],
)
def test_bad_input(dump: Callable[..., Path], tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        dump(**options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from torch import nn
from probecore.activations import create_activations, create_epoch, dump_activations

class Last(nn.Flatten):
    def forward(self, x):
        if x.shape[0] == 2 and x.any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)

with create_activations(Path(sys.argv[1]), model="small", data_sha256="d") as file:
    group = create_epoch(file, 0, checkpoint_sha256="c").create_group("test")
    images = np.zeros((50, 1, 8, 8), np.uint8)
    images[48:] = 1
    dump_activations(
        nn.Sequential(nn.Conv2d(1, 3, 3), Last(), nn.Linear(108, 5)), images, np.zeros(50, np.int64),
        group=group, classes=5, normalise=lambda inputs: torch.from_numpy(inputs).float(), batch=16,
    )
"""


def test_killed_dump_leaves_nothing_under_the_final_name(tmp_path: Path, dump: Callable[..., Path]) -> None:
    expected = dump().read_bytes()
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "killed.h5"], check=False)
    assert run.returncode == -signal.SIGKILL
    assert (tmp_path / ".killed.h5.partial").stat().st_size > 0
    assert not (tmp_path / "killed.h5").exists()
    assert dump(name="killed.h5").read_bytes() == expected
    assert not (tmp_path / ".killed.h5.partial").exists()
