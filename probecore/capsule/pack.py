"""From a recorded study to its capsule. Not here: how a capsule is read."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probecore.capsule.archive import Member, member, write_archive
from probecore.capsule.crate import METADATA, WORKFLOW, Author, Content, Study, crate_metadata
from probecore.claims.params import FILE, RECORD
from probecore.errors import InputError, reading
from probecore.params import Study as Params, load_study
from probecore.progress import track
from probecore.reproduction import changed_inputs
from probecore.verify import LOCK, RECORDED_ON, files_below, md5_of_folder, recorded_stages, stages_of
from probecore.version import __version__
from probecore.versioning import outputs_without
from probecore.yaml_files import read_yaml

CITATION, LICENCE = "CITATION.cff", "LICENSE"

NEEDED = ("params.yaml", "dvc.yaml", LOCK.name, RECORDED_ON.name)
"""What every recorded study has in its folder, and Git keeps."""

WELCOME = (".dvcignore", ".gitignore", "README.md", FILE.name)
"""What goes with it where it is there."""


def pack_study(output: Path) -> tuple[Study, int]:
    """Write the study in this folder as one file.

    It holds what dvc.lock names, without what ``dvc.yaml`` keeps from remotes (``push: false``), the parameters, all
    code, the record's machine and versions, licence and authors. Its bytes depend on nothing else.

    Parameters
    ----------
    output : the file to write

    Returns
    -------
    study : Study
        What the capsule says.
    files : int
        Their number.

    Raises
    ------
    InputError
        If the study is not recorded and committed as it stands, or has no `CITATION.cff`.
    """
    params, _ = load_study(Path("params.yaml"))
    _require_recorded()
    citation = _above(CITATION)
    if citation is None:
        raise InputError(
            f"{CITATION}: no such file here or above; write title, authors and license into one, so that others know"
            " whose the study is and what they may do with it"
        )
    revision, date = _recording_commit()
    outs, left_out = _outs(stages_of(params))
    sources = dict(_sources(Path(params.home), citation))
    members = {name: member(path) for name, path in track(sources.items(), "reading code")}
    for out, md5 in track(outs.items(), "reading results"):
        members |= _recorded_members(out, md5)
    study = Study(
        **_cited(citation),
        abstract=_abstract(params),
        revision=revision,
        date=date,
        version=__version__,
        left_out=left_out,
    )
    ordered = {name: members[name] for name in sorted(members)}
    metadata = crate_metadata(study, {name: Content(found.size, found.sha256) for name, found in ordered.items()})
    text = json.dumps(metadata, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_archive(output, {METADATA: member(text.encode())} | ordered)
    return study, len(ordered)


def _require_recorded() -> None:
    """Raise unless results are those of what is here, and Git has it."""
    for name in NEEDED:
        if not Path(name).is_file():
            raise InputError(f"{name}: no such file; run `probecore record`, which writes what a study lacks")
    if changed := changed_inputs():
        raise InputError(f"{changed[-1]}: not what results were made from; run `snakemake`, then `probecore record`")
    changes = _git("status", "--porcelain", "--", *NEEDED, "own", "results/metrics.json", str(FILE), str(RECORD))
    if changes:
        raise InputError(f"{changes.split()[1]}: not as Git has it; commit it, so that the capsule can name a revision")


def _recording_commit() -> tuple[str, str]:
    """The commit that recorded the study, and its day."""
    revision, _, seconds = _git("log", "-1", "--format=%H %ct", "--", LOCK.name).partition(" ")
    return revision, datetime.fromtimestamp(int(seconds), UTC).date().isoformat()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{LOCK}: not in a Git repository ({' '.join(done.stderr.split())}); commit the study first")
    return done.stdout.strip()


def _above(name: str) -> Path | None:
    """The nearest file of this name, here or in the folders above, up to the end of the repository."""
    top = Path(_git("rev-parse", "--show-toplevel")).resolve()
    for folder in (Path().resolve(), *Path().resolve().parents):
        if (folder / name).is_file():
            return folder / name
        if folder == top:
            break
    return None


def _cited(citation: Path) -> dict[str, Any]:
    """Title, authors and licence, from a Citation File Format 1.2 file."""
    content = read_yaml(citation)
    with reading(citation, "lacks title, authors or license", "add it, see https://citation-file-format.github.io"):
        title, licence = content["title"], content["license"]
        authors = tuple(_author(author) for author in content["authors"])
        if not (authors and isinstance(title, str) and re.fullmatch(r"[A-Za-z0-9.+-]+", licence)):
            raise ValueError("license is one SPDX identifier, title a text, and there is at least one author")
    return {"title": title, "authors": authors, "licence": licence}


def _author(author: Mapping[str, str]) -> Author:
    if "name" in author:
        return Author(author["name"], is_person=False)
    given, family = author.get("given-names", ""), author["family-names"]
    return Author(f"{given} {family}".strip(), author.get("orcid", ""))


def _abstract(params: Params) -> str:
    experiments = (
        f"{name} (data set {experiment.dataset}, networks {', '.join(experiment.train.networks)})"
        for name, experiment in params.experiments.items()
    )
    purpose = "A study of probecore, with all that is needed to check it and make it again"
    return f"{purpose}. Experiments: {'; '.join(experiments)}."


def _outs(stages: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the stages made, with DVC's hashes, and what of it is for no remote."""
    recorded, unshared = recorded_stages(), outputs_without("push")
    if missing := [stage for stage in stages if stage not in recorded]:
        raise InputError(f"{LOCK}: no stage {missing[0]}; `probecore record` adds it")
    outs = {out["path"]: out["md5"] for stage in stages for out in recorded[stage].get("outs", [])}
    left_out = tuple(sorted(out for out in outs if out.startswith(unshared)))
    return {out: outs[out] for out in sorted(outs) if out not in left_out}, left_out


def _recorded_members(out: str, md5: str) -> dict[str, Member]:
    """The file, or files of the folder, that are at `out`, if they are as recorded."""
    path = Path(out)
    if not path.exists():
        raise InputError(f"{out}: missing; run `probecore pull` or `snakemake`")
    files = {file.as_posix(): member(file) for file in (files_below([path]) if path.is_dir() else [path])}
    found = {name.removeprefix(f"{out}/"): packed.md5 for name, packed in files.items()}
    if md5 != (md5_of_folder(found) if path.is_dir() else found[out]):
        raise InputError(f"{out}: not as recorded in {LOCK}; run `snakemake`, then `probecore record`")
    return files


def _sources(home: Path, citation: Path) -> Iterator[tuple[str, Path]]:
    """All that is no result, by its name in the capsule: the study's own files, then those that it uses."""
    for name in (*NEEDED, *WELCOME):
        if Path(name).is_file():
            yield name, Path(name)
    for path in files_below(["own"]):
        yield path.as_posix(), path
    for path in files_below(["probecore"]):
        if path.parts[:2] != ("probecore", "home"):  # in an installed package: the workflow, which comes next
            yield path.as_posix(), path
    for path in (Path(WORKFLOW), Path("requirements.lock"), *files_below(["workflow", "profiles"], study=home)):
        if (home / path).is_file():
            yield path.as_posix(), home / path
    yield CITATION, citation
    if (licence := _above(LICENCE)) is not None:
        yield LICENCE, licence
