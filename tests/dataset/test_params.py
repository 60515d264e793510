import subprocess
import sys
from typing import Any

import pytest

from probecore.dataset.params import KINDS, NAMED_KINDS, DatasetParams
from probecore.errors import InputError


def test_entry_name_is_the_kind_unless_given() -> None:
    assert DatasetParams().kind_of("mnist5k") == "mnist5k"
    assert DatasetParams(kind="mnist", train_samples=500).kind_of("small") == "mnist"
    assert DatasetParams(kind="folder", path="photos", size=32).kind_of("mine") == "folder"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mnits", {}, "datasets.mnits.kind: unknown kind 'mnits'; did you mean 'mnist'?"),
        ("mine", {"kind": "folders"}, "did you mean 'folder'?"),
        ("mine", {"kind": "folder"}, "datasets.mine.path: missing; name the folder"),
        ("mine", {"kind": "arrays"}, "datasets.mine.path: missing; name the .npz or .h5 file"),
        (
            "ishigami",
            {"size": 32},
            "datasets.ishigami.size: not a key of the kind 'ishigami'; remove it (valid: seed, ",
        ),
        ("mnist5k", {"path": "x"}, "datasets.mnist5k.path: not a key"),
        ("ishigami", {"features": 4}, "datasets.ishigami.features: not a key"),
        ("mnist", {"sise": 32}, "datasets.sise: unknown key; did you mean 'size'?"),
        ("mnist", {"source": "web"}, "datasets.source: "),
        ("mnist", {"train_samples": "500"}, "datasets.train_samples: "),
        ("mnist", {"train_samples": 0}, "datasets.train_samples: "),
        ("mnist", {"classes": 1}, "datasets.classes: "),
        ("small", {"kind": "mnist", "classes": 11}, "datasets.small.classes: 11 asked for, but there are 10"),
        ("ishigami", {"classes": 2}, "datasets.ishigami.classes: not a key"),
        ("mine", {"kind": "folder", "path": "x", "test_fraction": 1.0}, "datasets.test_fraction: "),
        ("mnist", {"others": ["cifar10", "mnist"]}, "datasets.mnist.others: mnist is this set itself"),
        ("mnist", {"others": ["mnist5k"]}, "datasets.mnist.others: mnist5k is this set itself (mnist5k is part"),
        ("a", {"kind": "mnist5k", "others": ["mnist"]}, "datasets.a.others: mnist is this set itself"),
        ("cifar10", {"others": ["mnist", "cifar100", "mnist"]}, "datasets.cifar10.others: mnist is there twice"),
        ("cifar10", {"others": ["mnist", "mnist5k"]}, "datasets.cifar10.others: mnist5k is there twice"),
    ],
)
def test_mistakes_name_key_and_remedy(name: str, content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        DatasetParams.read(content, where="datasets").kind_of(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_sets_each_once_are_good() -> None:
    others = ["mnist", "fashion_mnist", "cifar100"]
    assert DatasetParams.read({"others": others}).kind_of("cifar10") == "cifar10"
    assert DatasetParams.read({"kind": "arrays", "path": "x", "others": ["mnist5k"]}).kind_of("mine") == "arrays"


def test_a_section_written_out_with_its_defaults_is_the_same_section() -> None:
    for kind in KINDS:
        path = "x" if kind in ("folder", "arrays") else None
        params = DatasetParams(path=path)
        assert DatasetParams.read(params.model_dump()) == params
        assert params.kind_of(kind) == kind


def test_named_kinds_are_those_of_the_table() -> None:
    from probecore.dataset.named import NAMED

    assert tuple(NAMED) == NAMED_KINDS


def test_parameters_are_cheap_to_import() -> None:
    code = (
        "import sys, probecore.dataset.params; "
        "print([m for m in ('numpy', 'h5py', 'pandas', 'torch', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
