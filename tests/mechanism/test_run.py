"""The jobs on small data: tables, replicates, and data that do not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from probecore.dataset.store import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.figures import save_figure, write_figures
from probecore.files import open_hdf5, read_table, sha256_of
from probecore.measures.mechanism import readout, train_heads
from probecore.measures.mechanism.backbone import choose_blocks
from probecore.measures.mechanism.estimates import estimates, of_fields, within_range
from probecore.measures.mechanism.figures import draw_matrices
from probecore.measures.mechanism.head import Head
from probecore.measures.mechanism.params import Heads, MechanismParams, Pruning
from probecore.measures.mechanism.plots import PLOTS
from probecore.measures.mechanism.readout import (
    as_they_are,
    bootstrap,
    permutation,
    ranking_half,
    read_out,
    replicate_means,
)
from probecore.measures.mechanism.replication import halves
from probecore.measures.mechanism.run import KEYS, run_network
from probecore.measures.mechanism.summary import summarise
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.models.suffix import block_outputs
from probecore.networks import NO_CONTROL
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise
from tests.mechanism.conftest import Digits, scaled

PARAMS = MechanismParams(
    heads=Heads(epochs=2, batch=20, augmentation=None),
    sweep=[0.5],
    bootstrap=20,
    permutations=20,
    importance_images=30,
    pruning=Pruning(thresholds=[0.3]),
)


def write_network(folder: Path, classes: int, model: str = "lenet5", **changes: Any) -> tuple[Path, Path]:
    """A data set of noise with a little signal, and an untrained network beside a half-dead one."""
    generator = np.random.default_rng(0)

    def split(count: int, labels: np.ndarray) -> Split:
        inputs = generator.integers(0, 60, (count, 1, 28, 28), dtype=np.uint8)
        inputs[np.arange(count), 0, labels % 28, labels // 28] = 255
        return Split(inputs=inputs, targets=labels.astype(np.int64))

    train, test = split(300, np.arange(300) % classes), split(200, changes.pop("labels", np.arange(200) % classes))
    names = tuple(str(label) for label in range(classes))
    write_dataset(dataset := Dataset.from_splits("noise", train=train, test=test, classes=names), folder / "noise.h5")
    params = ModelParams.read({"name": model, **changes})
    torch.manual_seed(0)
    network = build_model(params, input_shape=(1, 28, 28), outputs=classes)
    later = {name: value.clone() for name, value in network.state_dict().items()}
    first = next(name for name in later if name.endswith("weight"))
    later[first][:2], later[first.replace("weight", "bias")][:2] = 0, -1
    info = NetworkInfo(
        experiment="noise",
        network="trained-0",
        model=params,
        normalise=Normalise(),
        input_shape=[1, 28, 28],
        outputs=classes,
        data=dataset.sha256,
    )
    save_checkpoints(folder / "trained-0.safetensors", info, {0: network.state_dict(), 5: later})
    return folder / "noise.h5", folder / "trained-0.safetensors"


def run(folder: Path, files: tuple[Path, Path], name: str = "out", params: MechanismParams = PARAMS) -> Path:
    run_network(data=files[0], checkpoints=files[1], params=params, numerics=Numerics(), output=folder / name)
    return folder / name


@pytest.mark.usefixtures("draft_figures")
@pytest.mark.parametrize("classes", [2, 100])
def test_few_and_many_labels_and_dead_filters(tmp_path: Path, classes: int) -> None:
    params = PARAMS.model_copy(update={"layers": ["conv*"]})
    output = run(tmp_path, write_network(tmp_path, classes), params=params)
    layers = read_table(output / "layers.csv")
    dead = layers[(layers["quantity"] == "dead") & (layers["layer"] == "conv1")].set_index("epoch")["value"]
    assert dead[5] == pytest.approx(2 / 6)
    with open_hdf5(output / "fields.h5") as file:
        assert file["epoch-005/conv1"].shape == (6, classes, classes)
        assert not file["epoch-005/conv1"][:2].any()
    filters = read_table(output / "filters.csv").set_index(["epoch", "layer", "filter", "quantity"])
    importance = filters.loc[(5, "conv1", 0, "loss_increase"), ["value", "low", "p"]]
    assert importance["value"] == 0
    assert importance[["low", "p"]].isna().all(), "30 images on which it never fires do not show that it never does"
    assert filters.loc[(5, "conv1", 0, "clusters"), "value"] == 0
    assert np.isnan(filters.loc[(5, "conv1", 0, "single_accuracy"), "value"])
    assert (filters["n"] > 0).all()
    known = filters[filters["low"].notna()]
    assert (known["low"] <= known["high"]).all()


def test_the_same_bytes_again_and_a_summary(tmp_path: Path) -> None:
    files = write_network(tmp_path, 3, "mlp", hidden=[8, 6])
    once, again = run(tmp_path, files), run(tmp_path, files, "again")
    names = sorted(path.name for path in once.iterdir())
    assert names == sorted([*(f"{name}.csv" for name in (*KEYS, "filters")), "fields.h5"])
    assert all(sha256_of(once / name) == sha256_of(again / name) for name in names)
    summarise(experiment="noise", networks=[once], output=tmp_path / "summary")
    assert (tmp_path / "summary" / "summary.json").exists()
    for name in ("layers", "sweep", "importance"):
        assert set(read_table(tmp_path / "summary" / f"{name}.csv")) >= {"p_holm", "p_bh"}


@pytest.mark.usefixtures("draft_figures")
def test_a_network_from_outside_is_told_how_to_get_a_control(tmp_path: Path) -> None:
    network = run(tmp_path, write_network(tmp_path, 3, "mlp", hidden=[4]))
    told = {}
    for name in ("trained-0", "given"):
        folder = tmp_path / f"as-{name}"
        folder.mkdir()
        for table in (*KEYS, "filters"):
            rows = read_table(network / f"{table}.csv")
            rows[rows["epoch"] == 5].assign(network=name, epoch=0).to_csv(folder / f"{table}.csv", index=False)
        summarise(experiment="noise", networks=[folder], output=tmp_path / f"summary-{name}")
        summary = json.loads((tmp_path / f"summary-{name}" / "summary.json").read_text(encoding="utf-8"))
        told[name] = NO_CONTROL in summary["remarks"]
        assert any(
            key.startswith("accuracy.given" if name == "given" else "accuracy.untrained") for key in summary["headline"]
        )
    assert told == {"trained-0": False, "given": True}


@pytest.mark.usefixtures("draft_figures")
def test_headlines_over_seeds_have_an_interval_from_five_on(tmp_path: Path) -> None:
    network = run(tmp_path, write_network(tmp_path, 3, "mlp", hidden=[4]))
    folders = []
    for seed in range(5):
        folders.append(tmp_path / f"trained-{seed}")
        folders[-1].mkdir()
        for table in (*KEYS, "filters"):
            rows = read_table(network / f"{table}.csv").assign(network=f"trained-{seed}")
            if table == "layers":
                rows["value"] += seed / 10
            rows.to_csv(folders[-1] / f"{table}.csv", index=False)
    for count in (4, 5):
        summarise(experiment="noise", networks=folders[:count], output=tmp_path / str(count))
        headline = json.loads((tmp_path / str(count) / "summary.json").read_text(encoding="utf-8"))["headline"]
        name = "accuracy.trained.fc1"
        assert name in headline, sorted(headline)
        assert (f"{name}.low" in headline) == (count == 5)


def test_pruning_does_not_see_the_test_images(tmp_path: Path) -> None:
    chosen, params = [], PARAMS.model_copy(update={"pruning": Pruning(thresholds=[0.3, 0.6, 0.9], epochs=0)})
    for name, labels in (("some", np.arange(200) % 3), ("others", np.arange(200)[::-1] // 67)):
        (tmp_path / name).mkdir()
        output = run(
            tmp_path / name, write_network(tmp_path / name, 3, "mlp", hidden=[20, 20], labels=labels), params=params
        )
        chosen.append((output / "connections.csv").read_bytes())
        assert len(read_table(output / "connections.csv"))
    assert chosen[0] == chosen[1]


def test_a_network_that_cannot_be_pruned_has_all_else(tmp_path: Path) -> None:
    params = PARAMS.model_copy(update={"epochs": "last", "layers": ["conv1"]})
    files = write_network(tmp_path, 2, "lenet5", activation="crelu")
    output = run(tmp_path, files, params=params)
    pruning = read_table(output / "pruning.csv")
    assert pruning.empty
    assert set(read_table(output / "layers.csv")["epoch"]) == {5}
    write_figures({"pruning": PLOTS["pruning"]}, {"pruning": pruning}, tmp_path)
    assert (tmp_path / "pruning.svg").exists()


def test_a_label_without_test_images_is_an_error(tmp_path: Path) -> None:
    files = write_network(tmp_path, 3, labels=np.arange(200) % 2)
    with pytest.raises(InputError, match="no image of label 2; every label needs at least one"):
        run(tmp_path, files)


def test_a_network_without_inner_layers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mechanism.layers: no layer '\*'"):
        run(tmp_path, write_network(tmp_path, 2, "mlp", hidden=[]))


def chunked(digits: Digits) -> Any:
    images, labels = scaled(digits[0]), torch.from_numpy(digits[1])
    return lambda: zip(images.split(300), labels.split(300), strict=True)


def test_the_sum_rule_on_a_network(lenet: nn.Module, digits: Digits) -> None:
    chosen = choose_blocks(lenet, (1, 28, 28), ["*"])
    outputs, _ = block_outputs(lenet, chosen, scaled(digits[0]))
    heads = {
        name: Head(weight=torch.randn(10, maps[0].numel()) / 10, centre=maps.mean(0)) for name, maps in outputs.items()
    }
    for layer, (fields, hits) in read_out(lenet, chosen, heads, chunked(digits)).items():
        logits = heads[layer](outputs[layer]).numpy()
        means = np.stack([logits[digits[1] == label].mean(0) for label in range(10)])
        assert np.allclose(fields.sum(0), means, atol=1e-4)
        assert np.array_equal(hits, logits.argmax(1) == digits[1])


def test_equal_to_explicit_silencing_on_a_trained_network(lenet: nn.Module, digits: Digits) -> None:
    images, labels = scaled(digits[0]), digits[1]
    chosen = choose_blocks(lenet, (1, 28, 28), ["conv2", "fc1"])
    heads = train_heads(lenet, chosen, *digits, classes=10, key=("test",), recipe=Heads(epochs=2, augmentation=None))
    outputs, _ = block_outputs(lenet, chosen, images)
    for layer, (fields, _) in read_out(lenet, chosen, heads, chunked(digits)).items():
        maps, head = outputs[layer] - heads[layer].centre, nn.Linear(heads[layer].weight.shape[1], 10, bias=False)
        for filter_ in range(0, len(fields), 5):
            alone = torch.zeros(10, len(fields), heads[layer].weight.shape[1] // len(fields))
            alone[:, filter_] = heads[layer].weight.view_as(alone)[:, filter_]
            with torch.no_grad():
                head.weight.copy_(alone.flatten(1))
                said = head(maps.flatten(1)).numpy()
            means = np.stack([said[labels == label].mean(0) for label in range(10)])
            assert np.allclose(fields[filter_], means, atol=2e-6 * np.abs(fields).max())


def test_the_matrices_shown_are_those_of_a_network_with_true_labels(tmp_path: Path) -> None:
    network = Path(run(tmp_path, write_network(tmp_path, 3, "mlp", hidden=[4])))
    examples = read_table(network / "examples.csv")
    save_figure(draw_matrices(examples).figure, tmp_path / "alone")
    shuffled = examples.assign(network="shuffled-0", field=-examples["field"], clipped=1, cluster=0)
    save_figure(draw_matrices(pd.concat([shuffled, examples])).figure, tmp_path / "beside")
    assert sha256_of(tmp_path / "alone.svg") == sha256_of(tmp_path / "beside.svg")


def test_replicates_vary_as_means_of_other_images_would() -> None:
    """By the variance of one image over their number: drawing as many as there are gives 3/4 of it at 4 images."""
    labels = np.repeat([0, 1], 4)
    values = np.array([0.0, 1, 3, 4, 2, 2, 5, 9])
    drawn = bootstrap(labels, classes=2, repeats=20_000, generator=np.random.default_rng(0))
    for label in (0, 1):
        own = labels == label
        spread = (drawn.weights[:, own] @ values[own]).var()
        assert spread == pytest.approx(values[own].var(ddof=1) / 4, rel=0.04)


def test_replicates_are_class_means_of_other_images(
    lenet: nn.Module, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = digits[1]
    chosen = choose_blocks(lenet, (1, 28, 28), ["conv2", "fc2"])
    outputs, _ = block_outputs(lenet, chosen, scaled(digits[0]))
    heads = {
        name: Head(weight=torch.randn(10, maps[0].numel()) / 10, centre=maps.mean(0)) for name, maps in outputs.items()
    }
    drawn = bootstrap(labels, classes=10, repeats=5, generator=np.random.default_rng(0))
    dealt = permutation(labels, classes=10, repeats=5, generator=np.random.default_rng(0))
    for replicates in (as_they_are(labels, classes=10), drawn, dealt):
        monkeypatch.setattr(readout, "BYTES_AT_ONCE", 4 * 100 * 84 * 3)
        found: dict[str, list[np.ndarray]] = {}
        for layer, part in replicate_means(lenet, chosen, heads, chunked(digits), replicates, read=Head.image_fields):
            found.setdefault(layer, []).append(part)
        for layer, parts in found.items():
            fields = np.concatenate(parts)
            assert len(fields) == len(replicates)
            for each, own, weights in zip(fields, replicates.labels, replicates.weights, strict=True):
                maps = outputs[layer].numpy()
                means = np.stack([np.tensordot(weights * (own == label), maps, axes=1) for label in range(10)]).astype(
                    np.float32
                )
                assert np.allclose(each, heads[layer].matrices(means), atol=1e-4)
    sums = np.stack([(drawn.weights * (labels == label)).sum(1) for label in range(10)])
    assert np.allclose(sums, 1)
    assert all(np.array_equal(np.bincount(row), np.bincount(labels)) for row in dealt.labels)


def test_halves_of_the_images() -> None:
    labels = np.array([2, 0, 2, 1, 2, 1, 0, 2, 0])
    ranking = ranking_half(labels, classes=3)
    assert ranking.tolist() == [False, False, True, False, False, True, True, True, False]
    with pytest.raises(InputError, match="one test image of label 1; mechanism needs two of each"):
        ranking_half(np.array([0, 0, 1]), classes=2)


def test_what_ranks_filters_does_not_see_what_judges_them(lenet: nn.Module, digits: Digits) -> None:
    chosen = choose_blocks(lenet, (1, 28, 28), ["conv2"])
    heads = train_heads(lenet, chosen, *digits, classes=10, key=("test",), recipe=Heads(epochs=2, augmentation=None))
    ranking = ranking_half(digits[1], classes=10)
    found = []
    for noise in (0, 1):
        images = np.where(ranking[:, None, None, None], digits[0], digits[0] // (1 + noise) + 50 * noise).astype("u1")
        read = chunked((images, digits[1]))
        found.append(halves(lenet, chosen, heads, read, digits[1], ranking=ranking, params=PARAMS))
    one, other = found
    assert all(np.array_equal(one.qualities[name], other.qualities[name], equal_nan=True) for name in one.qualities)
    assert np.array_equal(one.matrices["conv2"][0], other.matrices["conv2"][0])
    assert not np.allclose(one.matrices["conv2"][1], other.matrices["conv2"][1])
    whole = read_out(lenet, chosen, heads, chunked(digits))["conv2"][0]
    counts = np.bincount(digits[1])[None, :, None]
    shares = np.bincount(digits[1][ranking])[None, :, None] / counts
    mixed = one.matrices["conv2"][0] * shares + one.matrices["conv2"][1] * (1 - shares)
    assert np.allclose(whole, mixed, atol=1e-5 * np.abs(whole).max())


def test_estimates_of_infinite_values() -> None:
    found = estimates(np.array(np.inf), np.array([2.0] * 30 + [np.inf] * 10), np.ones(99))
    assert found["value"] == found["high"] == np.inf
    assert 0.5 < found["low"] < 2
    assert found["null"] == pytest.approx(1)
    assert found["p"] == pytest.approx(0.02)


def test_intervals_are_as_wide_as_replicates_are_far() -> None:
    found = estimates(np.array(2.0), np.array([2.3, 1.7, 2.4]), np.ones(99))
    half = 1.959964 * np.sqrt((0.09 + 0.09 + 0.16) / 3)
    assert (found["low"], found["high"]) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_intervals_stay_in_range() -> None:
    wide = {"value": np.array(0.5), "low": np.array(-0.2), "high": np.array(1.3)}
    for quantity, low, high in (("dead", 0, 1), ("labels", 0, 1.3), ("strength", -0.2, 1.3)):
        found = within_range(quantity, wide)
        assert (found["low"], found["high"]) == (low, high)


def test_intervals_cover_what_as_many_images_give() -> None:
    """Class means of 100 images, 300 filters; percentiles of the replicates cover it in 60 to 80 %."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(300, 5, 5))
    spread = 0.1
    samples = of_fields(truth + spread * rng.normal(size=(400, *truth.shape)), 0.3)[1]
    held: dict[str, list[bool]] = {"labels_all": [], "noise_all": [], "snr": []}
    for _ in range(100):
        means = truth + spread * rng.normal(size=truth.shape)
        drawn = means + spread * rng.normal(size=(50, *truth.shape))
        (_, observed), (_, replicates) = (of_fields(each, 0.3) for each in (means, drawn))
        for name, hits in held.items():
            found = estimates(observed[name], replicates[name], replicates[name])
            hits.append(bool(found["low"] <= samples[name].mean() <= found["high"]))
    assert all(np.mean(hits) >= 0.9 for hits in held.values()), {name: np.mean(hits) for name, hits in held.items()}
