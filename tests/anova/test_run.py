"""From checkpoints and dumps to tables and the verdict, on small networks."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probecore.activations.params import ActivationsParams
from probecore.activations.run import run_network as run_activations
from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.files import read_table
from probecore.measures.anova.keys import MAIN
from probecore.measures.anova.params import AnovaParams
from probecore.measures.anova.run import KEYS, run_network
from probecore.measures.anova.summary import judge, summarise
from probecore.train.checkpoints import describe, load_checkpoint, save_checkpoints
from probecore.train.params import TrainParams
from probecore.train.run import run_network as run_train

SMALL: dict[str, Any] = {"permutations": 59}
EXCITATIONS: dict[str, Any] = {"layers": ["conv*", "fc3"], "dilations": [1, 2], "covariance_images": 10}
TRAIN: dict[str, Any] = {
    "model": "lenet5",
    "epochs": 1,
    "batch": 10,
    "learning_rate": 0.01,
    "shuffled": {"epochs": 1},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks trained on random images with a bar where their class says."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        pixels, labels = rng.integers(0, 60, (n, 1, 12, 12), dtype=np.uint8), np.arange(n) % 3
        pixels[np.arange(n), 0, 2 + 3 * labels] = 255
        return Split(pixels, labels)

    dataset = Dataset.from_splits("bars", classes=("a", "b", "c"), train=split(60), test=split(40))
    write_dataset(dataset, folder / "data.h5")
    params = TrainParams.read(TRAIN | {"seeds": [0]})
    for network in params.networks:
        run_train(
            experiment="bars",
            network=network,
            data=folder / "data.h5",
            params=params,
            numerics=Numerics(),
            checkpoints=folder / f"{network}.safetensors",
            history=folder / f"{network}.csv",
        )
        dump(folder, network, f"{network}.h5", {"excitations": EXCITATIONS})
        excitations = [*AnovaParams().excitations, "gradient_outer_product"]
        measure(folder, network, SMALL | {"excitations": excitations, "published": {"features": {"layer": "conv2"}}})
    return folder


def dump(folder: Path, network: str, name: str, section: dict[str, Any]) -> None:
    run_activations(
        data=folder / "data.h5",
        checkpoints=folder / f"{network}.safetensors",
        params=ActivationsParams.read({"layers": ["conv*"], "store": ["pooled"]} | section),
        numerics=Numerics(),
        output=folder / name,
    )


def measure(folder: Path, network: str, section: dict[str, Any], *, dumped: str = "", output: str = "") -> None:
    run_network(
        data=folder / "data.h5",
        checkpoints=folder / f"{network}.safetensors",
        activations=folder / (dumped or f"{network}.h5"),
        params=AnovaParams.read(section),
        numerics=Numerics(),
        output=folder / "tables" / (output or network),
    )


def test_all_relations_are_there(study: Path) -> None:
    table = read_table(study / "tables/trained-0/relations.csv")
    assert set(table["epoch"]) == {0, 1}
    at_last = table[table["epoch"] == 1].groupby("excitation").size()
    layers, relations, classes = 3, 3, 3
    assert at_last.to_dict() == {
        "activation_weighted_patch": relations * (2 + 2 + 1 + layers * classes),
        "mean_patch": relations * (2 + 2 + 1),
        "feature_map": relations * layers * 3,
        "patch_covariance": relations * layers,
        "gradient_outer_product": relations * layers,
    }
    assert table["r2"].dropna().between(0, 1).all()
    assert (table["p_holm"].dropna() >= table.loc[table["p_holm"].notna(), "p"]).all()
    assert table.loc[table["epoch"] == 0, ["change", "change_low"]].isna().all(axis=None)
    means = table[table["excitation"] == "mean_patch"].set_index(["layer", "relation", "dilation"])
    trained, before = means[means["epoch"] == 1], means[means["epoch"] == 0]
    np.testing.assert_allclose(trained["change"], trained["r2"] - before["r2"], atol=1e-8)


def test_filters(study: Path) -> None:
    filters = read_table(study / "tables/trained-0/filters.csv")
    counts = filters.groupby(["layer", "epoch", "quantity"]).size()
    assert counts.groupby("layer").unique().map(list).to_dict() == {"conv1": [6], "conv2": [16], "fc3": [3]}
    known = filters.dropna()
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()


def test_same_bytes_twice(study: Path) -> None:
    for name in ("once", "twice"):
        measure(study, "trained-0", SMALL | {"layers": ["conv1"]}, output=name)
    for name in (*KEYS, "filters"):
        once, twice = (study / "tables" / folder / f"{name}.csv" for folder in ("once", "twice"))
        assert once.read_bytes() == twice.read_bytes()


@pytest.mark.usefixtures("draft_figures")
def test_summary(study: Path) -> None:
    summarise(
        experiment="bars", networks=[study / "tables/shuffled-0", study / "tables/trained-0"], output=study / "summary"
    )
    summary = json.loads((study / "summary/summary.json").read_text())
    assert "public code" in summary["reconstruction"]
    audit = read_table(study / "summary/audit.csv")
    assert audit["step"].tolist() == ["comparison", "neural feature ansatz", "reading"]
    assert sum("Neural feature ansatz, " in remark for remark in summary["remarks"]) == 2 * 3  # conditions, layers
    assert all(any(verdict in remark for remark in summary["remarks"]) for verdict in audit["verdict"])
    assert summary["figures"][0]["file"] == "audit.svg" and summary["tables"][0]["file"] == "audit.csv"
    reported = read_table(study / "summary/reported.csv")
    assert set(reported["features"]) == {"images", "noise", "shuffled pixels", "untrained backbone"}
    assert set(reported["condition"]) == {"trained", "shuffled"}
    assert {"r2.trained.conv1", "r2.untrained.conv1", "r2.shuffled.conv1", "nulls_held"} <= set(summary["headline"])
    verdicts = pd.read_csv(study / "summary/verdicts.csv")
    assert set(verdicts["held"]) <= {"held", "not held", "undecided"}
    assert (verdicts.loc[verdicts["null"] == "untrained network", "held"] == "undecided").all()
    assert set(verdicts["null"]) == {
        "filters permuted",
        "kernels moved",
        "untrained network",
        "network trained on shuffled labels",
        "constrained, kernels expanded",
    }
    for entry in summary["figures"] + summary["tables"]:
        assert (study / "summary" / entry["file"]).exists()


def test_without_the_authors_procedure_nothing_is_audited(study: Path) -> None:
    measure(study, "trained-0", SMALL | {"layers": ["conv1"]}, output="trained-0-alone/trained-0")
    summarise(experiment="bars", networks=[study / "tables/trained-0-alone/trained-0"], output=study / "alone")
    summary = json.loads((study / "alone/summary.json").read_text())
    assert read_table(study / "alone/audit.csv").empty
    assert "audit.svg" not in [figure["file"] for figure in summary["figures"]]
    assert not any("Audit" in remark for remark in summary["remarks"])


def relations_of(networks: dict[tuple[str, int], dict[str, float]]) -> pd.DataFrame:
    """Main regressions of one layer by (network, epoch)."""
    common = {"layer": "conv1", "layer_index": 0, "relation": "R2", "excitation": MAIN, "dilation": 1}
    nulls = {"class": "all", "filters_null": 0.1, "filters_p": 0.001, "taps_null": 0.1, "taps_p": 0.5}
    return pd.DataFrame(
        [common | nulls | {"network": name, "epoch": epoch} | row for (name, epoch), row in networks.items()]
    )


NO_MAPS = pd.DataFrame(columns=["network", "epoch", "layer", "relation", "significant", "n"])


def test_one_test_over_seeds() -> None:
    """A small rise in all of five seeds holds, although no network's own interval shows it."""
    rises = [0.05, 0.04, 0.06, 0.05, 0.045]
    networks = {(f"trained-{seed}", 9): {"r2": 0.3 + rise, "change": rise} for seed, rise in enumerate(rises)}
    networks |= {(f"trained-{seed}", 0): {"r2": 0.3} for seed in range(5)}
    networks |= {(f"shuffled-{seed}", 9): {"r2": 0.34 + 0.04 * (-1) ** seed} for seed in range(5)}
    expanded = pd.DataFrame(
        [
            {"network": f"trained-{seed}", "epoch": 9, "layer": "conv1", "relation": "R2", "significant": s, "n": 6}
            for seed, s in enumerate([0, 0, 1 / 6, 0, 1 / 6])
        ]
    )
    verdicts = judge(relations_of(networks), expanded).set_index("null")
    assert set(verdicts["condition"]) == {"trained"}
    assert verdicts.loc["untrained network", ["networks", "held"]].tolist() == [5, "held"]
    assert verdicts.loc["untrained network", "value"] == pytest.approx(np.mean(rises))
    assert 0 < verdicts.loc["untrained network", "low"] < verdicts.loc["untrained network", "high"]
    assert verdicts.loc["network trained on shuffled labels", "held"] == "not held"
    assert verdicts.loc["constrained, kernels expanded", "held"] == "not held"
    assert verdicts.loc["filters permuted", "held"] == "held"
    assert (verdicts["p_holm"] == verdicts["p"]).all()


def test_shuffled_controls_of_another_recipe_are_named() -> None:
    networks = {
        (f"{condition}-{seed}", 9): {"r2": r2 + 0.01 * seed**2, "change": 0.1}
        for condition, r2 in (("trained", 0.5), ("twin", 0.3), ("shuffled", 0.2))
        for seed in range(3)
    }
    verdicts = judge(relations_of(networks), NO_MAPS)
    named = verdicts[verdicts["null"].str.contains("shuffled")].set_index("condition")["null"]
    assert named["twin"] == "network trained on shuffled labels"
    assert named["trained"] == "network trained on shuffled labels, by another recipe"


def test_given_networks_are_not_their_own_control() -> None:
    """With itself as its control the change was 0 in 0 to 0, and 'not held' was counted."""
    alone = judge(relations_of({("given", 0): {"r2": 0.5}}), NO_MAPS).set_index("null")["held"]
    assert alone["untrained network"] == "no control"
    assert alone[["filters permuted", "kernels moved"]].tolist() == ["held", "not held"]
    untrained = {(f"trained-{seed}", 0): {"r2": 0.1 + 0.01 * seed} for seed in range(4)}
    beside = judge(relations_of({("given", 0): {"r2": 0.5}} | untrained), NO_MAPS).set_index("null")
    assert set(beside["condition"]) == {"given"}
    assert beside.loc["untrained network", ["networks", "held"]].tolist() == [4, "held"]
    one = relations_of({("given", 0): {"r2": 0.5}, ("reinitialised-0", 0): {"r2": 0.1}})
    assert judge(one, NO_MAPS).set_index("null").loc["untrained network", "held"] == "undecided"


@pytest.mark.parametrize("options", [{"degree": 3}, {"intercepts": "per_filter"}, {"difference": "absolute"}])
def test_options(study: Path, options: dict[str, Any]) -> None:
    measure(study, "trained-0", SMALL | {"layers": ["conv*"]} | options, output=next(iter(options)))
    plain = read_table(study / "tables/trained-0/relations.csv")
    other = read_table(study / f"tables/{next(iter(options))}/relations.csv")
    keys = ["epoch", "layer", "excitation", "relation", "dilation", "class", "response"]
    both = plain.merge(other, on=keys, suffixes=("", "_other")).query("excitation == 'activation_weighted_patch'")
    assert (both["r2"] - both["r2_other"]).abs().max() > 1e-3
    if "degree" in options:
        assert (both["r2_other"] >= both["r2"] - 1e-9).all()


def test_errors(study: Path) -> None:
    dump(study, "trained-0", "plain.h5", {})
    with pytest.raises(InputError, match="holds no excitations; set `activations.excitations`"):
        measure(study, "trained-0", SMALL, dumped="plain.h5")
    with pytest.raises(InputError, match="made of other checkpoints"):
        measure(study, "trained-0", SMALL, dumped="shuffled-0.h5")
    with pytest.raises(InputError, match=r"anova.layers: no layer 'convx' with excitations; did you mean 'conv"):
        measure(study, "trained-0", SMALL | {"layers": ["convx"]})


@pytest.mark.usefixtures("draft_figures")
def test_a_layer_whose_filters_are_all_silent(study: Path, tmp_path: Path) -> None:
    shutil.copy(study / "data.h5", tmp_path)
    checkpoints = study / "trained-0.safetensors"
    states = {epoch: load_checkpoint(checkpoints, epoch) for epoch in (0, 1)}
    states[1]["conv2.weight"].zero_()
    states[1]["conv2.bias"].fill_(-1)
    save_checkpoints(tmp_path / "trained-0.safetensors", describe(checkpoints), states)
    dump(tmp_path, "trained-0", "trained-0.h5", {"excitations": EXCITATIONS})
    measure(tmp_path, "trained-0", SMALL)
    table = read_table(tmp_path / "tables/trained-0/relations.csv")
    patches = table[table["excitation"] == "activation_weighted_patch"]
    assert set(patches[patches["epoch"] == 0]["layer"]) == {"conv1", "conv2", "fc3"}
    assert set(patches[patches["epoch"] == 1]["layer"]) == {"conv1", "fc3"}
    summarise(experiment="bars", networks=[tmp_path / "tables/trained-0"], output=tmp_path / "summary")


def test_linear_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        return Split(rng.integers(0, 256, (n, 1, 2, 2), dtype=np.uint8), np.arange(n) % 2)

    dataset = Dataset.from_splits("images", classes=("0", "1"), train=split(40), test=split(30))
    write_dataset(dataset, tmp_path / "data.h5")
    model = {"model": {"name": "mlp", "hidden": [1]}}
    run_train(
        experiment="images",
        network="trained-0",
        data=tmp_path / "data.h5",
        params=TrainParams.read({**TRAIN, **model, "seeds": [0], "shuffled": None}),
        numerics=Numerics(),
        checkpoints=tmp_path / "trained-0.safetensors",
        history=tmp_path / "trained-0.csv",
    )
    dump(tmp_path, "trained-0", "trained-0.h5", {"layers": ["fc1"], "excitations": {}})
    measure(tmp_path, "trained-0", SMALL)
    table = read_table(tmp_path / "tables/trained-0/relations.csv")
    assert set(table["layer"]) == {"fc1", "fc2"}
    assert set(table["class"]) == {"all", "0", "1"}
    summarise(experiment="features", networks=[tmp_path / "tables/trained-0"], output=tmp_path / "summary")
