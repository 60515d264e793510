"""Whether a study's files are what was recorded, and whether they come out again. Nothing is changed.

Every byte is read; DVC itself trusts the times and sizes of files that it has seen before. Whether
results are out of date against parameters or code is not asked here: `dvc status` and `snakemake -n` say so.
"""

import fnmatch
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from probecore.errors import InputError, ProbecoreError
from probecore.files import md5_of, sha256_of
from probecore.notes import made_from_other_files
from probecore.params import Study, load_study
from probecore.progress import say, track
from probecore.yaml_files import read_yaml

LOCK = Path("dvc.lock")

RECORDED_ON = Path("recorded_on.csv")
"""The fingerprint of the machine that made the record."""

MADE = ("data", "results")
"""The folders that hold all that a study makes."""

NOT_SHARED = {*MADE, "params.yaml", "dvc.lock", "logs", ".snakemake", ".probecore", ".dvc", ".git"}
"""What a rebuilt study has of its own or goes without; it sees the rest of the present one."""


def verify_study() -> list[str]:
    """Compare the study in this folder with ``dvc.lock``, and results with those that their jobs say they read.

    Data sets and activations are also checked from within.

    Returns
    -------
    list of str
        One line for each file that differs, is missing, or is known to no stage; none if all is well.

    Raises
    ------
    InputError
        If ``params.yaml``, ``dvc.yaml`` or ``dvc.lock`` cannot be used.
    """
    study, content = load_study(Path("params.yaml"))
    return [*_against_lock(study), *_against_themselves(study), *made_from_other_files(study, content)]


def verify_rebuild() -> list[str]:
    """Rebuild the study in this folder in a temporary one and compare all files byte for byte.

    Returns
    -------
    list of str
        One line for each file that differs, or exists here or there only; none if all is well.

    Raises
    ------
    InputError
        If ``params.yaml`` cannot be used.
    ProbecoreError
        If the rebuild fails.
    """
    study, _ = load_study(Path("params.yaml"))
    with tempfile.TemporaryDirectory(prefix="probecore-") as name:
        folder = Path(name)
        _rebuild(study, folder)
        present, again = _hashes(Path()), _hashes(folder)
    return [
        f"{file}: {_difference(present.get(file), again.get(file))}"
        for file in sorted(present.keys() | again.keys())
        if present.get(file) != again.get(file)
    ]


def recorded_stages() -> dict[str, Any]:
    """Return the stages in ``dvc.lock``, by name.

    Raises
    ------
    InputError
        If there is no such file, or not all of it: DVC writes it in place, and is killed at times.
    """
    try:
        stages: dict[str, Any] = read_yaml(LOCK)["stages"]
        for stage in stages.values():
            for entry in (*stage.get("deps", ()), *stage.get("outs", ())):
                Path(entry["path"], entry["md5"])
    except (InputError, AttributeError, TypeError, KeyError):
        if not LOCK.is_file():
            raise
        raise InputError(
            f"{LOCK}: not whole, as a DVC leaves it that is killed while it writes; `git checkout {LOCK}`, or"
            " `probecore record`, which begins it anew"
        ) from None
    return stages


def _against_lock(study: Study) -> Iterator[str]:
    if not LOCK.exists():
        yield f"{LOCK}: no such file; `probecore record` writes it"
        return
    recorded = recorded_stages()
    outs = {
        Path(out["path"]): out["md5"] for stage in stages_of(study) for out in recorded.get(stage, {}).get("outs", [])
    }
    yield from (
        f"{LOCK}: no stage {stage}; `probecore record` adds it" for stage in stages_of(study) if stage not in recorded
    )
    for out in track(sorted(outs), "comparing with dvc.lock"):
        yield from _against_hash(out, outs[out])
    for path in files_below(MADE):
        if not outs.keys() & {path, *path.parents}:
            yield f"{path}: known to no stage in {LOCK}"


def recorded_files() -> Iterator[tuple[Path, str, Path]]:
    """Every file in ``dvc.lock`` whose name is known here: its path, its MD5, and where DVC's cache would hold it.

    Files of folders are known where the cache has the folder's listing.
    """
    if not LOCK.exists():
        return
    cache = dvc_cache()
    for stage in recorded_stages().values():
        for out in stage.get("outs", []):
            path, md5 = Path(out["path"]), out["md5"]
            cached = object_of(md5, cache)
            if not md5.endswith(".dir"):
                yield path, md5, cached
            elif cached.exists():
                for entry in json.loads(cached.read_bytes()):
                    yield path / entry["relpath"], entry["md5"], object_of(entry["md5"], cache)


def stages_of(study: Study) -> list[str]:
    """The study's stages as ``dvc.lock`` names them, which may also hold those of experiments long gone."""
    names: list[str] = []
    for name, stage in read_yaml(Path("dvc.yaml"))["stages"].items():
        section = stage.get("foreach", "").removeprefix("${").removesuffix("}")
        names += [f"{name}@{key}" for key in getattr(study, section)] if section else [name]
    return names


def is_as_recorded(out: Path, md5: str) -> bool:
    """Whether a file or folder has the content that DVC calls `md5`; every byte is read."""
    return out.exists() and (md5_of_folder(_md5s_of(out)) if out.is_dir() else md5_of(out)) == md5


def _md5s_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): md5_of(path) for path in files_below([folder])}


def _against_hash(out: Path, md5: str) -> Iterator[str]:
    if not out.exists():
        yield f"{out}: missing"
    elif out.is_dir():
        present = _md5s_of(out)
        if md5_of_folder(present) != md5:
            yield from _against_listing(out, present, md5)
    elif md5_of(out) != md5:
        yield f"{out}: differs"


def _against_listing(out: Path, present: Mapping[str, str], md5: str) -> Iterator[str]:
    """Name the files of a folder that differ, by the listing that DVC's cache holds."""
    listing = object_of(md5, dvc_cache())
    if not listing.exists():
        yield f"{out}: differs; run `dvc fetch`, and verify names its files"
        return
    if md5_of(listing) + ".dir" != md5:
        yield f"{listing}: damaged; delete it and run `dvc fetch`"
        return
    recorded = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_bytes())}
    for file in sorted(recorded.keys() | present.keys()):
        if recorded.get(file) != present.get(file):
            yield f"{out / file}: {_difference(present.get(file), recorded.get(file))}"


def _difference(present: str | None, expected: str | None) -> str:
    if present is None:
        return "missing"
    return "differs" if expected is not None else "unexpected"


def folder_listing(files: Mapping[str, str]) -> bytes:
    """DVC's object of a folder: a JSON list of its files and their MD5, sorted by name."""
    return json.dumps([{"md5": files[file], "relpath": file} for file in sorted(files)]).encode()


def md5_of_folder(files: Mapping[str, str]) -> str:
    """DVC's hash of a folder: the MD5 of `folder_listing`."""
    return hashlib.md5(folder_listing(files), usedforsecurity=False).hexdigest() + ".dir"


def md5_at(place: str, files: Mapping[str, str]) -> str | None:
    """DVC's hash of a file or folder, of whose files the MD5 are known by path; None if there are none."""
    below = files_in(place, files)
    return files.get(place) or (md5_of_folder(below) if below else None)


def files_in(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """MD5 of the files in a folder, by path as seen from it."""
    return {name.removeprefix(f"{folder}/"): md5 for name, md5 in files.items() if name.startswith(f"{folder}/")}


def object_of(md5: str, cache: Path) -> Path:
    """Where the cache of `dvc_cache` holds the content that DVC calls `md5`."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def is_intact(cached: Path) -> bool:
    """Whether an object of DVC is there and holds what its name says."""
    return cached.exists() and md5_of(cached) == cached.parent.name + cached.stem


def dvc_cache() -> Path:
    """Ask DVC where its cache for this study is."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProbecoreError(f"`dvc cache dir` failed: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def files_below(folders: Iterable[str | Path], *, study: Path = Path()) -> list[Path]:
    """List the files below `folders` of a study, sorted, as seen from it; without those that ``.dvcignore`` names."""
    ignore = study / ".dvcignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    files = (path.relative_to(study) for folder in folders for path in (study / folder).rglob("*") if path.is_file())
    return sorted(
        path for path in files if not any(fnmatch.fnmatch(part, pattern) for part in path.parts for pattern in patterns)
    )


def _against_themselves(study: Study) -> Iterator[str]:
    """Data sets and activations carry hashes of their own content."""
    from probecore.activations.reader import Activations
    from probecore.dataset import verify_dataset

    def verify_activations(path: Path) -> None:
        with Activations(path) as activations:
            activations.verify()

    checks: dict[Path, Callable[[Path], object]] = {Path(f"data/{name}.h5"): verify_dataset for name in study.datasets}
    for name, experiment in study.experiments.items():
        if experiment.activations is not None:
            folder = Path("results/activations") / name
            checks |= {folder / f"{network}.h5": verify_activations for network in experiment.train.networks}
    for path in track([path for path in checks if path.exists()], "reading data sets and activations"):
        try:
            checks[path](path)
        except InputError as error:
            yield str(error)


def _rebuild(study: Study, folder: Path) -> None:
    (folder / "params.yaml").write_bytes(Path("params.yaml").read_bytes())
    for path in Path().resolve().iterdir():
        if path.name not in NOT_SHARED:
            (folder / path.name).symlink_to(path)
    say(f"rebuilding in {folder}")
    snakefile = Path(study.home).resolve() / "Snakefile"
    command = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(snakefile), "--directory", str(folder)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise ProbecoreError(f"{folder}: the rebuild failed, for the reason given above")


def _hashes(study: Path) -> dict[str, str]:
    return {path.as_posix(): sha256_of(study / path) for path in files_below(MADE, study=study)}
