"""One network and some images, measured by the workflow's steps in one process, at sizes that fit a budget."""

import contextlib
import importlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file

from probecore.api.opening import open_network
from probecore.dataset import Dataset, make_dataset
from probecore.dataset.params import DatasetParams
from probecore.errors import InputError
from probecore.files import write_json, write_text
from probecore.first_params import IMAGENET
from probecore.measures import MEASURES, declaration
from probecore.models.build import build_model
from probecore.models.params import ModelParams
from probecore.models.weights import load_weights
from probecore.params import STEPS, Experiment, Study, filters_read, load_study
from probecore.planning.needs import START, needs_of
from probecore.planning.outline import Outline
from probecore.planning.sizes import WHOLE, Sizes, joined, sizes_within
from probecore.planning.speed import speed_of_this_machine
from probecore.planning.work import Images
from probecore.progress import say
from probecore.provenance import package_of
from probecore.report.build import build_report
from probecore.schema import Section
from probecore.train import describe, epochs_in, load_checkpoint

NAME = "network"
"""Of the experiment."""

DATA = "images"
"""Of the data set."""

REPORT = Path("results/report/index.html")

GATHERING = 60.0
"""Processor seconds for reading images, figures and the report."""

MARGIN = 2.0
"""How much longer than forecast a step may take: what a budget buys is forecast to take less by this."""

NETWORKS = 2
"""The network, and its copy with new random weights."""

SIDE, SIDE_OF_RANDOM = 224, 64
"""Pixels that images of a folder are scaled to: of a network with weights, and of one that is random."""


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Parameters
    ----------
    network
        A name of `probecore models`, ``torchvision:NAME``, ``timm:NAME``, ``FILE.py:FUNCTION``, or a checkpoint file.
    images
        A folder with a folder for each class, or a file of arrays.
    weights
        A file of weights for a named network; without it, a network that brings none is random.
    size
        Pixels that images of a folder are scaled to.
    """

    network: str
    images: Path
    weights: Path | None = None
    size: int | None = None

    @property
    def checkpoint(self) -> Path | None:
        """The file, where the network is that of a study."""
        return Path(self.network) if self.network.endswith(".safetensors") else None

    @property
    def source(self) -> Path | None:
        """The file, where the network is one's own."""
        path, _, _ = self.network.rpartition(":")
        return Path(path) if path.endswith(".py") else None


def examine(subject: Subject, folder: Path, *, budget: float, memory: float) -> Path:
    """Measure a network in all ways into a new folder, a study in small, and write its report.

    Parameters
    ----------
    folder : new or empty
    budget : processor seconds
    memory : bytes

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InputError
        If the network or the images are not there, or do not fit each other.
    """
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder")
    try:
        _prepare(subject, folder, budget=budget, memory=memory)
    except BaseException:  # nothing has run: what lies there would only refuse the next try
        _empty(folder)
        if not existed:
            folder.rmdir()
        raise
    with contextlib.chdir(folder):
        run_here(*load_study(Path("params.yaml")))
    return folder / REPORT


def _prepare(subject: Subject, folder: Path, *, budget: float, memory: float) -> None:
    """Make of the empty folder a study that is ready to run."""
    dataset = _section_of_images(subject)
    train = _bring(subject, folder)
    with contextlib.chdir(folder):
        section = DatasetParams.read(dataset, where=str(subject.images))
        found = make_dataset(DATA, section, output=Path(f"data/{DATA}.h5"))
        _random_weights(train, found)
        _check_weights(train, found)
        _write_params(dataset, train, found, budget=budget, memory=memory)
        load_study(Path("params.yaml"))


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def run_here(study: Study, content: dict[str, Any]) -> None:
    """Make all that a study in the working directory has, in this process, one job after the other."""
    for name, section in study.datasets.items():
        make_dataset(name, section, output=Path(f"data/{name}.h5"))
    for name, experiment in study.experiments.items():
        for step in STEPS:
            if getattr(experiment, step) is None:
                said = {"step": step, "experiment": name, "wanted": False}
                write_json(_made(Path("results", step, name)) / "summary.json", said)
            else:
                _run_step(study, name, experiment, step)
    _made(REPORT.parent)
    build_report(
        study=content, results=Path("results"), data=Path("data"), output=REPORT, metrics=Path("results/metrics.json")
    )


def _run_step(study: Study, name: str, experiment: Experiment, step: str) -> None:
    section, folder = getattr(experiment, step), _made(Path("results", step, name))
    job = importlib.import_module(f"{package_of(step)}.run")
    written = []
    for network in experiment.train.networks:
        say(f"{step} of {network}")
        checkpoints = Path("results/train", name, f"{network}.safetensors")
        files = {"data": Path(f"data/{experiment.dataset}.h5"), "checkpoints": checkpoints}
        if step == "train":
            written.append(folder / f"{network}.csv")
            files["history"] = written[-1]
            job.run_network(experiment=name, network=network, params=section, numerics=study.numerics, **files)
            continue
        written.append(folder / f"{network}.h5" if step == "activations" else _made(folder / network))
        if getattr(section, "reads_activations", None):
            files["activations"] = Path("results/activations", name, f"{network}.h5")
        job.run_network(params=section, numerics=study.numerics, output=written[-1], **files)
    measured = {"measured": [Path(path) for path in filters_read(experiment, name, step)]}
    reads = step in MEASURES and declaration(step).reads_measures
    summary = importlib.import_module(f"{package_of(step)}.summary")
    summary.summarise(experiment=name, networks=written, output=folder, **(measured if reads else {}))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _section_of_images(subject: Subject) -> dict[str, Any]:
    path = str(subject.images.resolve())
    if not subject.images.is_dir():
        if subject.size is not None:
            raise InputError(f"--size: {subject.images} is no folder of images; leave it out")
        return {"kind": "arrays", "path": path}
    if subject.checkpoint is not None:
        return {"kind": "folder", "path": path, "size": describe(subject.checkpoint).input_shape[-1]}
    is_random = subject.weights is None and subject.source is None
    return {"kind": "folder", "path": path, "size": subject.size or (SIDE_OF_RANDOM if is_random else SIDE)}


def _bring(subject: Subject, folder: Path) -> dict[str, Any]:
    """Copy what the network is made of into the folder; give the section `train`."""
    own = _made(folder / "own")
    given: dict[str, Any] = {"weights": None, "control": "reinitialised"}
    train: dict[str, Any] = {"model": subject.network, "seeds": [], "given": given}
    if (checkpoint := subject.checkpoint) is not None:
        if subject.weights is not None:
            raise InputError(f"{checkpoint}: holds weights itself; leave --weights out")
        info = describe(checkpoint)
        state = load_checkpoint(checkpoint, epochs_in(checkpoint)[-1])
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, own / "weights.safetensors")
        given["weights"] = "own/weights.safetensors"
        return train | {name: getattr(info, name).model_dump(mode="json") for name in ("model", "normalise")}
    if subject.weights is not None:
        if not subject.weights.is_file():
            raise InputError(f"{subject.weights}: no such file")
        shutil.copy(subject.weights, own)
        given["weights"] = f"own/{subject.weights.name}"
        train["normalise"] = yaml.safe_load(IMAGENET)
    if subject.source is not None:
        if not subject.source.is_file():
            raise InputError(f"{subject.source}: no such file")
        shutil.copy(subject.source, own)
        train["model"] = f"own/{subject.source.name}:{subject.network.rpartition(':')[2]}"
    return train


def _random_weights(train: dict[str, Any], dataset: Dataset) -> None:
    """Give a named network that brings no weights random ones, the same each time."""
    if train["given"]["weights"] is not None or ModelParams.read(train["model"], where="NETWORK").is_factory:
        return
    network = open_network(train["model"], input_shape=dataset.input_shape, n_outputs=dataset.outputs)
    save_file({name: tensor.clone() for name, tensor in network.state_dict().items()}, "own/weights.safetensors")
    train["given"]["weights"] = "own/weights.safetensors"


def _check_weights(train: dict[str, Any], dataset: Dataset) -> None:
    """Refuse weights that do not fit, while nothing has run."""
    if (weights := train["given"]["weights"]) is not None:
        model = ModelParams.read(train["model"], where="NETWORK")
        load_weights(build_model(model, input_shape=dataset.input_shape, outputs=dataset.outputs), Path(weights))


def _write_params(
    dataset: dict[str, Any], train: dict[str, Any], found: Dataset, *, budget: float, memory: float
) -> None:
    """Write ``params.yaml`` with sizes that fit."""
    model = build_model(
        ModelParams.read(train["model"], where="NETWORK"), input_shape=found.input_shape, outputs=found.outputs
    )
    outline = Outline.of(model, found.input_shape)
    images = Images(len(found.train), len(found.test), found.outputs)
    share = max(0.0, budget - GATHERING - 2 * START) / (MARGIN * NETWORKS * len(MEASURES))
    sizes = dict(_fitting(outline, images, share=share, memory=memory))
    limits = (sizes[step].images for step in WHOLE)
    most = min((limit for limit in limits if limit is not None), default=None)
    samples = {}
    if most is not None:
        count = max(most, 2 * found.outputs)
        images = Images(min(count, images.train), min(count, images.test), images.classes)
        samples = {"train_samples": images.train, "test_samples": images.test}
        sizes = dict(_fitting(outline, images, share=share, memory=memory))
    for line in _over(outline, sizes, share=share, memory=memory):
        say(line)
    experiment: dict[str, Any] = {
        "dataset": DATA,
        "train": train,
        "activations": joined(each.activations for each in sizes.values()),
    }
    experiment |= {step: dict(each.options) for step, each in sizes.items()}
    content = {
        "home": "home",
        "numerics": {"device": "cpu", "threads": 1},
        "datasets": {DATA: dataset | samples},
        "experiments": {NAME: experiment},
    }
    plain = json.loads(json.dumps(content))  # without references between its parts
    write_text(Path("params.yaml"), yaml.safe_dump(plain, sort_keys=False))


def _fitting(outline: Outline, images: Images, *, share: float, memory: float) -> Iterator[tuple[str, Sizes]]:
    speed = speed_of_this_machine()
    for step in MEASURES:

        def fits(section: Section, kept: Images, step: str = step) -> bool:
            return needs_of(step, outline, kept, section, speed).memory <= memory

        def room(section: Section, images: Images) -> bool:
            return needs_of("activations", outline, images, section, speed).memory <= memory

        yield step, sizes_within(share, step, outline, images, cost=speed.seconds, fits=fits, fits_dumped=room)


def _over(outline: Outline, sizes: Mapping[str, Sizes], *, share: float, memory: float) -> Iterator[str]:
    """What takes more than it may even at the least level, in lines."""
    speed, slow, large = speed_of_this_machine(), [], []
    for step, each in sizes.items():
        jobs = [needs_of(step, outline, each.kept, each.section, speed, activations=each.dumped)]
        if each.dumped is not None:
            jobs.append(needs_of("activations", outline, each.kept, each.dumped, speed))
        if speed.seconds(each.work) > share:
            slow.append(step)
        if (most := max(job.memory for job in jobs)) > memory:
            large.append(f"{step} {most / 1e9:.1f} GB")
    if slow:
        yield f"--budget is too little even for the least sizes of {', '.join(slow)}; it takes longer"
    if large:
        yield f"--memory is too little even for the least sizes: {', '.join(large)}"
