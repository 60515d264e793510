"""Foreign weights: what fits is copied whole, what does not is refused whole, nothing is unpickled."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from probecore.errors import InputError
from probecore.models import load_weights

State = dict[str, Tensor]


def network(outputs: int = 2) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, outputs))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_copies_every_tensor(tmp_path: Path, suffix: str) -> None:
    source, target = network(), network()
    path = tmp_path / f"weights{suffix}"
    save_file(source.state_dict(), path) if suffix == ".safetensors" else torch.save(source.state_dict(), path)
    load_weights(target, path)
    assert all(torch.equal(value, target.state_dict()[key]) for key, value in source.state_dict().items())


def test_batch_counters_may_be_missing(tmp_path: Path) -> None:
    state = network().state_dict()
    del state["1.num_batches_tracked"]
    save_file(state, tmp_path / "old.safetensors")
    model = network()
    load_weights(model, tmp_path / "old.safetensors")
    assert torch.equal(model.state_dict()["3.weight"], state["3.weight"])


def drop(state: State) -> None:
    del state["1.weight"]


def rename(state: State) -> None:
    state["3.wieght"] = state["3.weight"].clone()


def resize(state: State) -> None:
    state["3.weight"] = torch.zeros(7, 12)


def spoil(state: State) -> None:
    state["3.weight"][1, 3] = torch.nan


def overflow(state: State) -> None:
    state["0.bias"] = torch.full((3,), 1e300, dtype=torch.float64)


def quantise(state: State) -> None:
    state["0.weight"] = state["0.weight"].to(torch.int8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop, "1.weight is missing"),
        (rename, "3.wieght is not in the network; did you mean '3.weight'"),
        (resize, "3.weight has shape (7, 12), the network needs (2, 12)"),
        (spoil, "3.weight holds NaN or infinite values"),
        (overflow, "0.bias holds NaN or infinite values"),
        (quantise, "0.weight is int8, the network needs floats"),
    ],
)
def test_first_mismatch_is_named_and_nothing_copied(
    tmp_path: Path, change: Callable[[State], None], words: str
) -> None:
    state = network().state_dict()
    change(state)
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    model = network()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_weights(model, path)
    assert str(caught.value).startswith(f"{path}: {words}")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Payload:
    """Runs code when unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (touch, ("touched",))


def touch(name: str) -> None:
    Path(name).touch()


def test_never_unpickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Payload()}, "evil.pt")
    with pytest.raises(InputError, match="not a state dict of tensors alone") as caught:
        load_weights(network(), Path("evil.pt"))
    assert "\n" not in str(caught.value)
    assert not Path("touched").exists()


def test_whole_pickled_modules_are_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"save `model.state_dict\(\)`"):
        load_weights(network(), tmp_path / "model.pt")


@pytest.mark.parametrize("content", [{"optimizer": {}, "epoch": 3}, {"model": {"epoch": 3}}, [1, 2], 5])
def test_other_contents_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="more than a state dict of tensors"):
        load_weights(network(), tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_missing_and_broken_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(InputError, match="no such file"):
        load_weights(network(), path)
    for content in (b"", b"not weights at all"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a") as caught:
            load_weights(network(), path)
        assert "\n" not in str(caught.value)


WRAPPED: dict[str, Callable[[State], object]] = {
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state},
    "DataParallel": lambda state: {f"module.{key}": value for key, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
    "compiled in DataParallel": lambda state: {f"module._orig_mod.{key}": value for key, value in state.items()},
    "compiled inside": lambda state: {key.replace(".", "._orig_mod.", 1): value for key, value in state.items()},
    "all of it": lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    "half": lambda state: {key: value.half() if value.is_floating_point() else value for key, value in state.items()},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_what_training_code_saves_is_understood(wrap: Callable[[State], object], tmp_path: Path) -> None:
    source, target = network(), network()
    torch.save(wrap(source.state_dict()), tmp_path / "weights.pt")
    load_weights(target, tmp_path / "weights.pt")
    for key, value in target.state_dict().items():
        assert torch.allclose(value, source.state_dict()[key], atol=1e-3), key


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    model = network()
    torch.save(model.state_dict(), path)
    content = path.read_bytes()
    place = content.find(model.state_dict()["3.weight"].numpy().tobytes())
    assert place > 0
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(InputError, match="the file is damaged .*has another checksum") as caught:
        load_weights(network(), path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state | {"1.bias": state["1.bias"].to_sparse()}, "1.bias is no plain tensor"),
        (lambda state: state | {"1.bias": torch.empty(2, device="meta")}, "1.bias is no plain tensor"),
        (lambda state: {0: state["1.bias"]}, "holds more than a state dict"),
        (lambda state: state | {"module.1.bias": state["1.bias"] * 0}, "with and without a prefix"),
        (lambda state: state | {"1.bias": state["1.bias"].to(torch.complex64)}, "1.bias is complex64"),
        (lambda state: state | {"1.bias": state["1.bias"].double() * 1e300}, "1.bias holds NaN or infinite"),
    ],
)
def test_odd_tensors_and_keys(change: Callable[[State], object], words: str, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    nn.init.ones_(model[1].bias)
    torch.save(change(model.state_dict()), tmp_path / "a.pt")
    with pytest.raises(InputError, match=words) as caught:
        load_weights(model, tmp_path / "a.pt")
    assert "\n" not in str(caught.value)
