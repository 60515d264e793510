"""Studies that benchmarks write are ones that the present schema takes."""

from pathlib import Path

import pytest

from benchmarks import kills
from probecore.params import load_study


def test_the_study_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text(kills.PARAMS)
    monkeypatch.chdir(tmp_path)
    load_study(Path("params.yaml"))
