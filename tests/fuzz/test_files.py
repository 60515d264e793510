"""Damaged files: each ends in one line, gives the same content, or, without checksums, content of another hash."""

import os
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from .damage import DAMAGES, outcome, table
from .formats import FORMATS, Format


def fuzz(folder: Path, inputs: int, seed: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by format, and the faults, each with what makes it again."""
    counts: dict[str, Counter[str]] = {}
    faults = []
    for name, make in FORMATS.items():
        place = folder / name.replace(" ", "_")
        place.mkdir()
        good = make(place)
        whole, same, form = good.path.read_bytes(), good.read(), good.form()
        hashed = None if good.hashed is None else good.hashed()
        counts[name] = Counter()
        for index in range(inputs):
            random = Random(f"{seed} {name} {index}")
            damage = random.choice(DAMAGES)
            good.path.write_bytes(damage(whole, random))
            found = outcome(good.read, same)
            if found == "other":
                found = judge_other(good, form, hashed)
            if found.startswith("fault"):
                faults.append(f"{name}, {damage.__name__}, seed {seed}, input {index}: {found}")
            counts[name][found.partition(":")[0]] += 1
    return counts, faults


def judge_other(good: Format, form: Any, hashed: Any) -> str:
    """Another content that was read: good only of a format without checksums, and if a study sees that it is another."""
    if good.hashed is None:
        return "fault: other content"
    if outcome(good.form, form) != "same":
        return "fault: other form"
    return {"other": "other hash", "line": "line"}.get(outcome(good.hashed, hashed), "fault: other content, same hash")


def run(folder: Path, inputs: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    counts, faults = fuzz(folder, inputs, seed)
    with capsys.disabled():
        print(f"\n{table(counts, begin)}")
    assert faults == []


def test_a_few_damaged_files_of_each_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, 10, 0, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_damaged_files_of_each_format(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, 40, seed, capsys)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", ["folder", "fifo", "dangling", "loop", "missing"])
def test_no_file_at_all_in_the_place_of_one(tmp_path: Path, name: str, place: str) -> None:
    good = FORMATS[name](tmp_path)
    good.path.unlink()
    if place == "folder":
        good.path.mkdir()
    elif place == "fifo":
        os.mkfifo(good.path)
    elif place != "missing":
        good.path.symlink_to(good.path if place == "loop" else "nowhere")
    if name.startswith("folder") and place == "missing":
        return
    assert outcome(good.read, None) == "line"
