"""What a measure's section requires, its job asks for: a job can be run by hand, without the checks of a study."""

from pathlib import Path

import pytest

from probecore.activations import run as activations_run
from probecore.activations.params import ActivationsParams
from probecore.dataset import write_dataset
from probecore.determinism import Numerics
from probecore.errors import InputError
from probecore.measures import MEASURES, declaration
from probecore.train import run as train_run
from probecore.train.params import TrainParams
from tests.test_steps import BASE, features


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A network of real targets, and its activations."""
    folder = tmp_path_factory.mktemp("regression")
    files = {"data": folder / "data.h5", "checkpoints": folder / "trained-0.safetensors"}
    write_dataset(features(), files["data"])
    train_run.run_network(
        experiment="one",
        network="trained-0",
        params=TrainParams.read(BASE | {"loss": "squared_error"}),
        numerics=Numerics(),
        history=folder / "history.csv",
        **files,
    )
    dumped = ActivationsParams.read({"store": ["pooled"], "excitations": {}})
    activations_run.run_network(params=dumped, numerics=Numerics(), output=folder / "activations.h5", **files)
    return files | {"activations": folder / "activations.h5"}


@pytest.mark.parametrize("measure", [name for name in MEASURES if declaration(name).section.needs_labelled_images])
def test_labelled_images(measure: str, regression: dict[str, Path], tmp_path: Path) -> None:
    import importlib

    section = declaration(measure).section
    files = regression if section.reads_activations else {name: regression[name] for name in ("data", "checkpoints")}
    job = importlib.import_module(f"{declaration(measure).package}.run")
    with pytest.raises(InputError, match=f"features: {measure} needs labelled images; write `{measure}: null`"):
        job.run_network(params=section(), numerics=Numerics(), output=tmp_path, **files)
    assert list(tmp_path.iterdir()) == []
