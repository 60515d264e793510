"""What the workflow reads of ``dvc.lock``."""

from pathlib import Path

import pytest

from probecore.errors import InputError
from probecore.verify import recorded_stages
from workflow.lock import Lock

HALVES = [
    "stages:\n  a:\n    hash",
    "stages:\n  a:\n    outs:\n    - ha",
    "stages:\n  a:\n    outs:\n    - path: a\n",
    "stages:\n  a:\n    outs:\n    - path: a\n      md5:",
    "- stages",
    "schema: '2.0'\n",
    "",
]


@pytest.mark.parametrize("content", HALVES)
def test_half_a_lock_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(content)
    with pytest.raises(SystemExit):
        Lock([])
    assert capsys.readouterr().err.startswith("probecore: dvc.lock: not whole")


@pytest.mark.parametrize("content", HALVES)
def test_half_a_lock_is_refused_by_all_that_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(content)
    with pytest.raises(InputError, match="dvc.lock: not whole.*`git checkout dvc.lock`"):
        recorded_stages()
