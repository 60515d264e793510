"""The five measures of one network in memory, by the code that measures the networks of a study."""

import copy
import inspect
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from probecore.activations.params import ActivationsParams
from probecore.activations.reader import Activations
from probecore.activations.run import dump_network
from probecore.api.fitting import Fitted, fit
from probecore.api.images import Array, as_split, outputs_of, scaling_of
from probecore.api.result import Result
from probecore.dataset import Dataset, Split
from probecore.errors import InputError
from probecore.measures.anova import run as anova
from probecore.measures.anova.params import AnovaParams
from probecore.measures.mean_dimension import run as mean_dimension
from probecore.measures.mean_dimension.params import MeanDimensionParams
from probecore.measures.mechanism import run as mechanism
from probecore.measures.mechanism.params import MechanismParams
from probecore.measures.mutual_information import run as mutual_information
from probecore.measures.mutual_information.params import MutualInformationParams
from probecore.measures.network import Arrays, Identity, Network, Tables
from probecore.measures.recos import run as recos
from probecore.measures.recos.params import RecosParams
from probecore.models.build import example_inputs
from probecore.models.contract import check_contract, plain_weights, unwrapped
from probecore.models.functions import name_functions
from probecore.progress import say
from probecore.schema import Section
from probecore.train.batches import Scaling
from probecore.train.params import Normalise

Scale = Normalise | Mapping[str, Any] | None
RandomState = int | np.random.Generator
Function = TypeVar("Function", bound=Callable[..., Result])
Parameters = TypeVar("Parameters", bound=Section)

MOST_BY_CLASS = 1 << 32
"""Bytes of the excitation sums of single classes."""

COUNT = "n_images"
"""What the parameter `images` of a section, a number, is called here, where `images` are the images."""

COMMON = """
    Parameters
    ----------
    network : any module that maps images to (n_images, n_outputs); it stays as it is, and runs where its weights lie
    images, labels : test images, (n_images, n_channels, height, width), and their labels, whole numbers from 0
    train_images, train_labels : training images and their labels, in the same form
    normalise : how the network wants uint8 images, ``{"mean": 0.5, "std": 1.0}`` on [0, 1], one number or one per
        channel: (x - 255 mean) / (255 std). What `open_network` read from a checkpoint knows it; float images are taken
        as they are
    random_state : names all random numbers of the call, as the experiment's name does in a study; or a generator, from
        which such a number is drawn

    Raises
    ------
    InputError
        In one line: what is wrong with arrays, network or parameters.

    Notes
    -----
    A large network is measured in part: where the defaults would take more than some minutes, fewer layers, images and
    replicates take part, by the rule of `probecore.planning.sizes`; a line says which. Options that are given stay.

    Other parameters
    ----------------
"""


def _documented(section: type[Section]) -> Callable[[Function], Function]:
    """Add the section's parameters to a function's signature and to its docstring."""

    def add(function: Function) -> Function:
        fields = {COUNT if name == "images" else name: section.model_fields[name] for name in options_of(section)}
        lines = [f"    {name} : {field.description} Default: {_default(field)}" for name, field in fields.items()]
        text, rule, examples = inspect.cleandoc(str(function.__doc__)).partition("\nExamples\n")
        parameters = inspect.cleandoc(COMMON + "\n".join(lines))
        function.__doc__ = f"{text}\n{parameters}\n{rule}{examples}"
        signature = inspect.signature(function)
        own = [parameter for parameter in signature.parameters.values() if parameter.kind != parameter.VAR_KEYWORD]
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation)
            for name, field in fields.items()
        ]
        vars(function)["__signature__"] = signature.replace(parameters=[*own, *options])
        return function

    return add


def options_of(section: type[Section]) -> list[str]:
    """Names of a measure's parameters in one call: a multiverse belongs to a study."""
    return [name for name in section.model_fields if name != "multiverse"]


def _named(section: type[Section], options: Mapping[str, Any]) -> dict[str, Any]:
    """The given keywords as the section calls them: its `images`, a number, is called `n_images` here."""
    if "multiverse" in options:
        raise InputError("multiverse: only a study has one (docs/claims.md); call with other options instead")
    known = COUNT in options and "images" in section.model_fields
    return {"images" if known and name == COUNT else name: value for name, value in options.items()}


def _default(field: Any) -> str:
    default = field.default
    return str(default.model_dump() if isinstance(default, Section) else default)


@_documented(AnovaParams)
def measure_anova(
    network: nn.Module,
    images: Array,
    labels: Array,
    *,
    train_images: Array,
    train_labels: Array,
    normalise: Scale = None,
    random_state: RandomState = 0,
    **options: Any,
) -> Result:
    """Measure whether weights follow the features of training and test images (docs/anova.md).

    Relations over the images of single classes, whose sums take 16 bytes per weight and class, are left out where they
    would take more than 4 GiB.

    Examples
    --------
    >>> import numpy as np
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    >>> labels = np.arange(60) % 3
    >>> result = pc.measure_anova(
    ...     network, images[:30], labels[:30], train_images=images[30:], train_labels=labels[30:],
    ...     normalise={"mean": 0.5}, layers=["conv1"], permutations=19)
    >>> result.plot("relations").get_title(loc="left")
    'R1'
    """
    opened = _open(network, images, labels, train_images, train_labels, normalise, random_state)
    fitted = fit("anova", opened, _named(AnovaParams, options))
    params = AnovaParams.read(fitted.options, where="measure_anova")
    dumped = _without_large_sums(fitted)
    opened = fitted.network
    return _of_activations("anova", opened, dumped, lambda dump: anova.measure_network(opened, dump, params))


@_documented(MutualInformationParams)
def measure_mutual_information(
    network: nn.Module,
    images: Array,
    labels: Array,
    *,
    train_images: Array | None = None,
    train_labels: Array | None = None,
    normalise: Scale = None,
    random_state: RandomState = 0,
    **options: Any,
) -> Result:
    """Measure what units and layers know of the labels, in nats (docs/mutual_information.md).

    Training images are for retraining after ablation and for `design`; without them nothing is retrained.

    Examples
    --------
    >>> import numpy as np
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    >>> labels = np.arange(60) % 3
    >>> result = pc.measure_mutual_information(
    ...     network, images[:30], labels[:30], normalise={"mean": 0.5},
    ...     n_images=30, shuffles=19, layer_shuffles=19, redundancy=None, ablation=None)
    >>> result.plot("units").get_ylabel()
    'I(T;Y) of a unit in bits'
    """
    given, plain = _named(MutualInformationParams, options), {"ablation": {"retraining_steps": 0}}
    untrained = plain if train_images is None else {}
    asked = MutualInformationParams.read(untrained | given, where="measure_mutual_information")
    if train_images is None and (asked.design or (asked.ablation and asked.ablation.retraining_steps)):
        raise InputError("measure_mutual_information: `design` and retraining need train_images and train_labels")
    opened = _open(network, images, labels, train_images, train_labels, normalise, random_state)
    fitted = fit("mutual_information", opened, given)
    params = MutualInformationParams.read(untrained | dict(fitted.options), where="measure_mutual_information")

    def measure(dump: Activations) -> Tables:
        return mutual_information.measure_network(fitted.network, dump, params)

    return _of_activations("mutual_information", fitted.network, fitted.activations, measure)


@_documented(MechanismParams)
def measure_mechanism(
    network: nn.Module,
    images: Array,
    labels: Array,
    *,
    train_images: Array,
    train_labels: Array,
    normalise: Scale = None,
    random_state: RandomState = 0,
    **options: Any,
) -> Result:
    """Measure which labels each filter tells apart, with linear heads on the frozen network (docs/mechanism.md).

    Heads are trained on the training images. Float ones are not augmented where nothing is said: augmentation shifts
    stored pixels.

    Examples
    --------
    >>> import numpy as np
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    >>> labels = np.arange(60) % 3
    >>> result = pc.measure_mechanism(
    ...     network, images[:30], labels[:30], train_images=images[30:], train_labels=labels[30:],
    ...     normalise={"mean": 0.5}, layers=["conv2"], heads={"epochs": 1, "batch": 10}, sweep=[], bootstrap=20,
    ...     permutations=20, pruning=None)
    >>> sorted(set(result.layers["quantity"]) & {"accuracy", "snr"})
    ['accuracy', 'snr']
    """
    opened = _open(network, images, labels, train_images, train_labels, normalise, random_state)
    heads = options.get("heads", {})
    if opened.dataset.train.inputs.dtype != np.uint8 and isinstance(heads, Mapping):
        options = {**options, "heads": {"augmentation": None} | dict(heads)}
    fitted = fit("mechanism", opened, _named(MechanismParams, options))
    params = MechanismParams.read(fitted.options, where="measure_mechanism")
    return _with_arrays("mechanism", lambda file: mechanism.measure_network(fitted.network, params, file))


@_documented(RecosParams)
def measure_recos(
    network: nn.Module,
    images: Array,
    labels: Array,
    *,
    train_images: Array,
    train_labels: Array,
    normalise: Scale = None,
    random_state: RandomState = 0,
    **options: Any,
) -> Result:
    """Measure what rectification does with the sign of patterns (docs/recos.md).

    Images must be uint8, since their grey values are reversed. Centres of patches come from the training images.

    Examples
    --------
    >>> import numpy as np
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    >>> labels = np.arange(60) % 3
    >>> result = pc.measure_recos(
    ...     network, images[:30], labels[:30], train_images=images[30:], train_labels=labels[30:],
    ...     normalise={"mean": 0.5}, layers=["conv1"], n_images=30, resamples=19,
    ...     sphere={"patches": 100, "directions": 20})
    >>> len(result.tables["polarity"])
    9
    """
    given = _named(RecosParams, options)
    if RecosParams.read(given, where="measure_recos").cascade is not None:
        raise InputError("measure_recos.cascade: needs the backgrounds of a data set file; leave it out")
    opened = _open(network, images, labels, train_images, train_labels, normalise, random_state)
    if opened.dataset.test.inputs.dtype != np.uint8:
        raise InputError("measure_recos: grey values are reversed, 255 - x, which floats have none of; give uint8")
    fitted = fit("recos", opened, given)
    params = RecosParams.read(fitted.options, where="measure_recos")
    return _with_arrays("recos", lambda file: _written(file, *recos.measure_network(fitted.network, params)))


@_documented(MeanDimensionParams)
def measure_mean_dimension(
    network: nn.Module,
    images: Array,
    labels: Array | None = None,
    *,
    train_images: Array | None = None,
    train_labels: Array | None = None,
    normalise: Scale = None,
    random_state: RandomState = 0,
    **options: Any,
) -> Result:
    """Measure how much the pixels of an input interact in a network's outputs, layers and filters.

    See docs/mean_dimension.md. Principal components, and what removed pixels are replaced by, come from the training
    images, or from `images` themselves where there are none. Without labels there are no heatmaps by class, no
    losses and no deletion curves.

    Examples
    --------
    >>> import numpy as np
    >>> import probecore as pc
    >>> network = pc.open_network("lenet5", input_shape=(1, 28, 28), n_outputs=3)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    >>> labels = np.arange(60) % 3
    >>> result = pc.measure_mean_dimension(
    ...     network, images[:30], labels[:30], normalise={"mean": 0.5},
    ...     bases=["pixels"], n_images=4, features=5, layers=None, companions=None, deletion=None)
    >>> list(result.tables["outputs"]["output"])
    ['logits', 'nll', 'softmax']
    """
    opened = _open(network, images, labels, train_images, train_labels, normalise, random_state)
    fitted = fit("mean_dimension", opened, _named(MeanDimensionParams, options))
    params = MeanDimensionParams.read(fitted.options, where="measure_mean_dimension")
    return _with_arrays(
        "mean_dimension", lambda file: _written(file, *mean_dimension.measure_network(fitted.network, params))
    )


def _open(
    network: nn.Module,
    images: Array,
    labels: Array | None,
    train_images: Array | None,
    train_labels: Array | None,
    normalise: Scale,
    random_state: RandomState,
) -> Network:
    """A copy of `network` with its data, called ``given`` in an experiment that `random_state` names."""
    test = as_split(images, labels, classes=None)
    scaling = scaling_of(network, test.inputs, normalise)
    model = unwrapped(copy.deepcopy(network)).eval()
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    scale = Scaling(scaling, test.inputs.shape[1:], device)
    outputs = outputs_of(model, scale(torch.from_numpy(test.inputs[:1]).to(device)))
    example = example_inputs(test.inputs.shape[1:]).to(device)
    name_functions(model, example)
    check_contract(model, example)
    classes = None if labels is None else outputs
    if classes is not None:
        test = as_split(test.inputs, test.targets, classes=classes)
    train = test if train_images is None else as_split(train_images, train_labels, classes=classes, name="train_images")
    _check_alike(train, test)
    seed = random_state if isinstance(random_state, int) else int(random_state.integers(2**32))
    names = None if classes is None else tuple(map(str, range(classes)))
    identity = Identity(experiment=f"random_state-{seed}", network="given", normalise=scaling)
    return Network.of_module(identity, Dataset("images", names, train, test, sha256=""), plain_weights(model))


def _without_large_sums(fitted: Fitted) -> ActivationsParams:
    """Without sums by class of all weights, one of each half of the images, where they exceed `MOST_BY_CLASS`."""
    sums, outputs = fitted.activations.excitations, fitted.network.dataset.outputs
    assert sums is not None
    weights = sum(parameter.numel() for parameter in fitted.network.at(0).parameters() if parameter.ndim > 1)
    size = 16 * weights * outputs
    if size <= MOST_BY_CLASS or not sums.by_class:
        return fitted.activations
    say(f"no relations of single classes: {outputs} classes would take {size / 2**30:.0f} GiB")
    return fitted.activations.model_copy(update={"excitations": sums.model_copy(update={"by_class": False})})


def _check_alike(train: Split, test: Split) -> None:
    one, other = ((part.inputs.dtype, part.inputs.shape[1:]) for part in (train, test))
    if one != other:
        raise InputError(f"train_images: {one[0]} {one[1]}, but images are {other[0]} {other[1]}; make them alike")
    if (train.targets.dtype.kind == "f") != (test.targets.dtype.kind == "f"):
        raise InputError("train_labels: give labels of both training and test images, or of neither")


def _of_activations(
    name: str, network: Network, params: ActivationsParams, measure: Callable[[Activations], Tables]
) -> Result:
    """Dump activations into a folder that is gone afterwards, and measure them."""
    with tempfile.TemporaryDirectory(prefix="probecore-") as folder:
        path = Path(folder) / "activations.h5"
        dump_network(network, params, output=path, model="module", checkpoint_sha256="")
        with Activations(path) as dump:
            return Result(name, measure(dump).in_order(), {})


def _written(file: h5py.File, tables: Tables, write_arrays: Arrays) -> Tables:
    write_arrays(file)
    return tables


def _with_arrays(name: str, measure: Callable[[h5py.File], Tables]) -> Result:
    """Measure into an HDF5 file in memory."""
    with h5py.File("arrays", "w", driver="core", backing_store=False) as file:
        tables = measure(file).in_order()
        arrays: dict[str, NDArray[Any]] = {}
        file.visititems(lambda path, item: arrays.update({path: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return Result(name, tables, arrays)
