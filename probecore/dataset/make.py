"""Making the file of a data set, from wherever its data are."""

from pathlib import Path

from probecore.dataset import composites, embedded, synthetic
from probecore.dataset.describe import describe
from probecore.dataset.named import NAMED
from probecore.dataset.obtain import obtain
from probecore.dataset.params import DatasetParams
from probecore.dataset.sampling import first_classes, in_shape, stratified_order, subset
from probecore.dataset.store import Dataset, OtherSet, Split, write_dataset
from probecore.progress import say


def make_dataset(name: str, params: DatasetParams, *, output: Path, cache: Path | None = None) -> Dataset:
    """Get, check and write the data set that is the entry `name` of a study, and say in five lines what it holds.

    Parameters
    ----------
    params
        Relative paths in it are seen from the working directory.
    output
        The file; it appears whole or not at all, and equal data give equal bytes.
    cache
        Where fetched sets are kept; by default `obtain.default_cache()`.

    Raises
    ------
    InputError
        If a parameter, a file or an image is not usable, a named set not the published one, or nothing can be learnt.
    """
    decoded = _sized(_decode(name, params, cache), params, kind=params.kind_of(name))
    whole = first_classes(decoded, params.classes, where=f"datasets.{name}.classes")
    dataset = Dataset.from_splits(
        name,
        train=subset(whole.train, params.train_samples, where=f"datasets.{name}.train_samples"),
        test=subset(whole.test, params.test_samples, where=f"datasets.{name}.test_samples"),
        classes=whole.classes,
        backgrounds=whole.backgrounds,
        others=[_other(kind, whole.input_shape, params, cache) for kind in params.others],
    )
    for line in describe(dataset):
        say(line)
    write_dataset(dataset, output)
    return dataset


def _sized(dataset: Dataset, params: DatasetParams, *, kind: str) -> Dataset:
    """A named set in the size that is asked for."""
    if params.size is None or kind not in NAMED:
        return dataset
    shape = (dataset.input_shape[0], params.size, params.size)
    train, test = (Split(in_shape(part.inputs, shape), part.targets) for part in (dataset.train, dataset.test))
    return Dataset.from_splits(dataset.name, train=train, test=test, classes=dataset.classes)


OTHER_PER_CLASS = 200
"""Images of each class of another set, from either part."""


def _other(kind: str, shape: tuple[int, ...], params: DatasetParams, cache: Path | None) -> OtherSet:
    """Images of a named set in another set's shape, its classes in turn: the first ones are as many of each class."""
    whole = _decode(kind, DatasetParams(), cache)
    kept = first_classes(whole, params.classes, where=f"datasets.{kind}.classes")
    images = {}
    for name, split in (("train", kept.train), ("test", kept.test)):
        order = stratified_order(split.targets)[: OTHER_PER_CLASS * kept.outputs]
        images[name] = in_shape(split.inputs[order], shape)
    return OtherSet(kind, **images)


def _decode(name: str, params: DatasetParams, cache: Path | None) -> Dataset:
    kind = params.kind_of(name)
    params.check_path(name)
    path = None if params.path is None else Path(params.path)
    if kind in NAMED:
        return obtain(kind, NAMED[kind], path=path, source=params.source, cache=cache)
    if kind == "folder" and path is not None:
        from probecore.dataset.folders import read_folder

        return read_folder(name, path, size=params.size, test_fraction=params.test_fraction, seed=params.seed)
    if kind == "arrays" and path is not None:
        from probecore.dataset.arrays import read_arrays

        return read_arrays(name, path)
    if kind == "mnist5k":
        return embedded.mnist5k()
    if kind == "digits_on_textures":
        return composites.digits_on_textures(plain=params.plain)
    if kind == "digits_on_cifar10":
        return composites.digits_on_cifar10(
            obtain("mnist", NAMED["mnist"], source=params.source, cache=cache),
            obtain("cifar10", NAMED["cifar10"], source=params.source, cache=cache),
            plain=params.plain,
        )
    train_samples = params.train_samples or synthetic.TRAIN_SAMPLES
    test_samples = params.test_samples or synthetic.TEST_SAMPLES
    if kind == "ishigami":
        return synthetic.make_ishigami(name, train_samples=train_samples, test_samples=test_samples, seed=params.seed)
    return synthetic.make_gaussian_noise(
        name,
        features=params.features,
        train_samples=train_samples,
        test_samples=test_samples,
        seed=params.seed,
    )
