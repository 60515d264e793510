"""Files: whole or not there, the same bytes each time, errors that name them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probecore.errors import InputError
from probecore.files import create_hdf5, open_hdf5, read_json, replacing, sha256_of, write_json, write_table


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail_halfway() -> None:
        with replacing(path) as partial:
            partial.write_text("half")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    path.parent.mkdir()
    (path.parent / ".file.txt.partial").write_text("half of an earlier run")
    with replacing(path) as partial:
        partial.write_text("whole")
    assert os.listdir(path.parent) == ["file.txt"]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, events = tmp_path / "file.txt", []
    inode = {}

    def fsync(descriptor: int) -> None:
        events.append(("fsync", os.fstat(descriptor).st_ino))

    def replace(source: Path, target: Path) -> None:
        inode["file"] = source.stat().st_ino
        events.append(("rename", inode["file"]))
        source.rename(target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with replacing(path) as partial:
        partial.write_text("whole")
    assert events == [("fsync", inode["file"]), ("rename", inode["file"]), ("fsync", tmp_path.stat().st_ino)]


def test_the_mode_follows_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with replacing(tmp_path / "file") as partial:
            partial.touch(mode=0o600)
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_json_is_sorted_and_rounded(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": np.float64(0.1) + 0.2, "a": {"c": float("nan"), "d": np.int64(3)}})
    assert (tmp_path / "a.json").read_text() == ('{\n  "a": {\n    "c": null,\n    "d": 3\n  },\n  "b": 0.3\n}\n')
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="bad.json: not JSON"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(InputError, match="none.json: no such file"):
        read_json(tmp_path / "none.json")


def test_tables_are_sorted_and_unique(tmp_path: Path) -> None:
    table = pd.DataFrame({"key": [2, 1], "value": [1 / 3, float("nan")]})
    write_table(tmp_path / "t.csv", table, sort_by=["key"])
    assert (tmp_path / "t.csv").read_bytes() == b"key,value\n1,\n2,0.333333333\n"
    with pytest.raises(ValueError, match="rows are not unique"):
        write_table(tmp_path / "t.csv", pd.DataFrame({"key": [1, 1]}), sort_by=["key"])


def test_hdf5_bytes_depend_on_content(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        with create_hdf5(tmp_path / name) as file:
            file.create_group("group").create_dataset("data", data=np.arange(10), compression="gzip")
    assert sha256_of(tmp_path / "a.h5") == sha256_of(tmp_path / "b.h5")
    with open_hdf5(tmp_path / "a.h5") as file:
        assert file["group/data"][3] == 3


def test_hdf5_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.h5: no such file"):
        open_hdf5(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(InputError, match="text.h5: not a readable HDF5 file"):
        open_hdf5(tmp_path / "text.h5")
