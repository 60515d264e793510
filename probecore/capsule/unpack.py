"""From a capsule to DVC's cache, to a folder, or to the eye. Every byte is checked before anything is written."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from probecore.capsule.archive import copy, opened_archive
from probecore.capsule.crate import METADATA, MOST_BYTES, Study, read_crate
from probecore.errors import InputError, ProbecoreError, reading
from probecore.params import load_study
from probecore.progress import track
from probecore.verify import (
    LOCK,
    dvc_cache,
    files_in,
    folder_listing,
    md5_at,
    md5_of_folder,
    object_of,
    recorded_stages,
    stages_of,
)
from probecore.versioning import dvc, outputs_without
from probecore.yaml_files import parse_yaml


@dataclass(frozen=True)
class Capsule:
    """An open capsule, all of which has been checked: what it says, and the MD5 and size of each file but that."""

    path: Path
    study: Study
    md5: Mapping[str, str]
    size: int
    archive: zipfile.ZipFile

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return self.archive.open(name)

    def yaml(self, name: str) -> dict[str, Any]:
        """Read a YAML file; raises `InputError` if it is missing or none."""
        if name not in self.md5:
            raise InputError(f"{self.path}: lacks {name}; use a capsule that `probecore pack` wrote")
        with self.open(name) as file:
            return parse_yaml(file.read(MOST_BYTES), f"{self.path}: {name}")

    def store(self, name: str, target: Path) -> None:
        """Write a file; raises `ProbecoreError` if the capsule has changed since it was opened."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open(name) as content, target.open("wb") as file:
            if copy(content, file)[2] != self.md5[name]:
                raise ProbecoreError(f"{self.path}: changed while it was read; run again when nothing writes it")


@contextlib.contextmanager
def opened_capsule(path: Path) -> Iterator[Capsule]:
    """Open a capsule of `probecore.capsule.pack.pack_study`, and read all of it.

    Raises
    ------
    InputError
        If it is damaged, truncated or foreign, or a file in it is not what its metadata says.
    """
    with opened_archive(path) as archive:
        names = {entry.filename: entry.file_size for entry in archive.infolist()}
        if names.get(METADATA, MOST_BYTES + 1) > MOST_BYTES:
            raise InputError(f"{path}: no RO-Crate; use a capsule that `probecore pack` wrote")
        with reading(path, "damaged", "get it again"):
            study, files = read_crate(archive.read(METADATA), str(path))
        if odd := sorted(files.keys() ^ (names.keys() - {METADATA})):
            raise InputError(f"{path}: {odd[0]}: in the capsule or in its metadata alone; do not use it")
        md5 = {}
        for name, content in track(files.items(), f"reading {path.name}"):
            with reading(path, "damaged", "get it again"), archive.open(name) as file:
                size, sha256, md5[name] = copy(file)
            if (size, sha256) != (content.size, content.sha256):
                raise InputError(f"{path}: {name}: not what the metadata says; do not use it")
        yield Capsule(path, study, md5, sum(names.values()), archive)


def pull_capsule(path: Path) -> list[str]:
    """Fill DVC's cache with what a capsule has of the study in this folder, and the folder from there.

    Parameters
    ----------
    path : the capsule

    Returns
    -------
    list of str
        What ``dvc.lock`` names and the capsule does not have.

    Raises
    ------
    InputError
        If the capsule cannot be used, or has nothing that ``dvc.lock`` names. Nothing is written then.
    ProbecoreError
        If DVC fails, e.g. because files here are not recorded anywhere and would be lost.
    """
    wanted = _kept_by_dvc()
    with opened_capsule(path) as capsule:
        taken = [out for out, md5 in wanted.items() if md5_at(out, capsule.md5) == md5]
        if not taken:
            raise InputError(
                f"{path}: has nothing that {LOCK} names here; it records revision {capsule.study.revision[:12]}"
                f" of {capsule.study.title!r}"
            )
        cache = dvc_cache()
        for out in taken:
            _fill(cache, capsule, out)
    dvc("checkout", *taken)
    return [out for out in wanted if out not in taken]


def _kept_by_dvc() -> dict[str, str]:
    """Outputs of the study's stages in ``dvc.lock``, with their hashes, without those that Git keeps."""
    study, _ = load_study(Path("params.yaml"))
    recorded, in_git = recorded_stages(), outputs_without("cache")
    outs = [out for stage in stages_of(study) for out in recorded.get(stage, {}).get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if not out["path"].startswith(in_git)}


def _fill(cache: Path, capsule: Capsule, out: str) -> None:
    """Put the objects of an output into DVC's cache, the listing of a folder last."""
    files = files_in(out, capsule.md5)
    for name, md5 in files.items() if files else [("", capsule.md5[out])]:
        with _new_object(object_of(md5, cache)) as partial:
            capsule.store(f"{out}/{name}".rstrip("/"), partial)
    if files:
        with _new_object(object_of(md5_of_folder(files), cache)) as partial:
            partial.write_bytes(folder_listing(files))


@contextlib.contextmanager
def _new_object(path: Path) -> Iterator[Path]:
    """Yield a temporary name for an object of DVC's cache; it takes its place whole, and read-only as DVC's own are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield partial
        partial.chmod(0o444)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def unpack_capsule(path: Path, folder: Path | None) -> str:
    """Say what a capsule holds, and write its files into a new folder if one is named.

    Returns
    -------
    str
        A few lines for people.

    Raises
    ------
    InputError
        If the capsule cannot be used, or the folder is there and not empty. Nothing is written then.
    """
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; name a new folder")
    with opened_capsule(path) as capsule:
        said = _description(capsule)
        if folder is not None:
            _write_all(capsule, folder)
    return said


def _write_all(capsule: Capsule, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".probecore-", dir=folder.parent) as name:
        whole = Path(name, "whole")
        for file in capsule.md5:
            capsule.store(file, whole / file)
        (whole / METADATA).write_bytes(capsule.archive.read(METADATA))
        whole.chmod(0o755)
        os.replace(whole, folder)


def _description(capsule: Capsule) -> str:
    study = capsule.study
    lines = {
        "study": study.title,
        "": study.abstract,
        "authors": ", ".join(author.name for author in study.authors),
        "licence": study.licence,
        "recorded": f"{study.date}, revision {study.revision}, probecore {study.version}",
        "holds": f"{len(capsule.md5)} files, {capsule.size / 1e6:,.1f} MB, each as its SHA-256 says",
    }
    return "\n".join(f"{key:10}{_printable(text)}" for key, text in lines.items())


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
