"""Capsules of a few bytes, without a study, and zips of every kind."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probecore.capsule.archive import SEAL, _seal, member, write_archive
from probecore.capsule.crate import METADATA, Author, Content, Study, crate_metadata

STUDY = Study(
    title="A study",
    abstract="Of two networks.",
    authors=(Author("Ada Lovelace", "https://orcid.org/0000-0002-1825-0097"), Author("A team", is_person=False)),
    licence="MIT",
    revision="0123456789abcdef0123456789abcdef01234567",
    date="2026-11-28",
    version="0.1.0",
    left_out=("results/activations/tiny",),
)

FILES = {
    "Snakefile": b"rule all:\n",
    "README.md": b"# A study\n",
    "dvc.lock": b"schema: '2.0'\nstages: {}\n",
    "own/my net.py": b"net = None\n",
    "params.yaml": b"experiments: {}\n",
    "recorded_on.csv": b"kind,name,value\nversion,torch,2.13.0\n",
    "results/recos/tiny/filters.csv": b"network,value,low,high\ntrained-0,0.5,0.4,0.6\n",
    "results/report/index.html": b"<p>\n",
}


def metadata(files: Mapping[str, bytes] = FILES, study: Study = STUDY) -> dict[str, Any]:
    """The metadata of a capsule with these files."""
    members = {name: member(content) for name, content in files.items()}
    return crate_metadata(study, {name: Content(found.size, found.sha256) for name, found in members.items()})


def write_capsule(path: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """A capsule of `files`."""
    text = json.dumps(metadata(files)).encode()
    write_archive(path, {METADATA: member(text)} | {name: member(content) for name, content in files.items()})
    return path


def write_zip(
    path: Path, files: Mapping[str, bytes], *, sealed: bool = True, compression: int = zipfile.ZIP_STORED
) -> Path:
    """A zip of any names, by Python's own writer, with a capsule's seal if wanted."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
        if sealed:
            archive.comment = SEAL + b"0" * 64
    if sealed:
        _seal(path)
    return path


def resealed(path: Path, content: bytes) -> Path:
    """Write `content` with the seal that fits it, as someone would who means harm."""
    path.write_bytes(content)
    _seal(path)
    return path
