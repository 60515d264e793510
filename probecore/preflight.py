"""What only the networks themselves can tell of a study's parameters, before any job starts.

Every network is built once, as an outline without memory where possible: it must fit its data set,
and the chosen layers must exist. What has passed is remembered in ``.probecore/checked``, so that
starting a workflow costs no import of torch.
"""

import hashlib
import json
from pathlib import Path

from probecore.errors import InputError
from probecore.params import MEASURES, Experiment, Study
from probecore.provenance import code_hash

FOLDER = Path(".probecore/checked")


def check_networks(study: Study) -> None:
    """Build the network of every experiment and look up the layers it names.

    Raises
    ------
    InputError
        With the key's path, for a network that does not fit its data or a layer that is not there.
    """
    code = code_hash("probecore.preflight")
    for name, experiment in study.experiments.items():
        dataset = study.datasets[experiment.dataset]
        if dataset.is_regression(experiment.dataset):
            _check_regression(f"params.yaml: experiments.{name}", experiment)
        if (form := dataset.form(experiment.dataset)) is not None:
            _check_once(name, experiment, *form, code=code)


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


def _check_once(name: str, experiment: Experiment, input_shape: tuple[int, ...], outputs: int, *, code: str) -> None:
    passed = FOLDER / _key(experiment, input_shape, outputs, code)
    if not passed.exists():
        try:
            _check(experiment, input_shape, outputs)
        except InputError as error:
            raise InputError(f"params.yaml: experiments.{name}.{error}") from None
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.touch()


def _check(experiment: Experiment, input_shape: tuple[int, ...], outputs: int) -> None:
    from probecore.activations.layers import select_layers
    from probecore.models.build import outline_model
    from probecore.models.layers import zeros_for
    from probecore.models.tracing import trace

    _check_scaling(experiment, input_shape)
    try:
        model = outline_model(experiment.train.model, input_shape=input_shape, outputs=outputs)
    except InputError as error:
        raise InputError(f"train.{error}") from None
    if experiment.activations is not None:
        with zeros_for(model, input_shape) as zeros:
            calls = trace(model, zeros)
        try:
            select_layers(experiment.activations.layers, calls)
        except InputError as error:
            raise InputError(f"activations.{error}") from None


def _check_scaling(experiment: Experiment, input_shape: tuple[int, ...]) -> None:
    normalise = experiment.train.normalise
    for name, value in (("mean", normalise.mean), ("std", normalise.std)):
        if isinstance(value, list) and len(value) not in (1, input_shape[0]):
            raise InputError(
                f"train.normalise.{name}: {len(value)} values for {input_shape[0]} channels; give one each"
            )


def _key(experiment: Experiment, input_shape: tuple[int, ...], outputs: int, code: str) -> str:
    model = experiment.train.model
    own = model.file.read_text(encoding="utf-8") if model.file is not None else None
    layers = None if experiment.activations is None else experiment.activations.layers
    content = [model.model_dump(mode="json"), own, layers, input_shape, outputs, code]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
