"""Plans of pruning: their order, their curve against slow references, and masks that do what was measured."""

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
from probecore.measures.atlas.pruning import plan_pruning, removal_order, without
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


@pytest.mark.parametrize("name", ["sigmoid", "reused"])
def test_what_masks_cannot_do_is_refused(name: str) -> None:
    if name == "reused":
        model, shape = NETWORKS["residual"][0](), (1, 8, 8)
    else:
        torch.manual_seed(0)
        shape = (1, 6, 6)
        model = nn.Sequential(nn.Conv2d(1, 5, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(80, 10)).eval()
    block = blocks(model, shape)[0]
    with pytest.raises(InputError, match="masks cannot take the filter out; choose other layers"):
        plan_pruning(
            model,
            [block],
            ranked({block.layer: [0.0, 1.0, 2.0, 3.0, 4.0]}),
            {"some": images_for(shape)},
            most_loss=1e9,
            generator=np.random.default_rng(0),
        )
