import torch
from torch import Tensor, nn

from probecore.models.tracing import listening, trace


class Keeping(nn.Module):
    """Keeps a tensor of its first pass; gives its layer the input by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(1, 2, 3)
        self.kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = torch.ones(x.shape[-1]) / 2
        output: Tensor = self.up(input=x * self.kept)
        return output


def test_inputs_by_keyword_are_seen() -> None:
    (call, network) = trace(Keeping(), torch.zeros(2, 1, 5))
    assert (call.name, call.input_shape, call.shape) == ("up", (1, 5), (2, 7))
    assert (network.name, network.input_shape, network.shape) == ("", (1, 5), (2, 7))


def test_network_that_keeps_a_tensor_can_train_later() -> None:
    model = Keeping()
    trace(model, torch.zeros(2, 1, 5))
    inputs = torch.ones(2, 1, 5, requires_grad=True)
    model(inputs).sum().backward()
    assert inputs.grad is not None


def test_what_a_listener_returns_takes_the_place_of_the_output() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    given = torch.ones(1, 2)
    with listening(model, ["1"], lambda _name, index, _inputs, output: output + index):
        assert torch.equal(model(given), model[0](given).relu() + 1)
    assert torch.equal(model(given), model[0](given).relu())
