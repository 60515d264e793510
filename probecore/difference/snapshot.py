"""A study as it stood: in a folder, at a Git revision, or in a capsule. All three answer the same questions."""

import contextlib
import io
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from probecore.capsule.unpack import Capsule, opened_capsule
from probecore.claims.params import FILE
from probecore.errors import InputError, reading
from probecore.files import md5_of
from probecore.fingerprint import Fingerprint, parse_fingerprint
from probecore.verify import LOCK, MADE, RECORDED_ON, dvc_cache, files_below, md5_at, object_of
from probecore.yaml_files import parse_yaml

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Snapshot:
    """A study as it stood.

    Parameters
    ----------
    name : what the user called it
    params : content of ``params.yaml``, and of ``claims.yaml`` the claims by their id
    stages : those of ``dvc.lock``; empty if there is none
    environment : content of ``recorded_on.csv``, or None if there is none
    results : MD5 of each file that the workflow made, by path; of a folder whose files are not known, its own
    inputs : DVC's hash of each input that a stage names and no stage makes: code, own files
    open : opens a result for reading; raises KeyError if its bytes are not here
    """

    name: str
    params: Mapping[str, Any]
    stages: Mapping[str, Any]
    environment: Fingerprint | None
    results: Mapping[str, str]
    inputs: Callable[[str], str | None]
    open: Callable[[str], AbstractContextManager[IO[bytes]]]


@contextlib.contextmanager
def opened_snapshot(name: str) -> Iterator[Snapshot]:
    """Open a study's folder, a revision of the study in this folder, or a capsule.

    Raises
    ------
    InputError
        If `name` is none of them.
    """
    path = Path(name)
    if path.suffix == ".zip":
        with opened_capsule(path) as capsule:
            yield _of_capsule(name, capsule)
    elif path.is_dir():
        yield _of_folder(name, path)
    else:
        yield _of_revision(name)


def _of_capsule(name: str, capsule: Capsule) -> Snapshot:
    made = {file: md5 for file, md5 in capsule.md5.items() if file.startswith(tuple(f"{top}/" for top in MADE))}

    def read(file: str) -> bytes | None:
        if file not in capsule.md5:
            return None
        with capsule.open(file) as content:
            return content.read()

    return _snapshot(name, read, made, lambda unit: md5_at(unit, capsule.md5), capsule.open)


def _of_folder(name: str, folder: Path) -> Snapshot:
    def read(file: str) -> bytes | None:
        path = folder / file
        return path.read_bytes() if path.is_file() else None

    def inputs(unit: str) -> str | None:
        path = folder / unit
        files = [Path(unit)] if path.is_file() else files_below([unit], study=folder)
        return md5_at(unit, {file.as_posix(): md5_of(folder / file) for file in files})

    made = {file.as_posix(): md5_of(folder / file) for file in files_below(MADE, study=folder)}
    return _snapshot(name, read, made, inputs, lambda file: (folder / file).open("rb"))


def _of_revision(name: str) -> Snapshot:
    if _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") is None or name.startswith("-"):
        raise InputError(f"{name}: no study's folder, no capsule (.zip) and no Git revision; name one of them")

    def read(file: str) -> bytes | None:
        return _git("show", f"{name}:./{file}")

    stages = _stages(name, read, _params(name, read))
    cache = dvc_cache()
    outs = {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    made: dict[str, str] = {}
    for out, md5 in outs.items():
        listing = object_of(md5, cache)
        if md5.endswith(".dir") and listing.exists():
            made |= {f"{out}/{entry['relpath']}": entry["md5"] for entry in json.loads(listing.read_bytes())}
        else:
            made[out] = md5
    inputs = {dep["path"]: dep.get("md5") for stage in stages.values() for dep in stage.get("deps", [])}

    def opened(file: str) -> IO[bytes]:
        path = object_of(made[file], cache)
        if path.is_file() and not path.suffix:
            return path.open("rb")
        content = read(file)
        if content is None:
            raise KeyError(file)
        return io.BytesIO(content)

    return _snapshot(name, read, made, inputs.get, opened)


def _snapshot(
    name: str,
    read: Callable[[str], bytes | None],
    results: Mapping[str, str],
    inputs: Callable[[str], str | None],
    opened: Callable[[str], AbstractContextManager[IO[bytes]]],
) -> Snapshot:
    environment, params = read(RECORDED_ON.name), _params(name, read)
    return Snapshot(
        name=name,
        params=params,
        stages=_stages(name, read, params),
        environment=None if environment is None else _environment(environment, f"{name}: {RECORDED_ON}"),
        results=results,
        inputs=inputs,
        open=opened,
    )


def _stages(name: str, read: Callable[[str], bytes | None], params: Mapping[str, Any]) -> dict[str, Any]:
    """Stages of ``dvc.lock``, which may also hold those of experiments and data sets long gone."""
    lock = read(LOCK.name)
    stages = {} if lock is None else parse_yaml(lock, f"{name}: {LOCK}").get("stages") or {}
    keys = {"", *params.get("experiments", {}), *params.get("datasets", {})}
    return {stage: content for stage, content in stages.items() if stage.partition("@")[2] in keys}


def _params(name: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    content = read(PARAMS)
    if content is None:
        raise InputError(f"{name}: has no {PARAMS}; name a study's folder, a revision of one, or a capsule")
    return parse_yaml(content, f"{name}: {PARAMS}") | {"claims": _claims(name, read)}


def _claims(name: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    """Declarations by their id; none of a study without claims."""
    content, where = read(FILE.name), f"{name}: {FILE}"
    with reading(where, "no declarations", "see docs/claims.md"):
        return {} if content is None else {claim["id"]: claim for claim in parse_yaml(content, where)["claims"]}


def _environment(content: bytes, where: str) -> Fingerprint:
    with reading(where, "no fingerprint", "run `probecore record`"):
        return parse_fingerprint(content.decode())


def _git(*arguments: str) -> bytes | None:
    """What Git prints, or None where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
