"""Arrays of HDF5 and safetensors files, with changes that were made here."""

import io
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save

from probecore.difference import arrays as module
from probecore.difference.arrays import ArrayDifference, compare_arrays
from probecore.errors import InputError

WEIGHTS = np.linspace(-2, 2, 60, dtype=np.float32).reshape(20, 3)


def hdf5(content: Mapping[str, Any], **attributes: str) -> io.BytesIO:
    file = io.BytesIO()
    with h5py.File(file, "w") as target:
        target.attrs.update(attributes)
        for name, value in content.items():
            target[name] = value
    return file


def safetensors(content: Mapping[str, Any], **_: str) -> io.BytesIO:
    return io.BytesIO(save(dict(content)))


@pytest.fixture(params=["x.h5", "x.safetensors"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def compared(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ArrayDifference]:
    write = hdf5 if name.endswith(".h5") else safetensors
    return compare_arrays(name, write(before), write(after))


@pytest.mark.parametrize("block", [1, 1 << 24])
def test_values(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of a row, and at once."""
    monkeypatch.setattr(module, "BLOCK", block)
    changed = WEIGHTS.copy()
    changed[3, 1] += 0.5
    changed[19, 2] -= 0.25
    assert compared(name, {"w": WEIGHTS}, {"w": WEIGHTS}) == []
    (found,) = compared(name, {"w": WEIGHTS, "b": WEIGHTS[0]}, {"w": changed, "b": WEIGHTS[0]})
    assert (found.name, found.kind, found.before) == ("w", "values", "float32 (20, 3)")
    assert (found.changed, found.total) == (2, 60)
    assert found.largest == pytest.approx(0.5, abs=1e-6)
    assert found.scale == 2


def test_what_comes_goes_or_changes_its_form(name: str) -> None:
    found = compared(name, {"a": WEIGHTS, "c": WEIGHTS}, {"b": WEIGHTS, "c": WEIGHTS.astype(np.float64)})
    assert {(item.name, item.kind) for item in found} == {("a", "removed"), ("b", "added"), ("c", "shape or type")}
    assert next(item for item in found if item.name == "c").after == "float64 (20, 3)"


def test_nan_equals_nan_and_no_number(name: str) -> None:
    before = np.array([np.nan, 1.0, np.inf, np.nan])
    assert compared(name, {"a": before}, {"a": before.copy()}) == []
    (found,) = compared(name, {"a": before}, {"a": np.array([np.nan, np.nan, np.inf, 2.0])})
    assert (found.changed, found.largest, found.scale) == (2, 0.0, 1.0)


def test_scalars_booleans_and_nothing(name: str) -> None:
    before = {"a": np.array(3, np.int64), "b": np.array([True, False]), "c": np.zeros((0, 4))}
    found = compared(name, before, before | {"a": np.array(5, np.int64), "b": np.array([False, False])})
    assert {(item.name, item.changed, item.total, item.largest) for item in found} == {
        ("a", 1, 1, 2.0),
        ("b", 1, 2, 1.0),
    }


def test_attributes_and_texts_of_hdf5() -> None:
    before = hdf5({"a/names": np.array([b"x", b"y"])}, model="lenet5")
    after = hdf5({"a/names": np.array([b"x", b"z"])}, model="mlp")
    found = compare_arrays("x.h5", before, after)
    assert {(item.name, item.changed) for item in found} == {("@model", 1), ("a/names", 1)}


def test_a_damaged_file_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: not readable"):
        compare_arrays(name, io.BytesIO(b"x" * 100), io.BytesIO(b"x" * 100))
