"""Networks that are no function of one image, or of a kind that cannot be measured, are refused in one line."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from probecore.errors import InputError
from probecore.models import blocks, build_model, list_layers
from probecore.models.contract import plain_weights
from probecore.models.params import ModelParams
from probecore.models.tracing import trace

SHAPE, OUTPUTS = (3, 8, 8), 4


class Net(nn.Module):
    """conv, norm, ReLU, mean, linear; what the subclasses below do wrong aside."""

    def __init__(self, **norm: Any) -> None:
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, **norm), nn.Linear(6, OUTPUTS)

    def maps(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.maps(x).mean((2, 3)))


class FunctionalDropout(Net):
    def maps(self, x: Tensor) -> Tensor:
        return F.dropout(super().maps(x), 0.1)


class Trains(Net):
    def maps(self, x: Tensor) -> Tensor:
        self.bn.train()
        return super().maps(x)


class Counts(Net):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def maps(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return super().maps(x)


class CentresTheBatch(Net):
    def maps(self, x: Tensor) -> Tensor:
        return super().maps(x - x.mean(0))


class ScaledByTheBatch(Net):
    """By its largest image, which gets the same answer alone as among others."""

    def maps(self, x: Tensor) -> Tensor:
        return super().maps(x / x.abs().max())


class Exits(Net):
    def maps(self, x: Tensor) -> Tensor:
        raise SystemExit(3)


class Undefined(Net):
    def maps(self, x: Tensor) -> Tensor:
        return super().maps(x) * float("nan")


class SilentHead(FunctionalDropout):
    """Its outputs are all 0, so that they tell nothing."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.fc.weight)


class Tuple(Net):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class Dictionary(Net):
    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x)}


class Extra(Net):
    def get_extra_state(self) -> dict[str, int]:
        return {"steps": 3}

    def set_extra_state(self, state: Any) -> None:
        pass


class OneDimensional(Net):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Conv1d(6, 6, 3)

    def maps(self, x: Tensor) -> Tensor:
        return self.line(super().maps(x).flatten(2))[..., None]


class ThreeDimensional(Net):
    def __init__(self) -> None:
        super().__init__()
        self.volume = nn.Conv3d(6, 6, (1, 3, 3))

    def maps(self, x: Tensor) -> Tensor:
        return self.volume(super().maps(x)[:, :, None])[:, :, 0]


class Positions(Net):
    """A table of positions that all images share goes through a layer, as in Swin V2: its first axis is no batch."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.place = torch.arange(6.0).reshape(1, 6), nn.Linear(6, 6)

    def maps(self, x: Tensor) -> Tensor:
        return super().maps(x) + self.place(self.table)[..., None, None]


def nothing() -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.AdaptiveAvgPool1d(OUTPUTS))


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dropout": (FunctionalDropout, "two passes of the same images differ, first at mean#1"),
    "dropout before a head of zeros": (SilentHead, "two passes of the same images differ, first at mean#1"),
    "batch statistics": (lambda: Net(track_running_stats=False), "an image alone and beside another one"),
    "centred batch": (CentresTheBatch, "an image alone and beside another one gets different answers, first at conv"),
    "scaled by the batch": (ScaledByTheBatch, "an image alone and beside another one"),
    "exit": (Exits, "SystemExit: 3"),
    "NaN": (Undefined, "gives NaN or infinite values"),
    "train in forward": (Trains, "puts bn into training mode"),
    "a counter": (Counts, "changes seen in evaluation mode"),
    "tuple": (Tuple, "gives tuple; one tensor"),
    "dict": (Dictionary, "gives dict; one tensor"),
    "double": (lambda: Net().double(), "conv.weight is float64"),
    "half": (lambda: Net().half(), "conv.weight is float16"),
    "bfloat16": (lambda: Net().bfloat16(), "conv.weight is bfloat16"),
    "no parameters": (nothing, "has no parameters"),
    "extra state": (Extra, "_extra_state is dict"),
    "Conv1d": (OneDimensional, "line is a Conv1d"),
    "Conv3d": (ThreeDimensional, "volume is a Conv3d"),
    "TorchScript": (lambda: torch.jit.trace(Net().eval(), torch.zeros(1, *SHAPE)), "the network is TorchScript"),
    "TorchScript inside": (lambda: nn.Sequential(torch.jit.script(Net())), "0 is TorchScript"),
}


def weight_norm_of_old(model: Net) -> Net:
    nn.utils.weight_norm(model.conv)
    return model


def with_parametrization(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        model = Net()
        getattr(parametrizations, name)(model.conv)
        return model

    return build


def compiled() -> nn.Module:
    model = Net()
    model.compile()
    return torch.compile(model)  # type: ignore[return-value]


def compiled_inside() -> nn.Module:
    model = Net()
    model.conv = torch.compile(model.conv)  # type: ignore[assignment]
    return model


MEASURED: dict[str, Callable[[], nn.Module]] = {
    "plain": Net,
    "frozen": lambda: Net().requires_grad_(False),
    "spectral norm": with_parametrization("spectral_norm"),
    "weight norm": with_parametrization("weight_norm"),
    "orthogonal": with_parametrization("orthogonal"),
    "weight norm of old": lambda: weight_norm_of_old(Net()),
    "compiled": compiled,
    "compiled inside": compiled_inside,
    "DataParallel": lambda: nn.DataParallel(Net()),
}


@pytest.fixture(autouse=True)
def study_that_names_this_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("packages: [tests]")


def built(make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """What `build_model` makes of it."""
    monkeypatch.setattr("tests.models.test_contract.MADE", make)
    monkeypatch.setattr("probecore.models.build._CHECKED", set())
    return build_model(ModelParams.read("tests.models.test_contract:made"), input_shape=SHAPE, outputs=OUTPUTS)


MADE: Callable[[], nn.Module] = Net


def made() -> nn.Module:
    return MADE()


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_breaks_the_contract_is_refused(
    make: Callable[[], nn.Module], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as caught:
        built(make, monkeypatch)
    assert words in str(caught.value)
    assert str(caught.value).startswith("model: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("make", MEASURED.values(), ids=MEASURED)
def test_what_keeps_it_is_measured_under_its_own_names(
    make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built(make, monkeypatch)
    names = ["conv", "bn", "relu#1", "mean#1", "fc"]
    assert [layer.name for layer in list_layers(model, SHAPE)] == names
    inputs = torch.randn(2, *SHAPE)
    expected = model.eval()(inputs)
    plain = plain_weights(model)
    assert torch.allclose(plain(inputs), expected, atol=1e-6)
    weight = plain.get_submodule("conv").weight
    assert isinstance(weight, nn.Parameter)
    assert [layer.name for layer in list_layers(plain, SHAPE)] == names
    assert [(block.layer, block.output) for block in blocks(plain, SHAPE)] == [("conv", "mean#1"), ("fc", "fc")]


def test_a_table_that_all_images_share_is_no_difference_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(Positions, monkeypatch)
    places = {count: [call.is_tensor for call in trace(model, torch.zeros(count, *SHAPE)) if call.name == "place"]
              for count in (1, 2)}  # fmt: skip
    assert places == {1: [True], 2: [False]}


def test_the_check_changes_neither_network_nor_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    expected, next_number = Net().state_dict(), torch.rand(1)
    torch.manual_seed(0)
    model = built(Net, monkeypatch)
    assert torch.equal(torch.rand(1), next_number)
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_states_are_those_of_the_network_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for make in (compiled, compiled_inside, MEASURED["DataParallel"]):
        assert OrderedDict(built(make, monkeypatch).state_dict()).keys() == Net().state_dict().keys()


def test_inputs_changed_in_place_after_a_layer_read_them(tmp_path: Path) -> None:
    """Excitations are of what the layer read: the same network without writing in place gives the same."""
    import h5py
    import numpy as np

    from probecore.activations import Activations, create_activations, create_epoch, dump_activations
    from probecore.activations.params import ExcitationParams

    class Sum(nn.Module):
        def __init__(self, kind: str, *, in_place: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.kind, self.in_place = kind, in_place
            self.conv, self.act, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Linear(3, OUTPUTS)

        def forward(self, x: Tensor) -> Tensor:
            x = x.clone()
            h = self.conv(x)
            if self.kind == "sum":
                if self.in_place:
                    x += h
                else:
                    x = x + h
                h = self.act(h) + 0 * x
            else:
                r = torch.relu_(x) if self.in_place else torch.relu(x)
                h = self.act(h) + r
            return self.fc(h.mean((2, 3)))

    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(12, *SHAPE)).astype(np.float32), np.arange(12) % OUTPUTS
    sums = {}
    for kind in ("sum", "relu"):
        for in_place in (False, True):
            path = tmp_path / f"{kind}{in_place}.h5"
            with create_activations(path, model="m", data_sha256="0") as file:
                group: h5py.Group = create_epoch(file, 0, checkpoint_sha256="0").create_group("test")
                dump_activations(
                    Sum(kind, in_place=in_place),
                    images,
                    labels,
                    group=group,
                    classes=OUTPUTS,
                    normalise=torch.from_numpy,
                    excitations=ExcitationParams.read({}),
                )
            with Activations(path) as activations:
                sums[kind, in_place] = activations.excitation_sums(0, "test", "conv").by_class
    for kind in ("sum", "relu"):
        assert np.abs(sums[kind, False]).max() > 1
        np.testing.assert_allclose(sums[kind, True], sums[kind, False], rtol=1e-5, atol=1e-4)
