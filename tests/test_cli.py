"""No traceback reaches a user: one line, and a log for the rest."""

import errno
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from probecore import cli
from probecore.licences import licences
from tests.conftest import ROOT


def ended_with(error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_a_surprise_is_one_line_that_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".probecore").mkdir()
    said = ended_with(ZeroDivisionError("by\nzero"), monkeypatch, capsys)
    assert said == "probecore: ZeroDivisionError: by zero (more in .probecore/probecore-error.log)\n"
    assert "Traceback" in Path(".probecore/probecore-error.log").read_text()


@pytest.mark.parametrize("kind", cli.REMEDIES)
def test_what_the_system_refuses_comes_with_a_remedy(
    kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.tempfile, "gettempdir", lambda: "no/such/folder")
    said = ended_with(OSError(kind, "refused", "results/x.csv"), monkeypatch, capsys)
    assert said.startswith(f"probecore: results/x.csv: {os.strerror(kind)}; {cli.REMEDIES[kind]} (")
    assert "could not be written" in said


def test_a_full_disk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="space") as refused:
        Path("/dev/full").write_text("x" * 100_000)
    assert refused.value.errno == errno.ENOSPC
    assert "free space" in ended_with(refused.value, monkeypatch, capsys)


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    run = shlex.join([sys.executable, "-c", "from probecore.cli import main; main()", "check"])
    command = f"mkdir gone; cd gone; rmdir ../gone; {run}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == "probecore: the working directory: is gone (No such file or directory); go to a folder that exists\n"
    )


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for python in (old, "no-such-python"):
        done = subprocess.run(
            ["make", f"PYTHON={python}", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"{python}: no Python 3.11 or newer; name one: make PYTHON=" in done.stderr


def test_licences_are_listed() -> None:
    """All that is needed here, directly or not, once, with this package first."""
    found = licences()
    names = [canonicalize_name(name) for name, _, _ in found]
    assert found[0] == ("probecore", version("probecore"), "MIT")
    assert {"torch", "snakemake", "dvc", "pydantic-core"} <= set(names)
    assert len(names) == len(set(names))
    assert names[1:] == sorted(names[1:])
    assert all(licence for _, _, licence in found)


def test_no_module_of_the_command_line_is_long() -> None:
    modules = list((ROOT / "probecore/cli").glob("*.py"))
    assert len(modules) > 4
    assert [path.name for path in modules if len(path.read_text().splitlines()) > 400] == []
