import pytest
import torch
from torch import nn

from probecore.activations.layers import select_layers
from probecore.errors import InputError
from probecore.models.tracing import Call, trace


@pytest.fixture
def calls(network: nn.Module) -> list[Call]:
    return trace(network, torch.zeros(2, 1, 8, 8))


def names(calls: list[Call]) -> list[str]:
    return [call.layer for call in calls]


def test_every_call_is_a_layer(calls: list[Call]) -> None:
    assert [(call.layer, call.name, call.index, call.shape) for call in calls] == [
        ("conv1", "conv1", 1, (3, 8, 8)),
        ("relu#1", "relu", 1, (3, 8, 8)),
        ("pool#1", "pool", 1, (3, 4, 4)),
        ("conv2", "conv2", 1, (4, 2, 2)),
        ("relu#2", "relu", 2, (4, 2, 2)),
        ("pool#2", "pool", 2, (4, 1, 1)),
        ("head.0", "head.0", 1, (4,)),
        ("head.1", "head.1", 1, (4,)),
        ("head.2", "head.2", 1, (5,)),
        ("head", "head", 1, (5,)),
        ("", "", 1, (5,)),
    ]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*"], ["conv1", "relu#1", "pool#1", "conv2", "relu#2", "pool#2", "head.2"]),
        (["conv?", "relu*"], ["conv1", "relu#1", "conv2", "relu#2"]),
        (["relu"], ["relu#1", "relu#2"]),
        (["relu#2", "conv1"], ["conv1", "relu#2"]),
        (["head", "head.*"], ["head.2", "head"]),
        (["head.0"], ["head.0"]),
        (["conv1", "conv*", "conv1"], ["conv1", "conv2"]),
    ],
)
def test_selection(calls: list[Call], patterns: list[str], expected: list[str]) -> None:
    assert names(select_layers(patterns, calls)) == expected


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["cnov1"], "no layer 'cnov1'; did you mean 'conv1'?"),
        (["relu#3"], "no layer 'relu#3'; did you mean 'relu#"),
        (["conv*", "bn*"], r"no layer 'bn\*'"),
        ([], "nothing is chosen"),
    ],
)
def test_what_selects_nothing_is_refused(calls: list[Call], patterns: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_layers(patterns, calls)


def test_output_that_is_no_tensor_is_refused_when_chosen() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.fc = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.gru(x)[0][:, -1])

    calls = trace(Recurrent(), torch.zeros(2, 5, 4))
    assert names(select_layers(["fc"], calls)) == ["fc"]
    for patterns in (["gru"], ["*"]):
        with pytest.raises(InputError, match="the output of 'gru' is not one tensor"):
            select_layers(patterns, calls)


def test_module_shared_under_two_names_has_the_first() -> None:
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.Tanh(), shared)
    assert names(trace(model, torch.zeros(2, 4))) == ["0#1", "1", "0#2", ""]
