"""Networks cut at a block that are no plain chain: what is done before is not run again, and nothing else changes."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from probecore.models import blocks
from probecore.models.functions import name_functions
from probecore.models.intervention import output_changed
from probecore.models.suffix import block_outputs, rest_after

SHAPE = (3, 12, 12)


class Residual(nn.Module):
    """Two residual steps, rectified in place by one module, and an input that is read again at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.rectify = nn.ReLU(inplace=True)
        self.decide = nn.Linear(7, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        maps = self.rectify(maps + self.first(maps))
        maps = self.rectify(maps + self.second(maps))
        return self.decide(torch.cat([maps.mean((2, 3)), images.mean((2, 3))], 1))


def network(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    model = build().eval()
    name_functions(model, torch.randn(2, *SHAPE))
    return model


@pytest.mark.parametrize("number", range(3))
@torch.no_grad()
def test_ablation_behind_a_block_is_that_of_the_whole_network(number: int) -> None:
    model, inputs = network(Residual), torch.randn(6, *SHAPE)
    block, chosen = blocks(model, SHAPE)[number], torch.tensor([4, 1, 1])
    rest = rest_after(model, block, inputs)
    maps = block_outputs(model, [block], inputs)[0][block.layer][chosen]
    maps[:, 2] = 0
    with output_changed(model, f"{block.output}#{block.output_call + 1}", lambda _: maps):
        expected = model(inputs[chosen])
    assert torch.equal(rest(maps.clone(), chosen), expected)
    assert torch.equal(rest(maps.clone(), chosen), expected), "the first time changed what is kept"
    assert torch.equal(model(inputs), network(Residual)(inputs)), "the network is not as it was"


@torch.no_grad()
def test_what_is_done_is_not_run_again() -> None:
    model, inputs = network(Residual), torch.randn(6, *SHAPE)
    block = blocks(model, SHAPE)[2]
    assert block.layer == "second"
    rest, calls = rest_after(model, block, inputs), Counter[str]()
    for name in ("stem.0", "decide"):
        model.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: calls.update([name]))
    rest(block_outputs(model, [block], inputs)[0][block.layer].clone(), torch.arange(6))
    assert calls == {"stem.0": 1, "decide": 2}, "both for the block's own output, then only the end"


class Drifting(Residual):
    """Gives another answer at each call of its first convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(images) + self.calls


@torch.no_grad()
def test_where_that_gives_something_else_the_whole_network_runs() -> None:
    model, inputs = network(Drifting), torch.randn(6, *SHAPE)
    block = blocks(model, SHAPE)[2]
    rest, calls = rest_after(model, block, inputs), Counter[str]()
    model.get_submodule("stem.0").register_forward_pre_hook(lambda *_: calls.update(["stem"]))
    rest(block_outputs(model, [block], inputs)[0][block.layer].clone(), torch.arange(6))
    assert calls["stem"] == 2


class Step(nn.Module):
    """A convolution and an activation that other steps share."""

    def __init__(self, inputs: int, outputs: int, act: nn.Module) -> None:
        super().__init__()
        self.convolve, self.act = nn.Conv2d(inputs, outputs, 3, padding=1), act

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.act(self.convolve(images))
        return maps


class SharedActivation(nn.Module):
    """Three steps with one and the same activation inside."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.ReLU()
        self.steps = nn.ModuleList([Step(3, 4, act), Step(4, 4, act), Step(4, 4, act)])
        self.decide = nn.Linear(4 * 144, 5)

    def forward(self, images: Tensor) -> Tensor:
        for step in self.steps:
            images = step(images)
        logits: Tensor = self.decide(images.flatten(1))
        return logits


class Gated(nn.Module):
    """Reads what was done before by its sign alone."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.convolve = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.rectify, self.decide = nn.ReLU(), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        gate, maps = self.gate(images), self.rectify(self.convolve(images))
        logits: Tensor = self.decide((maps * (gate > 0).float() + maps).mean((2, 3)))
        return logits


class Storing(Step):
    """Puts by what it has not rectified."""

    def forward(self, images: Tensor) -> Tensor:
        self.put_by = self.convolve(images)
        maps: Tensor = self.act(self.put_by)
        return maps


class Remembering(nn.Module):
    """Reads what a step has put by."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.convolve = Storing(3, 4, nn.ReLU()), nn.Conv2d(4, 4, 3, padding=1)
        self.rectify, self.decide = nn.ReLU(), nn.Linear(4 * 144, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.rectify(self.convolve(self.step(images)))
        logits: Tensor = self.decide((maps + self.step.put_by).flatten(1))
        return logits


class Turned(nn.Module):
    """Has as many places as images, and the places first."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.scale = nn.Linear(3, 4), nn.LayerNorm(4)
        self.convolve, self.rectify, self.decide = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        places = self.scale(self.embed(images[:, :, :6, 0].permute(2, 0, 1).contiguous()))
        maps = self.rectify(self.convolve(images))
        logits: Tensor = self.decide(maps.mean((2, 3)) + places.mean(0))
        return logits


BEHIND = [
    (SharedActivation, "steps.0.convolve"),
    (SharedActivation, "steps.1.convolve"),
    (SharedActivation, "steps.2.convolve"),
    (Gated, "convolve"),
    (Remembering, "convolve"),
    (Turned, "convolve"),
]


@pytest.mark.parametrize(("build", "layer"), BEHIND)
@torch.no_grad()
def test_ablation_where_what_was_done_does_not_serve(build: Callable[[], nn.Module], layer: str) -> None:
    model, inputs = network(build), torch.randn(6, *SHAPE)
    block = next(block for block in blocks(model, SHAPE) if block.layer == layer)
    rest = rest_after(model, block, inputs)
    for chosen in (torch.arange(6), torch.tensor([4, 1])):
        maps = block_outputs(model, [block], inputs)[0][layer][chosen] * 0.3
        with output_changed(model, f"{block.output}#{block.output_call + 1}", lambda _, maps=maps: maps):
            expected = model(inputs[chosen])
        assert (rest(maps.clone(), chosen) - expected).abs().max() < 1e-6
