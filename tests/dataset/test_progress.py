import sys

import pytest

from probecore.dataset.progress import progress


def test_log_gets_a_line_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("work", 40, unit="steps") as advance:
        for _ in range(40):
            advance(1)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["work: 40 steps", *(f"work: {tenth}0 %" for tenth in range(1, 11))]


def test_log_of_continued_work_starts_where_it_stood(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("work", 1000, unit="bytes", done=550) as advance:
        advance(100)
    assert capsys.readouterr().err == "work: 1,000 bytes\nwork: 65 %\n"


def test_unknown_total(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("work", None, unit="bytes") as advance:
        advance(100)
    assert capsys.readouterr().err == "work: an unknown number of bytes\n"


def test_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("work", 4, unit="steps") as advance:
        advance(4)
    assert "100%" in capsys.readouterr().err
