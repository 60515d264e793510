"""The container: the same bytes always, and nothing believed that is not as it was written."""

import contextlib
import os
import random
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from probecore.capsule.archive import member, problem_of, write_archive
from probecore.capsule.crate import METADATA
from probecore.capsule.unpack import unpack_capsule
from probecore.errors import InputError, ProbecoreError

from .support import FILES, metadata, resealed, write_capsule, write_zip


def refusal(path: Path, folder: Path) -> str:
    """What is said of a capsule that cannot be used: one line, and nothing is written."""
    before = sorted(folder.parent.iterdir())
    with pytest.raises(InputError) as refused:
        unpack_capsule(path, folder)
    said = str(refused.value)
    assert "\n" not in said and path.name in said
    assert sorted(folder.parent.iterdir()) == before
    return said


def test_bytes_depend_on_content_alone(tmp_path: Path) -> None:
    first = write_capsule(tmp_path / "a.zip").read_bytes()
    for name, content in FILES.items():
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_bytes(content)
        (tmp_path / "other" / name).chmod(0o700)
        os.utime(tmp_path / "other" / name, (1, 1))
    mask = os.umask(0o077)
    try:
        members = {name: member(tmp_path / "other" / name) for name in FILES}
        text = write_zip_text(tmp_path)
        write_archive(tmp_path / "b.zip", {METADATA: member(text)} | members)
    finally:
        os.umask(mask)
    assert (tmp_path / "b.zip").read_bytes() == first


def write_zip_text(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "a.zip") as archive:
        return archive.read(METADATA)


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_capsule(tmp_path / "a.zip")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [METADATA, *FILES]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {stat.filemode(entry.external_attr >> 16) for entry in archive.infolist()} == {"-rw-r--r--"}


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path) -> None:
    said = unpack_capsule(write_capsule(tmp_path / "a.zip"), tmp_path / "new/folder")
    assert {name: (tmp_path / "new/folder" / name).read_bytes() for name in FILES} == FILES
    assert (tmp_path / "new/folder" / METADATA).exists()
    assert "Ada Lovelace, A team" in said and "MIT" in said and "results/activations/tiny" in said
    assert "8 files" in said and "revision 0123456789abcdef" in said
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["folder"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    write_capsule(tmp_path / "a.zip")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        unpack_capsule(tmp_path / "a.zip", tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["file"]


def test_a_file_that_changes_while_it_is_packed_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before")
    found = member(tmp_path / "x")
    (tmp_path / "x").write_text("later!")
    with pytest.raises(ProbecoreError, match="changed while it was packed"):
        write_archive(tmp_path / "a.zip", {"x": found})
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/x",
        "a/../../x",
        "a//x",
        "./x",
        "",
        "a\\x",
        "C:x",
        "a\nb",
        "a/.git/config",
        ".x",
        "x" * 201,
        "a/" * 30 + "x",
    ],
)
def test_unsafe_names_are_neither_packed_nor_unpacked(name: str, tmp_path: Path) -> None:
    assert problem_of(name)
    with pytest.raises(InputError):
        write_archive(tmp_path / "a.zip", {name: member(b"")})
    if name:
        refusal(write_zip(tmp_path / "b.zip", FILES | {name: b"x"}), tmp_path / "folder")


def bomb(path: Path) -> Path:
    """A hundred names for the same million bytes."""
    big = b"\0" * 1_000_000
    whole = write_zip(path, {"x": big, **{f"x{number:02}": b"" for number in range(100)}}).read_bytes()
    start = struct.unpack("<I", whole[-22 - 71 + 16 :][:4])[0]
    directory, at = bytearray(whole[start:]), 0
    first = directory[:46]
    while directory[at : at + 4] == b"PK\1\2":
        name, extra, comment = struct.unpack("<HHH", directory[at + 28 : at + 34])
        directory[at + 16 : at + 28] = first[16:28]
        directory[at + 42 : at + 46] = first[42:46]
        at += 46 + name + extra + comment
    return resealed(path, whole[:start] + bytes(directory))


def test_a_bomb_is_not_lit(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) > 100_000_000
    assert "announces more bytes than it has" in refusal(path, tmp_path / "folder")
    packed = write_zip(tmp_path / "b.zip", {METADATA: b"\0" * 10_000_000}, compression=zipfile.ZIP_DEFLATED)
    assert "compressed" in refusal(packed, tmp_path / "folder")


def test_names_that_exclude_each_other(tmp_path: Path) -> None:
    assert "a file and a folder" in refusal(write_zip(tmp_path / "a.zip", {"x": b"", "x/y": b""}), tmp_path / "f")
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x", b"1")
        archive.writestr("x", b"2")
        archive.comment = b"sha256:" + b"0" * 64
    assert "a name twice" in refusal(resealed(tmp_path / "b.zip", (tmp_path / "b.zip").read_bytes()), tmp_path / "f")


def test_foreign_files(tmp_path: Path) -> None:
    other = metadata() | {"@graph": [{"@id": "./", "conformsTo": []}, {"@id": "Snakefile"}]}
    cases = {
        "empty": b"",
        "text": b"hello\n" * 100,
        "zip": write_zip(tmp_path / "x", FILES, sealed=False).read_bytes(),
        "sealed": write_zip(tmp_path / "x", FILES).read_bytes(),
        "other crate": write_zip(
            tmp_path / "x", FILES | {METADATA: repr(other).replace("'", '"').encode()}
        ).read_bytes(),
        "no json": write_zip(tmp_path / "x", FILES | {METADATA: b"{"}).read_bytes(),
        "nested": write_zip(tmp_path / "x", FILES | {METADATA: b"[" * 100_000}).read_bytes(),
    }
    (tmp_path / "x").unlink()
    for name, content in cases.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
        refusal(tmp_path / f"{name}.zip", tmp_path / "folder")
    (tmp_path / "folder.zip").mkdir()
    for name in ("folder.zip", "missing.zip"):
        assert "no such file" in refusal(tmp_path / name, tmp_path / "folder")


@pytest.mark.parametrize("change", ["other content", "one more", "one less"])
def test_metadata_that_does_not_fit(change: str, tmp_path: Path) -> None:
    whole = zipfile.ZipFile(write_capsule(tmp_path / "a.zip"))
    with whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    if change == "other content":
        files["params.yaml"] = b"experiments: []\n"
    elif change == "one more":
        files["more.csv"] = b"x\n"
    else:
        del files["params.yaml"]
    assert {"params.yaml", "more.csv"} & set(refusal(write_zip(tmp_path / "b.zip", files), tmp_path / "f").split(": "))


def damaged(content: bytes, random_state: random.Random) -> bytes:
    """A few bytes changed, cut out, doubled or lost at the end."""
    damaged = bytearray(content)
    at = random_state.randrange(len(damaged))
    kind = random_state.choice(["flip", "zero", "cut", "double", "end", "start"])
    length = random_state.randrange(1, 40)
    if kind == "flip":
        damaged[at] ^= 1 << random_state.randrange(8)
    elif kind == "zero":
        damaged[at : at + length] = bytes(byte ^ 255 for byte in damaged[at : at + length])
    elif kind == "cut":
        del damaged[at : at + length]
    elif kind == "double":
        damaged[at:at] = damaged[at : at + length]
    elif kind == "end":
        del damaged[at:]
    else:
        del damaged[: at + 1]
    return bytes(damaged)


def test_any_damage_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    content = write_capsule(tmp_path / "whole.zip").read_bytes()
    random_state = random.Random(19)
    for number in range(300):
        path = tmp_path / "damaged.zip"
        path.write_bytes(broken := damaged(content, random_state))
        assert broken != content, number
        refusal(path, tmp_path / "folder")


def test_damage_with_a_fitting_seal_harms_nobody(tmp_path: Path) -> None:
    """What is unpacked all the same is what the metadata says, below the folder."""
    content = write_capsule(tmp_path / "whole.zip").read_bytes()
    random_state = random.Random(20)
    unpacked = 0
    for number in range(300):
        path = resealed(tmp_path / "damaged.zip", damaged(content[:-64], random_state) + b"0" * 64)
        folder = tmp_path / f"folder{number}"
        with contextlib.suppress(InputError):
            unpack_capsule(path, folder)
        if folder.exists():
            unpacked += 1
            found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
            assert found == {*FILES, METADATA}
            assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("folder")) == [
        "damaged.zip",
        "whole.zip",
    ]
    assert unpacked < 150
