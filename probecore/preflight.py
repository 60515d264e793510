"""What only the networks themselves can tell of a study's parameters, before any job starts.

Every network is built once, as an outline without memory where possible: it must fit its data set, keep to the
contract (`probecore.models.contract`) and, where it is to be trained, train; given weights must fit it, and the
chosen layers must exist, and what sections of measures name. What has passed is remembered in ``.probecore/checked``,
so that starting a workflow costs no import of torch.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from probecore.errors import InputError
from probecore.files import open_hdf5, write_text
from probecore.inputs import own_files
from probecore.measures import MEASURES
from probecore.models.catalogue import MODELS
from probecore.params import Experiment, Study
from probecore.provenance import code_hash
from probecore.schema import MeasureSection

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(".probecore/checked")


def check_networks(study: Study) -> list[str]:
    """Build the network of every experiment and look up the layers it names.

    Returns
    -------
    list of str
        What is no mistake but should be known: parts of networks that cannot be seen, a GPU that is not here.

    Raises
    ------
    InputError
        With the key's path, for a network that does not fit its data or a layer that is not there.
    """
    code = code_hash("probecore.preflight")
    notes = _notes_on_device(study)
    for name, experiment in study.experiments.items():
        dataset = study.datasets[experiment.dataset]
        if dataset.is_regression(experiment.dataset):
            _check_regression(f"params.yaml: experiments.{name}", experiment)
        form = dataset.form(experiment.dataset) or _form_of(Path("data") / f"{experiment.dataset}.h5")
        if form is not None:
            notes += [f"experiments.{name}: {note}" for note in _check_once(name, experiment, *form, code=code)]
    return notes


def check_sources(study: Study) -> None:
    """Whether data that are yet to be made have a source that is there.

    Raises
    ------
    InputError
        With the key's path, for a file or folder that does not exist.
    """
    for name, dataset in study.datasets.items():
        if not Path(f"data/{name}.h5").exists():
            dataset.check_path(name)


def _form_of(path: Path) -> tuple[tuple[int, ...], int] | None:
    """Shape of one input and number of outputs of a data set that has been made; None before."""
    if not path.is_file():
        return None
    with open_hdf5(path) as file:
        shape = tuple(file["train/inputs"].shape[1:]) if "train/inputs" in file else None
        return None if shape is None else (shape, len(file.attrs["classes"]) if "classes" in file.attrs else 1)


def _notes_on_device(study: Study) -> list[str]:
    if study.numerics.device == "cpu":
        return []
    import torch

    there = torch.cuda.is_available()
    return [] if there else ["numerics.device: cuda, and no GPU answers here; jobs must run where one does"]


def _check_regression(where: str, experiment: Experiment) -> None:
    """What needs classes or images cannot be had of a regression."""
    train, activations = experiment.train, experiment.activations
    if train.loss != "squared_error":
        raise InputError(f"{where}.train.loss: {experiment.dataset} has real targets; write `squared_error`")
    if train.augmentation.shift or train.augmentation.flip:
        raise InputError(f"{where}.train.augmentation: {experiment.dataset} has no images; remove it")
    if activations is not None and "class_means" in activations.store:
        raise InputError(f"{where}.activations.store: {experiment.dataset} has no classes; write `[pooled]`")
    for measure in MEASURES:
        section = getattr(experiment, measure)
        if section is not None and section.needs_labelled_images:
            raise InputError(f"{where}.{measure}: {experiment.dataset} has no labelled images; write `{measure}: null`")


def _check_once(
    name: str, experiment: Experiment, input_shape: tuple[int, ...], outputs: int, *, code: str
) -> list[str]:
    passed = FOLDER / _key(experiment, input_shape, outputs, code)
    if not passed.exists():
        try:
            notes = _check(experiment, input_shape, outputs)
        except InputError as error:
            raise InputError(f"params.yaml: experiments.{name}.{error}") from None
        passed.parent.mkdir(parents=True, exist_ok=True)
        write_text(passed, "\n".join(notes))
    return passed.read_text(encoding="utf-8").splitlines()


def _check(experiment: Experiment, input_shape: tuple[int, ...], outputs: int) -> list[str]:
    from probecore.activations.layers import select_layers
    from probecore.models.build import outline_model
    from probecore.models.layers import unseen_parts, zeros_for
    from probecore.models.tracing import trace

    _check_scaling(experiment, input_shape)
    try:
        model = outline_model(experiment.train.model, input_shape=input_shape, outputs=outputs)
        _check_use(model, experiment, input_shape)
    except InputError as error:
        raise InputError(f"train.{error}") from None
    if experiment.activations is not None:
        with zeros_for(model, input_shape) as zeros:
            calls = trace(model, zeros.expand(2, *input_shape))  # as in a dump, which sees more than one image
        try:
            select_layers(experiment.activations.layers, calls)
        except InputError as error:
            raise InputError(f"activations.{error}") from None
    for section in _sections(experiment):
        section.check_network(model, input_shape)
    return unseen_parts(model, input_shape)


def _sections(experiment: Experiment) -> list[MeasureSection]:
    return [section for measure in MEASURES if (section := getattr(experiment, measure)) is not None]


def _check_use(model: "nn.Module", experiment: Experiment, input_shape: tuple[int, ...]) -> None:
    """Whether it can be trained, and takes the given weights, where this is wanted."""
    from probecore.models.build import example_inputs
    from probecore.models.contract import check_training
    from probecore.models.weights import read_weights

    train = experiment.train
    if train.seeds and train.epochs and train.model.name not in MODELS:
        check_training(model, example_inputs(input_shape))
    if train.given is not None and train.given.weights is not None:
        try:
            read_weights(model, Path(train.given.weights))
        except InputError as error:
            raise InputError(f"given.weights: {error}") from None


def _check_scaling(experiment: Experiment, input_shape: tuple[int, ...]) -> None:
    normalise = experiment.train.normalise
    for name, value in (("mean", normalise.mean), ("std", normalise.std)):
        if isinstance(value, list) and len(value) not in (1, input_shape[0]):
            raise InputError(
                f"train.normalise.{name}: {len(value)} values for {input_shape[0]} channels; give one each"
            )


def _key(experiment: Experiment, input_shape: tuple[int, ...], outputs: int, code: str) -> str:
    model = experiment.train.model
    own = [] if model.file is None else [(path.as_posix(), *_state(path)) for path in own_files()]
    layers = None if experiment.activations is None else experiment.activations.layers
    train, weights = experiment.train, None
    if train.given is not None and train.given.weights is not None and (file := Path(train.given.weights)).is_file():
        weights = _state(file)
    sections = [section.model_dump(mode="json") for section in _sections(experiment)]
    files = [_state(file) for section in _sections(experiment) for file in section.files() if file.is_file()]
    content = [train.model_dump(mode="json"), own, weights, layers, sections, files, input_shape, outputs, code]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _state(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns
