"""One network and an experiment, from files to files."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

from probecore.activations import run as activations_run
from probecore.activations.params import ActivationsParams
from probecore.dataset import Dataset, Split, load_dataset, write_dataset
from probecore.dataset.embedded import mnist5k
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.files import read_json, read_table
from probecore.measures.mutual_information.keys import KEYS
from probecore.measures.mutual_information.params import Ablation, MutualInformationParams, Redundancy
from probecore.measures.mutual_information.plane import Point, contrast_rows, convergence_rows
from probecore.measures.mutual_information.result import result_of
from probecore.measures.mutual_information.run import run_network
from probecore.measures.mutual_information.summary import share_found, summarise
from probecore.measures.mutual_information.variables import balanced
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.networks import NO_CONTROL
from probecore.train import run as train_run
from probecore.train.params import Recipe, TrainParams

PARAMS = MutualInformationParams(
    shuffles=19,
    layer_shuffles=19,
    redundancy=Redundancy(units=6, shuffles=39),
    ablation=Ablation(fractions=[0.5], random=1, retraining_steps=2),
    design=Recipe(epochs=1, batch=20),
)
ACTIVATIONS = {"layers": ["act1", "act2", "fc3"], "store": ["pooled"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, two LeNet-5 (one on shuffled labels) and their dumps."""
    folder = tmp_path_factory.mktemp("networks")
    digits = mnist5k()
    parts = {
        name: Split(part.inputs[:count], part.targets[:count])
        for name, part, count in (("train", digits.train, 200), ("test", digits.test, 120))
    }
    write_dataset(Dataset.from_splits("digits", classes=digits.classes, **parts), folder / "data.h5")
    params = TrainParams.read({"model": "lenet5", "epochs": 1, "batch": 20, "shuffled": {"epochs": 1}})
    for network in params.networks:
        files = {"data": folder / "data.h5", "numerics": Numerics()}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            train_run.run_network(
                experiment="small",
                network=network,
                params=params,
                checkpoints=folder / f"{network}.safetensors",
                history=folder / f"{network}.csv",
                **files,
            )
        dump(folder, network, ACTIVATIONS)
    return folder


def dump(folder: Path, network: str, activations: dict[str, object], to: str = "") -> None:
    activations_run.run_network(
        data=folder / "data.h5",
        checkpoints=folder / f"{network}.safetensors",
        params=ActivationsParams.read(activations),
        numerics=Numerics(),
        output=folder / (to or f"{network}.h5"),
    )


def run(
    folder: Path, network: str, output: Path, *, dumped: str = "", params: MutualInformationParams = PARAMS
) -> None:
    run_network(
        data=folder / "data.h5",
        checkpoints=folder / f"{network}.safetensors",
        activations=folder / (dumped or f"{network}.h5"),
        params=params,
        numerics=Numerics(),
        output=output,
    )


def test_tables_figures_and_summary(folder: Path, tmp_path: Path) -> None:
    for network in ("trained-0", "shuffled-0"):
        run(folder, network, tmp_path / network)
    tables = {name: read_table(tmp_path / "trained-0" / f"{name}.csv") for name in (*KEYS, "filters")}
    assert all(len(table) for table in tables.values())
    filters = tables["filters"]
    assert set(filters["layer"]) == {"conv1", "conv2", "fc3"}
    assert set(filters["site"]) == {"act", "conv"}  # the last layer has no activation
    assert len(filters) == 2 * 2 * (6 + 16 + 10)
    known = filters[filters["quantity"] == "label_information"]
    assert known[["value", "null", "p"]].notna().all(axis=None)
    assert known["low"].isna().all()  # 12 images per class are too few for an interval
    assert known["p"].between(1 / 20, 1).all()
    assert set(tables["design"]["variant"]) == {"full", "suggested", "uniform"}
    assert set(tables["ablation"]["retrained"]) == {0, 1}
    assert set(tables["ablation"]["n"]) == {60}  # the other half ranks the units
    assert set(tables["design"]["n"]) == {60}
    shuffled = read_table(tmp_path / "shuffled-0" / "ablation.csv")
    assert set(shuffled["retrained"]) == {0}
    assert not len(read_table(tmp_path / "shuffled-0" / "design.csv"))

    out = tmp_path / "out"
    summarise(experiment="small", networks=[tmp_path / "trained-0", tmp_path / "shuffled-0"], output=out)
    summary = read_json(out / "summary.json")
    assert any(remark.startswith("Changes of the probe's bound have no interval") for remark in summary["remarks"])
    assert {"probe_bound.trained.fc3", "label_null_per_unit.untrained.conv1"} <= set(summary["headline"])
    assert "label_information_gained_by_output.trained.noise_0.1" in summary["headline"]
    assert summary["figures"][0]["file"] == "audit.svg" and any(
        "Audit of information" in one for one in summary["remarks"]
    )
    assert summary["headline"]["informative_units.untrained"] is None  # 19 permutations find nothing among 64 units
    assert {"p_adjusted"} <= set(read_table(out / "pairs.csv")) & set(read_table(out / "choice.csv"))
    for entry in summary["figures"]:
        assert (out / entry["file"]).exists() and (out / entry["table"]).exists()

    run(folder, "shuffled-0", tmp_path / "again")
    for path in sorted((tmp_path / "shuffled-0").iterdir()):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_parts_not_wanted(folder: Path, tmp_path: Path) -> None:
    dump(folder, "trained-0", {"layers": ["fc1", "fc3"], "epochs": "last", "store": ["maps"]}, "maps.h5")
    few = PARAMS.model_copy(update={"redundancy": None, "ablation": None, "design": None, "site": "conv"})
    run(folder, "trained-0", tmp_path / "trained-0", dumped="maps.h5", params=few)
    summarise(experiment="small", networks=[tmp_path / "trained-0"], output=tmp_path / "out")
    assert (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        ({"store": ["class_means"]}, "activations.store"),
        ({"splits": ["train"]}, "activations.splits"),
        ({"layers": ["pool*"]}, "activations.layers"),
    ],
)
def test_a_dump_that_lacks_something(
    folder: Path, tmp_path: Path, activations: dict[str, object], message: str
) -> None:
    dump(folder, "trained-0", ACTIVATIONS | activations, "lacking.h5")
    with pytest.raises(InputError, match=message):
        run(folder, "trained-0", tmp_path / "out", dumped="lacking.h5")


def test_given_weights_are_no_untrained_network(folder: Path, tmp_path: Path) -> None:
    """A given network has epoch 0 alone, the test images lack a class, and there are 27 of them."""
    digits = load_dataset(folder / "data.h5")
    kept = np.flatnonzero(digits.test.targets != 4)[:27]
    parts = {"train": digits.train, "test": Split(digits.test.inputs[kept], digits.test.targets[kept])}
    write_dataset(Dataset.from_splits("digits", classes=digits.classes, **parts), tmp_path / "data.h5")
    model = {"name": "mlp", "hidden": [8, 6]}
    weights = build_model(ModelParams.read(model), input_shape=(1, 28, 28), outputs=10)
    save_file(weights.state_dict(), tmp_path / "weights.safetensors")
    given = {"weights": str(tmp_path / "weights.safetensors")}
    params = TrainParams.read({"model": model, "seeds": [], "given": given})
    train_run.run_network(
        experiment="small",
        network="given",
        params=params,
        data=tmp_path / "data.h5",
        numerics=Numerics(),
        checkpoints=tmp_path / "given.safetensors",
        history=tmp_path / "given.csv",
    )
    dump(tmp_path, "given", {"layers": ["act*", "fc*"], "splits": ["test"], "store": ["pooled"]})
    run(tmp_path, "given", tmp_path / "given", params=PARAMS)
    filters = read_table(tmp_path / "given" / "filters.csv")
    assert filters.loc[filters["quantity"] == "input_information", "null"].isna().all()
    assert set(read_table(tmp_path / "given" / "ablation.csv")["retrained"]) == {0, 1}
    classes = read_table(tmp_path / "given" / "classes.csv")
    missing = classes[classes["label"] == 4]
    assert missing[["value", "ceiling"]].abs().max(axis=None) < 1e-12
    assert (missing["p"] == 1).all()
    summarise(experiment="small", networks=[tmp_path / "given"], output=tmp_path / "out")
    assert NO_CONTROL in read_json(tmp_path / "out" / "summary.json")["remarks"]
    assert not len(read_table(tmp_path / "out" / "contrasts.csv"))


def test_a_dump_of_another_network(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="other checkpoints"):
        run(folder, "trained-0", tmp_path / "out", dumped="shuffled-0.h5")


def test_balanced_classes() -> None:
    labels = np.array([0] * 10 + [1] * 3 + [2] * 10 + [3])
    assert np.bincount(labels[balanced(labels, 11)], minlength=4).tolist() == [4, 3, 3, 0]
    assert np.bincount(labels[balanced(labels, 100)], minlength=4).tolist() == [10, 3, 10, 0]


def test_convergence_of_known_places() -> None:
    def points(kept: float, said: float) -> list[Point]:
        sample = np.linspace(-1, 1, 40)
        pairs = (("input", kept + sample), ("label", said + sample / 4))
        name = "kolchinsky_tracey_upper"
        return [
            Point(name, 0.1, of, True, result_of(local, None, estimator=name, ceiling=9.0, parameters={}))
            for of, local in pairs
        ]

    places = {epoch: points(*place) for epoch, place in {0: (3.0, 0.2), 4: (1.0, 1.0), 5: (0.5, 0.25)}.items()}
    found = pd.DataFrame(convergence_rows(places, ceiling=1.0, accuracy={0: 0.1, 4: 0.9, 5: 0.8}))
    assert found["vertical"].tolist() == pytest.approx([0.8, 0, 0.25])
    assert found["horizontal"].tolist() == pytest.approx([2.8, 0, 0.25])
    assert found["drift"].tolist()[1:] == pytest.approx([-0.9, 0.5])
    error = np.linspace(-1, 1, 40).std(ddof=1) / math.sqrt(40)
    half = (found["distance_high"] - found["distance_low"]) / 2
    assert half.tolist() == pytest.approx([1.959964 * error / 2, 1.959964 * error / 2, 1.959964 * error * 1.5])
    assert (found["drift_high"] - found["drift_low"])[1] == pytest.approx(0, abs=1e-12)  # the same images move alike
    rows = list(contrast_rows(places[0], places[4]))
    assert [entry["value"] for entry in rows] == pytest.approx([-2.0, 0.8])
    assert rows[0]["high"] - rows[0]["low"] == pytest.approx(0, abs=1e-12)


def test_share_found_is_none_where_nothing_can_be_found() -> None:
    p = np.full(40, 0.05)
    assert share_found(p, np.full(40, 0.05), permutations=19) == 1
    assert share_found(p, np.full(40, 0.2), permutations=19) is None
    assert share_found(p, np.full(40, 0.2), permutations=999) == 0
    assert share_found([np.nan], [np.nan], permutations=999) is None
