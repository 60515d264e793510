"""The same study is the same bytes, whatever surrounds it."""

from pathlib import Path

import h5py

from tests.conftest import PARAMS, Study, make_study

FEWER_NETWORKS = PARAMS.replace("[0, 1]", "[0]")


def test_bytes_depend_on_the_study_alone(tmp_path: Path) -> None:
    one = make_study(tmp_path / "one", FEWER_NETWORKS)
    one.snakemake(cores=1, PYTHONHASHSEED="1", LC_ALL="C.UTF-8", TZ="UTC")
    two = make_study(tmp_path / "elsewhere" / "two", FEWER_NETWORKS)
    (tmp_path / "temporary").mkdir()
    surroundings = {"TMPDIR": str(tmp_path / "temporary"), "PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    two.snakemake(cores=2, **surroundings, OMP_NUM_THREADS="2", MPLCONFIGDIR=str(tmp_path / "matplotlib"))
    assert differing(one.hashes(), two.hashes()) == []
    assert objects_with_times(one) == []


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
