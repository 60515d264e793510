"""Functions called in a `forward` are layers: the same network written with modules and with functions."""

import copy
import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from probecore.activations.params import ActivationsParams
from probecore.dataset import write_dataset
from probecore.determinism import Numerics
from probecore.measures.recos.polarity import doubled_logits
from probecore.models import blocks, list_layers
from probecore.models.functions import name_functions
from probecore.models.layers import unseen_parts
from probecore.models.tracing import evaluating, listening, trace
from probecore.params import MEASURES, section_class
from probecore.provenance import package_of
from probecore.train import run as train_run
from probecore.train.params import TrainParams
from tests.conftest import write_yaml
from tests.models.spellings import NETWORKS, OUTPUTS, SHAPE
from tests.test_steps import SMALL, images


def pair(name: str) -> tuple[nn.Module, nn.Module, Tensor]:
    """Both spellings with the same weights, with names, and three images."""
    torch.manual_seed(0)
    modular, functional = (build() for build in NETWORKS[name])
    functional.load_state_dict(modular.state_dict())
    inputs = torch.randn(3, *SHAPE)
    for model in (modular, functional):
        name_functions(model.eval(), inputs)
    return modular, functional, inputs


def block_values(model: nn.Module, inputs: Tensor) -> list[tuple[Any, ...]]:
    """Of each block its layer, what it is said to be, and what its activation and its output give."""
    found = blocks(model, SHAPE)
    kept: dict[tuple[str, int], Tensor] = {}

    def keep(name: str, index: int, _given: Any, output: Any) -> None:
        kept[name, index - 1] = output.clone()

    wanted = {block.output for block in found} | {block.activation for block in found if block.activation}
    with evaluating(model), listening(model, wanted, keep):
        model(inputs.clone())
    return [
        (
            block.layer,
            block.axis,
            block.unseen,
            kept.get((block.activation or "", block.activation_call)),
            kept[block.output, block.output_call],
        )
        for block in found
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_both_spellings_have_the_same_blocks(name: str) -> None:
    modular, functional, inputs = pair(name)
    with evaluating(modular), evaluating(functional):
        assert torch.equal(modular(inputs.clone()), functional(inputs.clone()))
    one, other = block_values(modular, inputs), block_values(functional, inputs)
    assert len(one) == len(other)
    for ours, theirs in zip(one, other, strict=True):
        assert ours[:3] == theirs[:3]
        for left, right in zip(ours[3:], theirs[3:], strict=True):
            assert (left is None) == (right is None)
            assert left is None or torch.equal(left, right), ours[0]
    assert one[0][3] is not None or name in ("tokens",)
    assert functional.state_dict().keys() == modular.state_dict().keys()


MEASURED_TWICE = (
    *("F.relu", "relu_", "F.elu", "F.silu", "residual", "residual, activation first", "nested"),
    *("grouped", "dense", "perceptron", "tokens"),
)
FEWER = {
    "mechanism": {"pruning": None},
    "mutual_information": {"images": 20},
}


@pytest.mark.usefixtures("draft_figures")
@pytest.mark.parametrize("name", MEASURED_TWICE)
def test_both_spellings_give_the_same_tables(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset(images(1, OUTPUTS, SHAPE[1]), Path("data.h5"))
    for functional in (False, True):
        measure(Path(f"functional-{functional}"), name, functional=functional)
    tables = sorted(path.relative_to("functional-False") for path in Path("functional-False").rglob("*.csv"))
    assert len(tables) > 20
    for table in tables:
        one, other = (Path(f"functional-{functional}") / table for functional in (False, True))
        assert one.read_bytes() == other.read_bytes(), table
    check_filters(Path("functional-True"))


def measure(folder: Path, name: str, *, functional: bool) -> None:
    """Train one network and measure it in all ways."""
    model = {"name": "tests.models.spellings:build", "options": {"name": name, "functional": functional}}
    write_yaml(Path("params.yaml"), {"packages": ["tests"], "experiments": {"twice": {"train": {"model": model}}}})
    params = TrainParams.read(
        {
            "model": model,
            "epochs": 1,
            "batch": 10,
            "learning_rate": 0.01,
            "seeds": [0],
        }
    )
    data, checkpoints, numerics = Path("data.h5"), folder / "trained-0.safetensors", Numerics()
    train_run.run_network(
        experiment="twice",
        network="trained-0",
        data=data,
        params=params,
        numerics=numerics,
        checkpoints=checkpoints,
        history=folder / "history.csv",
    )
    dump = folder / "activations.h5"
    steps: dict[str, Any] = {"activations": ActivationsParams.read({"excitations": {}})}
    steps |= {step: section_class(step).read(section | FEWER.get(step, {}))
              for step, section in SMALL.items()}  # fmt: skip
    for step, section in steps.items():
        files = {"activations": dump} if step in MEASURES and section.reads_activations else {}
        output = dump if step == "activations" else folder / step
        importlib.import_module(f"{package_of(step)}.run").run_network(
            params=section, numerics=numerics, output=output, data=data, checkpoints=checkpoints, **files
        )


def check_filters(folder: Path) -> None:
    """Measures agree on how many filters a layer has."""
    from probecore.files import read_table

    counts: dict[str, dict[str, int]] = {}
    for step in MEASURES:
        table = read_table(folder / step / "filters.csv")
        for layer, part in table.groupby("layer"):
            counts.setdefault(str(layer), {})[step] = part["filter"].nunique()
    assert counts
    for layer, by_step in counts.items():
        assert len(set(by_step.values())) == 1, (layer, by_step)


class Awkward(nn.Module):
    """A module that is called `relu`, used twice, beside the function; numbers added; a function of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU()
        self.scale = nn.Parameter(torch.ones(1, 2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        x = F.relu(self.conv2(x) * torch.relu(self.scale)) + 1
        return self.relu(x + x.flip(2)).mean((2, 3))


@pytest.mark.parametrize("name", ["F.relu", "in place", "relu_", "x.relu()", "residual"])
def test_both_spellings_have_the_same_doubled_filters(name: str) -> None:
    """Polarities must meet after the activation: before it they cancel, and all images get the same answer."""
    modular, functional, _ = pair(name)
    inputs = torch.randn(40, *SHAPE, generator=torch.Generator().manual_seed(0))
    answers = []
    for model in (modular, functional):
        first = blocks(model, SHAPE)[0]
        layer, output = model.get_submodule(first.layer), model.get_submodule(first.output)
        answers.append(doubled_logits(model, layer, output, inputs, scale=lambda part: part.clone()))
        cancelled = doubled_logits(model, layer, layer, inputs, scale=lambda part: part.clone())
        assert float(cancelled.std(0).max()) < 1e-6 < float(answers[-1].std(0).max())
    assert torch.equal(*answers)


def test_names_do_not_clash() -> None:
    model, inputs = Awkward(), torch.randn(2, 1, 6, 6)
    before = model(inputs)
    name_functions(model, inputs)
    assert torch.equal(model(inputs), before)
    names = [call.layer for call in trace(model, inputs) if call.name]
    assert names == ["conv1", "relu#1", "conv2", "relu_function#2", "add#2", "relu#2", "mean#1"]


def test_what_cannot_be_seen_is_said() -> None:
    class Swish(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(2, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return self.fc((x * torch.sigmoid(x)).mean((2, 3)))

    model, inputs = Swish(), torch.randn(2, 1, 6, 6)
    name_functions(model, inputs)
    (conv, fc) = blocks(model, (1, 6, 6))
    assert (conv.activation, conv.output, conv.unseen) == (None, "conv", ("sigmoid#1", "mul"))
    assert fc.unseen == ()


class Reads(nn.Module):
    """A conv layer and what is done with its output."""

    def __init__(self, then: Callable[[Tensor], Tensor], features: int) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(features, 3)
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.then(self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("then", "features", "unseen"),
    [
        (lambda x: x, 16, []),
        (lambda x: x.flatten(1).relu(), 16, ["relu#1"]),
        (lambda x: F.relu(x.view(len(x), -1)), 16, ["relu#1"]),
        (lambda x: F.gelu(x.permute(0, 2, 3, 1)), 16, ["gelu#1"]),
        (lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)), 16, []),
        (lambda x: F.glu(x, 1), 8, ["glu#1"]),
        (lambda x: x.clamp(min=0), 16, []),
        (lambda x: x * (x > 0), 16, ["gt", "mul"]),
        (lambda x: torch.where(x > 0, x, 0 * x), 16, ["gt", "mul", "where"]),
        (lambda x: torch.maximum(x, torch.zeros(())), 16, ["maximum"]),
        (lambda x: torch.cat([x, -x], 1).relu(), 32, ["neg", "cat"]),
        (lambda x: torch.cat([F.relu(x), F.relu(-x)], 1), 32, ["relu#1", "neg"]),
    ],
)
def test_an_activation_that_is_not_of_the_block(
    then: Callable[[Tensor], Tensor], features: int, unseen: list[str]
) -> None:
    model, inputs = Reads(then, features), torch.randn(2, 1, 4, 4)
    name_functions(model, inputs)
    first = blocks(model, (1, 4, 4))[0]
    assert list(first.unseen) == unseen


def test_a_line_names_some_of_the_blocks() -> None:
    parts = [nn.Conv2d(1, 4, 3), *(nn.Conv2d(4, 4, 1) for _ in range(4))]

    class Squares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts, self.fc = nn.ModuleList(parts), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            for part in self.parts:
                x = part(x)
                x = x * x
            return self.fc(x.flatten(1))

    (line,) = unseen_parts(Squares(), (1, 4, 4))
    assert line == (
        "blocks without an activation that can be seen: 5 of 6, parts.0 (read by mul), parts.1 (read by mul), "
        "parts.2 (read by mul), and 2 more"
    )
    assert unseen_parts(pair("F.relu")[1], SHAPE) == []


def test_weights_that_no_module_applies_are_said() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2, self.fc = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Linear(2, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(F.conv2d(x, self.conv1.weight, self.conv1.bias))
            x = F.relu(self.conv2.forward(x))
            return self.fc(x.mean((2, 3)))

    model = Direct()
    name_functions(model, torch.randn(2, 1, 6, 6))
    assert [block.layer for block in blocks(model, (1, 6, 6))] == ["fc"]
    assert unseen_parts(model, (1, 6, 6)) == ["weights in functions, which are no layers: 2, conv2d#1, conv2d#2"]


def test_named_networks_are_copied_traced_and_trained() -> None:
    _, model, inputs = pair("F.relu")
    expected = model(inputs)
    assert torch.equal(copy.deepcopy(model)(inputs), expected)
    traced = fx.symbolic_trace(model)
    assert torch.equal(traced(inputs), expected)
    assert any(node.target == "relu#1" for node in traced.graph.nodes)
    model.train()(inputs).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_naming_twice_changes_nothing() -> None:
    _, model, inputs = pair("residual")
    names = [layer.name for layer in list_layers(model, SHAPE)]
    name_functions(model, inputs)
    assert [layer.name for layer in list_layers(model, SHAPE)] == names
    assert "add#1" in names and math.prod(SHAPE)


def test_a_call_with_other_arguments_goes_on_without_a_name() -> None:
    class Growing(nn.Module):
        slope = 0.1

        def forward(self, x: Tensor) -> Tensor:
            return F.leaky_relu(x, self.slope)

    model, inputs = Growing(), torch.randn(2, 3)
    name_functions(model, inputs)
    assert [call.layer for call in trace(model, inputs)] == ["leaky_relu#1", ""]
    model.slope = 0.5
    assert torch.equal(model(inputs), F.leaky_relu(inputs, 0.5))
    assert [call.layer for call in trace(model, inputs)] == [""]
