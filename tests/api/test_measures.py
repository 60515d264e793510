"""Each measure in one call, on any network: the numbers of the step, by the same code."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import probecore as pc
from probecore.activations.params import ActivationsParams
from probecore.activations.run import run_network as run_activations
from probecore.api.measures import options_of
from probecore.claims.catalogue import LEADING, known_tables
from probecore.dataset import Dataset, Split, write_dataset
from probecore.determinism import Numerics
from probecore.files import FLOAT_FORMAT, open_hdf5
from probecore.measures import declaration
from probecore.models.params import ModelParams
from probecore.params import section_class
from probecore.provenance import package_of
from probecore.torchvision_import import import_torchvision
from probecore.train.checkpoints import NetworkInfo, save_checkpoints
from probecore.train.params import Normalise

SMALL: dict[str, dict[str, Any]] = {
    "anova": {"layers": ["conv1"], "excitations": ["mean_patch"], "permutations": 19},
    "mutual_information": {
        "images": 30,
        "shuffles": 19,
        "layer_shuffles": 19,
        "redundancy": None,
        "ablation": {"fractions": [0.5], "random": 0, "retraining_steps": 1},
    },
    "mechanism": {
        "layers": ["conv2"],
        "heads": {"epochs": 1, "batch": 10},
        "sweep": [],
        "bootstrap": 20,
        "permutations": 20,
        "importance_images": 20,
        "pruning": None,
    },
    "recos": {
        "layers": ["conv1"],
        "images": 20,
        "resamples": 19,
        "polarity": {"images": 20},
        "sphere": {"patches": 100, "directions": 20},
    },
    "mean_dimension": {
        "bases": ["pixels"],
        "images": 4,
        "features": 5,
        "layers": {"images": 2, "features": 3},
        "companions": None,
        "deletion": {"images": 10},
    },
}
ARRAYS = {"mechanism": "fields.h5", "recos": "spectral.h5", "mean_dimension": "heatmaps.h5"}
NORMALISE = {"mean": 0.4, "std": 0.9}


def noise(count: int, channels: int = 1, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(count).integers(0, 256, (count, channels, size, size), dtype=np.uint8)
    return pixels, np.arange(count) % 3


TRAIN, TEST = noise(40), noise(36)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a LeNet-5 that a study would call random_state-7/given, and its activations, in files."""
    folder = tmp_path_factory.mktemp("files")
    parts = {"train": Split(*TRAIN), "test": Split(*TEST)}
    write_dataset(dataset := Dataset.from_splits("noise", classes=("a", "b", "c"), **parts), folder / "data.h5")
    network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    info = NetworkInfo(
        experiment="random_state-7",
        network="given",
        model=ModelParams.read("lenet5"),
        normalise=Normalise.read(NORMALISE),
        input_shape=[1, 28, 28],
        outputs=3,
        data=dataset.sha256,
    )
    save_checkpoints(folder / "given.safetensors", info, {0: network.state_dict()})
    run_activations(
        data=folder / "data.h5",
        checkpoints=folder / "given.safetensors",
        params=ActivationsParams.read({"excitations": {}}),
        numerics=Numerics(),
        output=folder / "given.h5",
    )
    return folder


@pytest.mark.parametrize("measure", SMALL)
def test_tables_are_those_of_the_step(measure: str, folder: Path) -> None:
    section, files = section_class(measure), {"data": "data.h5", "checkpoints": "given.safetensors"}
    if section.reads_activations:
        files["activations"] = "given.h5"
    importlib.import_module(f"{package_of(measure)}.run").run_network(
        **{name: folder / file for name, file in files.items()},
        params=section.read(SMALL[measure]),
        numerics=Numerics(),
        output=folder / measure,
    )
    options = {"n_images" if name == "images" else name: value for name, value in SMALL[measure].items()}
    network = pc.open_network(folder / "given.safetensors")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    result: pc.Result = getattr(pc, f"measure_{measure}")(
        network, *TEST, train_images=TRAIN[0], train_labels=TRAIN[1], random_state=7, **options
    )
    assert sorted(f"{name}.csv" for name in result.tables) == sorted(
        path.name for path in (folder / measure).glob("*.csv")
    )
    for name, table in result.tables.items():
        text = table.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
        assert text == (folder / measure / f"{name}.csv").read_text(), name
        assert set(table.columns) <= {*LEADING, *known_tables()[f"{measure}/{name}.csv"].all}, name
    if measure in ARRAYS:
        with open_hdf5(folder / measure / ARRAYS[measure]) as file:
            assert result.arrays
            assert all(np.array_equal(file[name][()], array, equal_nan=True) for name, array in result.arrays.items())
    assert {"layer", "n"} <= set(result.layers) and set(result.filters) >= {"layer", "filter", "value", "low", "high"}
    assert set(result.filters["quantity"]) <= set(declaration(measure).quantities)
    assert len(repr(result).splitlines()) < 40 and measure in repr(result)
    assert "<table" in result._repr_html_()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.fixture(scope="module")
def resnet() -> torch.nn.Module:
    torch.manual_seed(0)
    return import_torchvision().models.resnet18(weights=None, num_classes=5)


PIXELS, LABELS = noise(32, channels=3, size=32)
CHEAP: dict[str, Any] = {
    "n_images": 3,
    "features": 4,
    "bases": ["pixels"],
    "layers": None,
    "companions": None,
    "deletion": None,
}


def test_a_large_network_is_measured_in_part_and_what_is_said_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("probecore.api.fitting.MOST_MULTIPLY_ADDS", 1e6)
    network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    arrays: dict[str, Any] = {"train_images": TRAIN[0], "train_labels": TRAIN[1], "normalise": NORMALISE}
    counts = {
        given: {name: set(tables[name][column]) for name, column in (("permutations", "n"), ("filters", "layer"))}
        for given, asked in (("nothing", {}), ("31", {"permutations": 31, "layers": ["conv1"]}))
        for tables in [pc.measure_anova(network, *TEST, **arrays, **asked).tables]
    }
    assert counts["nothing"] == {"permutations": {39}, "filters": {"fc2"}}
    assert counts["31"] == {"permutations": {31}, "filters": {"conv1"}}
    assert "anova of a large network, in part: " in capsys.readouterr().err


def test_float_images_need_no_word_on_augmentation() -> None:
    network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    images, labels = TEST[0] / 127.5 - 1, TEST[1]
    options: dict[str, Any] = SMALL["mechanism"] | {"heads": {"epochs": 1}}
    result = pc.measure_mechanism(network, images, labels, train_images=images, train_labels=labels, **options)
    assert (result.layers["quantity"] == "accuracy").any()


def test_pixels_are_scaled_and_floats_are_as_they_are(resnet: torch.nn.Module) -> None:
    floats = ((torch.from_numpy(PIXELS).float() - 255 * 0.4) / (255 * 0.9)).double()
    of_pixels = pc.measure_mean_dimension(resnet, PIXELS, LABELS, normalise=NORMALISE, **CHEAP).tables["outputs"]
    of_floats = pc.measure_mean_dimension(resnet, floats, torch.from_numpy(LABELS), **CHEAP).tables["outputs"]
    other = pc.measure_mean_dimension(resnet, PIXELS, LABELS, normalise=NORMALISE, random_state=1, **CHEAP).tables[
        "outputs"
    ]
    np.testing.assert_allclose(of_pixels["value"], of_floats["value"], rtol=1e-3)
    assert not np.allclose(of_pixels["value"], other["value"], rtol=1e-3), "random_state names the draws"


def test_without_labels_and_with_a_generator(resnet: torch.nn.Module) -> None:
    tables = [
        pc.measure_mean_dimension(
            resnet, PIXELS, normalise=NORMALISE, random_state=np.random.default_rng(1), **CHEAP
        ).tables
        for _ in range(2)
    ]
    assert tables[0]["outputs"].equals(tables[1]["outputs"])
    assert tables[0]["outputs"]["value"].notna().all()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "uint8 without a scaling": ({"normalise": None}, "nothing says how this network wants them scaled"),
    "pixels as floats": ({"images": PIXELS.astype(np.float32), "normalise": None}, "look like unscaled pixels"),
    "floats with a scaling": ({"images": PIXELS / 255.0}, "float images are taken as they are"),
    "scaled uint8": ({"images": PIXELS // 128}, "looks scaled"),
    "int64": ({"images": PIXELS.astype(np.int64)}, "int64; give uint8"),
    "channels last": ({"images": np.moveaxis(PIXELS, 1, 3)}, "looks like channels last"),
    "NaN": ({"images": np.full(PIXELS.shape, np.nan), "normalise": None}, "NaN or infinity"),
    "one image": ({"images": PIXELS[0]}, "n_images, n_channels, height, width"),
    "labels too few": ({"labels": LABELS[1:]}, "give 32 whole numbers"),
    "labels too many": ({"labels": LABELS + 3}, "labels are 3 to 5, the network has 5 outputs"),
    "other training images": ({"train_images": TRAIN[0], "train_labels": TRAIN[1]}, "make them alike"),
    "training images alone": ({"train_images": PIXELS}, "labels of both"),
    "an unknown parameter": ({"n_image": 3}, "n_image: unknown key; did you mean"),
    "grey images": ({"images": TEST[0][:32]}, "fails on images of shape"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(change: dict[str, Any], message: str, resnet: torch.nn.Module) -> None:
    call = {"images": PIXELS, "labels": LABELS, "normalise": NORMALISE} | change
    with pytest.raises(pc.InputError, match=message) as error:
        pc.measure_mean_dimension(resnet, **call)
    assert "\n" not in str(error.value)


def test_what_a_measure_cannot_do_with_floats_or_without_training_images(resnet: torch.nn.Module) -> None:
    floats: dict[str, Any] = {"images": PIXELS / 255 - 0.5, "train_images": PIXELS / 255 - 0.5}
    with pytest.raises(pc.InputError, match="give uint8"):
        pc.measure_recos(resnet, labels=LABELS, train_labels=LABELS, **floats)
    with pytest.raises(pc.InputError, match=r"augmentation.shift: is of uint8 images"):
        pc.measure_mechanism(
            resnet, labels=LABELS, train_labels=LABELS, heads={"batch": 8, "augmentation": {"shift": 2}}, **floats
        )
    with pytest.raises(pc.InputError, match="need train_images"):
        pc.measure_mutual_information(resnet, PIXELS, LABELS, normalise=NORMALISE, ablation={})


def test_a_checkpoint_knows_its_scaling(folder: Path) -> None:
    network = pc.open_network(str(folder / "given.safetensors"))
    with pytest.raises(pc.InputError, match="floats on .0, 1., which this network was not trained on"):
        pc.measure_mean_dimension(network, TEST[0] / 255.0, TEST[1], **CHEAP)
    with pytest.raises(pc.InputError, match="no checkpoint of epoch 3"):
        pc.open_network(folder / "given.safetensors", epoch=3)
    images, labels = pc.load_dataset(str(folder / "data.h5")).test.arrays()
    assert np.array_equal(images, TEST[0]) and np.array_equal(labels, TEST[1])


@pytest.mark.parametrize("measure", SMALL)
def test_help_names_every_parameter(measure: str) -> None:
    function = getattr(pc, f"measure_{measure}")
    names = {"n_images" if name == "images" else name for name in options_of(section_class(measure))}
    assert names <= set(inspect.signature(function).parameters)
    assert all(
        f"\n    {name} : " in str(inspect.getdoc(function)) or f"\n{name} : " in str(inspect.getdoc(function))
        for name in names
    )


def test_a_multiverse_belongs_to_a_study() -> None:
    network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    with pytest.raises(pc.InputError, match="multiverse: only a study has one"):
        pc.measure_recos(network, *TEST, train_images=TEST[0], train_labels=TEST[1], multiverse={})
