"""The same study is the same bytes, whatever surrounds it."""

from pathlib import Path

import h5py

from tests.conftest import Study
from tests.workflow.repository import Repository


def test_bytes_depend_on_the_study_alone(repository: Repository, tmp_path: Path) -> None:
    """Everything made again elsewhere, with nothing but code, parameters and dvc.lock."""
    again = repository.clone("elsewhere")
    (tmp_path / "temporary").mkdir()
    surroundings = {"TMPDIR": str(tmp_path / "temporary"), "PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    again.snakemake(cores=1, **surroundings, OMP_NUM_THREADS="2", MPLCONFIGDIR=str(tmp_path / "matplotlib"))
    assert differing(repository.hashes(), again.hashes()) == []
    assert objects_with_times(again) == []
    again.dvc("fetch")  # without the recorded objects, `dvc status` does not say whether files are as recorded
    assert again.is_recorded()


def differing(one: dict[str, str], two: dict[str, str]) -> list[str]:
    """Files that are not the same in both."""
    assert len(one) > 40
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def objects_with_times(study: Study) -> list[str]:
    """Groups and arrays of HDF5 files that hold their time of creation.

    Two builds within one second would not show it. Groups that HDF5 makes by itself on the way to ``a/b/c`` hold it.
    """
    found: list[str] = []

    def look(name: str, item: h5py.HLObject) -> None:
        if h5py.h5o.get_info(item.id).mtime:
            found.append(f"{item.file.filename}: {name}")

    for path in study.folder.rglob("*.h5"):
        with h5py.File(path, "r") as file:
            look("/", file)
            file.visititems(look)
    return found
