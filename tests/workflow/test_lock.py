"""What the workflow reads of ``dvc.lock``."""

from pathlib import Path

import pytest

from workflow.lock import Lock


@pytest.mark.parametrize(
    "content", ["stages:\n  a:\n    hash", "stages:\n  a:\n    outs:\n    - ha", "- stages", "schema: '2.0'\n", ""]
)
def test_half_a_lock_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(content)
    with pytest.raises(SystemExit):
        Lock([])
    assert capsys.readouterr().err.startswith("probecore: dvc.lock: not whole")
