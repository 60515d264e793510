"""Plans of pruning: their order, their curve against slow references, and masks that do what was measured."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.prune import custom_from_mask

from probecore.errors import InputError
from probecore.measures.atlas.pruning import Plan, plan_pruning, removal_order, without
from probecore.models import Block, blocks
from tests.atlas.networks import NETWORKS, Images, images_for
from tests.test_planted import ALONE, DEAD, INTERACTS, ITS_COPY, ONE, images, planted_network

__all__ = ["images"]


def ranked(values: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"layer_index": index, "layer": layer, "filter": filter_, "value": value, "by": "q"}
        for index, (layer, own) in enumerate(values.items())
        for filter_, value in enumerate(own)
    ]
    return pd.DataFrame(rows)


def planned(name: str, shown: Images, **options: float) -> tuple[nn.Module, list[Block], pd.DataFrame, dict]:
    """A plan for the first two layers of a network, by values that follow no pattern."""
    build, shape, places = NETWORKS[name]
    model = build()
    chosen = [blocks(model, shape)[place] for place in places[:2]]
    rng = np.random.default_rng(0)
    sizes = [len(model.get_submodule(block.layer).get_parameter("weight")) for block in chosen]
    ranking = ranked({block.layer: rng.normal(size=size).tolist() for block, size in zip(chosen, sizes, strict=True)})
    plan = plan_pruning(model, chosen, ranking, {"some": shown}, generator=rng, **options)  # type: ignore[arg-type]
    return model, chosen, plan.curve, dict(plan.masks)


def test_layers_take_turns_and_what_has_no_value_stays() -> None:
    order = removal_order(ranked({"a": [3.0, 1.0], "b": [0.4, 0.3, 0.2, np.nan, 0.1]}))
    assert list(zip(order["layer"], order["filter"], strict=True)) == [
        ("b", 4), ("a", 1), ("b", 2), ("b", 1), ("a", 0), ("b", 0)
    ]  # fmt: skip
    assert order["removed"].tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["lenet", "strided"])
def test_the_curve_is_that_of_filters_set_to_zero_by_hand(name: str) -> None:
    shown = images_for(NETWORKS[name][1])
    model, chosen, curve, _ = planned(name, shown, most_loss=0.0)
    by_layer = {block.layer: block for block in chosen}

    def loss() -> float:
        with torch.no_grad():
            logits = torch.cat([model(inputs) for inputs, _ in shown])
        return float(cross_entropy(logits, torch.cat([labels for _, labels in shown])))

    def zeroed(filter_: int) -> object:
        def hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
            return output.index_fill(1, torch.tensor(filter_), 0)

        return hook

    intact, handles = loss(), []
    for row in curve.itertuples():
        handles.append(
            model.get_submodule(by_layer[row.layer].output).register_forward_hook(zeroed(row.filter))  # type: ignore[index, arg-type]
        )
        assert row.some_loss == pytest.approx(loss() - intact, abs=1e-5)
    assert np.abs(curve["some_loss"]).max() > 1e-4
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("name", ["lenet", "strided"])
def test_a_network_with_the_masks_gives_what_the_ablated_one_gives(name: str, tmp_path: Path) -> None:
    """As a user loads them: a file, and torch's own function."""
    build, shape, places = NETWORKS[name]
    shown = images_for(shape)
    model = build()
    chosen = [blocks(model, shape)[place] for place in places[:2]]
    ranking = ranked({block.layer: [0.2, 0.1, 0.3, 0.4] for block in chosen})
    plan = plan_pruning(model, chosen, ranking, {"some": shown}, most_loss=1e9, generator=np.random.default_rng(0))
    plan.write(tmp_path)
    assert pd.read_csv(tmp_path / "plan.csv")["pruned"].all()
    masked = build()
    for parameter, mask in load_file(tmp_path / "masks.safetensors").items():
        module, _, own = parameter.rpartition(".")
        custom_from_mask(masked.get_submodule(module), own, mask)
    filters = [(block.layer, filter_) for block in chosen for filter_ in range(4)]
    with torch.no_grad():
        intact, found = model(shown[0][0]), masked(shown[0][0])
        with without(model, chosen, filters):
            expected = model(shown[0][0])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert (found - intact).abs().max() > 1e-4


def test_of_two_copies_one_may_go(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Alone each costs nothing; together they do, which only the cumulative curve tells."""
    model = planted_network()
    values = [0.0] * 5
    for place, filter_ in enumerate([DEAD, ONE, ITS_COPY, INTERACTS, ALONE]):
        values[filter_] = place
    plan = plan_pruning(
        model,
        blocks(model, (1, 12, 12))[:1],
        ranked({"conv1": values}),
        {"some": [images]},
        most_loss=0.05,
        generator=np.random.default_rng(0),
    )
    assert plan.curve["filter"].tolist() == [DEAD, ONE, ITS_COPY, INTERACTS, ALONE]
    assert plan.curve["pruned"].tolist() == [True, True, False, False, False]
    assert plan.curve["some_loss"][0] == 0
    assert plan.curve["some_accuracy"][1] == 0 < plan.curve["some_accuracy"][2]
    assert [int(mask.sum()) for mask in plan.masks.values()] == [3 * 9, 3]


def test_not_the_value_but_the_end_of_its_interval_may_reach_the_limit() -> None:
    shown = images_for(NETWORKS["lenet"][1], n=60)
    _, _, curve, _ = planned("lenet", shown, most_loss=1e9)
    row = curve[curve["some_low"].notna()].iloc[-1]
    assert row["some_loss"] < row["some_high"]
    limit = (row["some_loss"] + row["some_high"]) / 2
    _, _, again, _ = planned("lenet", shown, most_loss=limit)
    assert not again["pruned"][row.name]


def test_all_sets_of_images_have_a_say(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    model, (inputs, labels) = planted_network(), images
    parts = {"easy": [(inputs[labels != 0], labels[labels != 0])], "hard": [(inputs[labels == 0], labels[labels == 0])]}
    ranking = ranked({"conv1": [1.0 if filter_ != ALONE else 0.0 for filter_ in range(5)]})
    plans = [
        plan_pruning(
            model,
            blocks(model, (1, 12, 12))[:1],
            ranking,
            {name: parts[name] for name in names},
            most_loss=0.05,
            generator=np.random.default_rng(0),
        )
        for names in (("easy",), ("easy", "hard"))
    ]
    assert [bool(plan.curve["pruned"][0]) for plan in plans] == [True, False]


def test_more_filters_than_steps_are_measured_at_some() -> None:
    shown = images_for(NETWORKS["lenet"][1])
    model = NETWORKS["lenet"][0]()
    chosen = blocks(model, (1, 28, 28))[2:3]
    ranking = ranked({"fc1": np.arange(120.0).tolist()})
    plan = plan_pruning(model, chosen, ranking, {"some": shown}, most_loss=0.0, generator=np.random.default_rng(0))
    measured = plan.curve[plan.curve["some_loss"].notna()]
    assert len(measured) == 50
    assert measured["removed"].iloc[[0, -1]].tolist() == [1, 120]


class Twice(nn.Module):
    """A convolution that runs twice, with an activation of its own behind each, or two that share a norm."""

    def __init__(self, *, norm: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 5, 3), nn.Conv2d(1, 5, 3)
        self.norm = nn.BatchNorm2d(5) if norm else nn.Identity()
        self.relu1, self.relu2, self.fc = nn.ReLU(), nn.ReLU(), nn.Linear(5, 10)
        self.shared = norm

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        first = self.relu1(self.norm(self.conv1(inputs)))
        second = self.relu2(self.norm((self.conv2 if self.shared else self.conv1)(inputs.flip(2))))
        logits: torch.Tensor = self.fc((first + 2 * second).mean((2, 3)))
        return logits


def followed(*layers: nn.Module, features: int = 80) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 10))


HARD: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": lambda: followed(nn.Conv2d(1, 5, 3), nn.Sigmoid()),
    "norm over all filters": lambda: followed(nn.Conv2d(1, 5, 3), nn.GroupNorm(1, 5), nn.ReLU()),
    "norm of features": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 5), nn.LayerNorm(5), nn.Linear(5, 10)),
    "twice": lambda: Twice(norm=False),
    "shared norm": lambda: Twice(norm=True),
    "transposed in groups": lambda: followed(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 6, 1, groups=2), nn.ReLU(), features=96
    ),
}
"""Networks in whose last inner block masks of weights do something else than filters set to 0."""


def plan_of(model: nn.Module, chosen: list[Block], values: list[float], shape: tuple[int, ...] = (1, 8, 8)) -> Plan:
    return plan_pruning(
        model,
        chosen,
        ranked({block.layer: values for block in chosen}),
        {"some": images_for(shape)},
        most_loss=1e9,
        generator=np.random.default_rng(0),
    )


@pytest.mark.parametrize("name", HARD)
def test_what_masks_cannot_do_is_refused_before_the_curve(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probecore.measures.atlas.pruning._increases", lambda *_: pytest.fail("measured"))
    torch.manual_seed(0)
    model = HARD[name]().eval()
    block = blocks(model, (1, 6, 6))[0 if name in ("twice", "shared norm") else -2]
    size = 6 if name == "transposed in groups" else 5
    with pytest.raises(InputError, match=f"^{block.layer}: .*masks cannot take the filter out; choose other layers"):
        plan_of(model, [block], [float(filter_) for filter_ in range(size)], (1, 6, 6))


def test_a_layer_that_masks_cannot_do_is_left_out_and_named() -> None:
    torch.manual_seed(0)
    model = followed(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Conv2d(5, 5, 3), nn.Sigmoid())
    plan = plan_of(model.eval(), blocks(model, (1, 8, 8))[:2], [0.0, 1.0, 2.0, 3.0, 4.0])
    assert set(plan.curve["layer"]) == {"0"}
    assert plan.curve["pruned"].all()
    assert [note.split(":")[:2] for note in plan.notes] == [["left out", " 2"]]


def test_an_activation_that_runs_again_elsewhere_is_no_hindrance() -> None:
    model = NETWORKS["residual"][0]()
    plan = plan_of(model, blocks(model, (1, 8, 8))[:1], [0.0, 1.0, 2.0, 3.0, 4.0])
    assert plan.curve["pruned"].all()
    assert not plan.notes


def test_no_value_at_all_is_said() -> None:
    model = NETWORKS["residual"][0]()
    with pytest.raises(InputError, match="^q: no value in these layers"):
        plan_of(model, blocks(model, (1, 8, 8))[:1], [np.nan] * 5)


def test_a_loss_that_is_no_number_is_within_no_limit() -> None:
    model, shown = NETWORKS["lenet"][0](), images_for(NETWORKS["lenet"][1])
    chosen = blocks(model, NETWORKS["lenet"][1])[:1]
    broken = [(torch.full_like(inputs, torch.nan), labels) for inputs, labels in shown]
    plan = plan_pruning(
        model,
        chosen,
        ranked({chosen[0].layer: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}),
        {"some": shown, "broken": broken},
        most_loss=1e9,
        generator=np.random.default_rng(0),
    )
    assert plan.curve["some_loss"].notna().all()
    assert not plan.curve["pruned"].any()


@pytest.mark.parametrize("limit", [np.nan, np.inf])
def test_a_limit_that_is_no_number_is_refused(limit: float) -> None:
    with pytest.raises(InputError, match="no finite number"):
        planned("lenet", images_for(NETWORKS["lenet"][1]), most_loss=limit)
