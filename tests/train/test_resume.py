"""A training that was stopped goes on to the bytes of one that was not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.train import run
from probecore.train.params import TrainParams
from probecore.train.resume import Resume, restore_optimiser

OPTIMISERS = ["sgd", "nesterov", "adam", "rmsprop"]
RECIPE: dict[str, Any] = {
    "model": "own/net.py:build",
    "epochs": 5,
    "batch": 10,
    "learning_rate": 0.01,
    "augmentation": {"shift": 1, "flip": True},
}
NETWORK = """
from torch import nn

def build(outputs):
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5)
    return nn.Sequential(*layers, nn.Conv2d(4, 4, 1), nn.Flatten(), nn.Linear(256, outputs))
"""


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with data, and a network that has state of its own and draws random numbers."""
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/net.py").write_text(NETWORK)
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        return Split(rng.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8), rng.integers(0, 3, n))

    write_dataset(Dataset.from_splits("toy", train=split(45), test=split(20), classes="abc"), Path("toy.h5"))


def train(name: str, **changes: Any) -> bytes:
    """Train trained-0 into files called `name` and return their bytes."""
    checkpoints, history = Path(f"{name}.safetensors"), Path(f"{name}.csv")
    run.run_network(
        experiment="toy",
        network="trained-0",
        data=Path("toy.h5"),
        params=TrainParams.read(RECIPE | changes),
        numerics=Numerics(),
        checkpoints=checkpoints,
        history=history,
    )
    return checkpoints.read_bytes() + history.read_bytes()


def forget() -> None:
    """Remove all saved progress, as in a fresh clone."""
    Path(".probecore").rename(f"forgotten-{len(list(Path().glob('forgotten-*')))}")


def stop_in(epoch: int, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Train until the process is killed in the middle of `epoch`."""
    train_epoch = run.train_epoch

    def stopped(*arguments: Any, **options: Any) -> tuple[float, float]:
        result = train_epoch(*arguments, **options)
        if options["epoch"] == epoch:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(run, "train_epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            train("stopped", **changes)
    assert not Path("stopped.safetensors").exists()
    torch.manual_seed(epoch)  # another process would not have this one's generator


def epochs_trained(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> list[int]:
    """The epochs that `action` passes through."""
    epochs: list[int] = []
    train_epoch = run.train_epoch
    with monkeypatch.context() as patch:
        patch.setattr(run, "train_epoch", lambda *a, **k: (epochs.append(k["epoch"]), train_epoch(*a, **k))[1])
        action()
    return epochs


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_stopped_twice_and_resumed_equals_uninterrupted(optimiser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train("whole", optimiser=optimiser)
    forget()
    stop_in(2, monkeypatch, optimiser=optimiser)
    stop_in(4, monkeypatch, optimiser=optimiser)
    trained = epochs_trained(monkeypatch, lambda: train("resumed", optimiser=optimiser))
    assert trained == [4, 5]
    assert Path("resumed.safetensors").read_bytes() + Path("resumed.csv").read_bytes() == whole


def test_says_where_it_goes_on_and_trains_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stop_in(3, monkeypatch)
    whole = train("resumed")
    assert "toy/trained-0: going on after epoch 2" in capfd.readouterr().err
    assert epochs_trained(monkeypatch, lambda: train("again")) == []
    assert train("again") == whole


def files() -> list[Path]:
    (folder,) = Path(".probecore/resume").iterdir()
    return sorted(folder.iterdir())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, empty, Path.unlink])
@pytest.mark.parametrize("name", ["current.safetensors", "epoch-001.safetensors"])
def test_damaged_progress_is_not_used(
    name: str, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train("whole")
    forget()
    stop_in(3, monkeypatch)
    (damaged,) = [path for path in files() if path.name == name]
    damage(damaged)
    assert train("resumed") == whole


def test_half_written_files_of_a_killed_run_are_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train("whole")
    forget()
    stop_in(2, monkeypatch)
    folder = files()[0].parent
    for path in (folder / "epoch-002.safetensors", folder / "current.safetensors", Path("whole.safetensors")):
        path.with_name(f".{path.name}.partial").write_bytes(b"half")
    assert train("whole") == whole
    assert not list(Path().rglob("*.partial"))


CHANGES = [{"learning_rate": 0.02}, {"epochs": 6}, {"normalise": {"mean": 0.4}}, {"checkpoints": [2]}]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_what_determines_a_network_starts_it_anew(change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stop_in(3, monkeypatch)
    assert epochs_trained(monkeypatch, lambda: train("other", **change))[0] == 1


def test_an_edit_of_own_code_starts_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    train("before")
    Path("own/net.py").write_text(NETWORK.replace("ReLU", "Tanh"))
    assert epochs_trained(monkeypatch, lambda: train("after"))[0] == 1
    assert Path("before.csv").read_bytes() != Path("after.csv").read_bytes()


def test_further_seeds_and_conditions_cost_no_finished_network(monkeypatch: pytest.MonkeyPatch) -> None:
    train("few")
    more = {"seeds": [0, 1, 2], "shuffled": {"epochs": 1}}
    assert epochs_trained(monkeypatch, lambda: train("more", **more)) == []


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_restored_optimiser_state_lies_in_memory_as_before(optimiser: str, tmp_path: Path) -> None:
    """Fused kernels walk parameters and state alike."""
    recipe = TrainParams.read(RECIPE | {"optimiser": optimiser}).recipe("trained-0")
    model = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    original, restored = (run.make_optimiser(model.parameters(), recipe) for _ in range(2))
    model(torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last)).sum().backward()
    original.step()
    resume = Resume({}, tmp_path)
    resume.save_checkpoint(0, {})
    resume.save(history=[{"epoch": 0}], current=run.optimiser_tensors(original))
    saved = resume.load([0, 5])
    assert saved is not None
    restore_optimiser(restored, saved[1])
    for before, after in zip(original.state.values(), restored.state.values(), strict=True):
        tensors = {name for name, value in before.items() if isinstance(value, torch.Tensor)}
        assert tensors == after.keys()
        for name in tensors:
            assert torch.equal(before[name], after[name])
            assert (before[name].dtype, before[name].stride()) == (after[name].dtype, after[name].stride())
