"""What a job read and wrote, by content: a note that it leaves in ``.probecore/notes``.

Snakemake and DVC judge by times which results are up to date. A note says it by content: a result is what a job wrote,
from just what is here now. `probecore record` records nothing else, and `probecore verify` looks the notes up. Neither
tool tracks them, so a change that gives equal bytes (a comment in code) goes no further; files that came by `dvc pull`
have none, for them ``dvc.lock`` speaks.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecore.claims.params import FILE, RECORD, Declarations, declared, load_claims
from probecore.claims.universes import tables_read
from probecore.errors import ProbecoreError
from probecore.files import read_json, write_json
from probecore.inputs import code_file, determinants, hash_of, versions
from probecore.multiverse import UNIVERSES, Fans, as_json
from probecore.params import STEPS, Experiment, Study, fans_of, filters_read, section_of, universes_measured
from probecore.provenance import package_of
from probecore.running import FOLDER

NOTES = FOLDER / "notes"


@dataclass(frozen=True)
class Job:
    """One job of a study: what it reads, and where it writes."""

    entry: str
    """The module that it starts from."""
    stage: str
    """The stage in ``dvc.yaml`` that it belongs to."""
    result: Path
    """The file or folder that stands for all that it writes."""
    files: tuple[Path, ...]
    """The data, checkpoints, tables, ... that it reads."""
    written: tuple[str, ...]
    """Patterns of the files that it writes."""
    parameters: str = ""
    """All that it is told, as text."""
    networks: frozenset[str] = frozenset()
    """Networks whose files, of other jobs, lie among those that it writes."""
    own: bool = False
    """Whether it may use the study's own networks."""

    @property
    def note(self) -> Path:
        """Where the note lies."""
        return NOTES / f"{self.result}.json"

    def read_now(self) -> dict[str, str]:
        """Everything that determines the result, as it is now."""
        return determinants(self.entry, parameters=self.parameters, files=self.files, own=self.own)

    def written_now(self) -> dict[str, str]:
        """The files that are there now, with their hashes."""
        return {file.as_posix(): hash_of(file) for file in self._files_now()}

    def written_since(self, before: Mapping[Path, tuple[int, int]]) -> dict[str, str]:
        """The files that were written anew after `stamps` were taken, with their hashes."""
        stamps = self.stamps()
        return {file.as_posix(): hash_of(file) for file in stamps if stamps[file] != before.get(file)}

    def stamps(self) -> dict[Path, tuple[int, int]]:
        """What tells whether a file is written again: where it lies on the disk, and when it was changed."""
        found = {file: file.stat() for file in self._files_now()}
        return {file: (stat.st_ino, stat.st_mtime_ns) for file, stat in found.items()}

    def _files_now(self) -> list[Path]:
        files = {file for pattern in self.written for file in Path().glob(pattern) if file.is_file()}
        return sorted(file for file in files if file.stem not in self.networks and not file.name.startswith("."))


def dataset_job(name: str, section: str, *, path: str | None, output: Path) -> Job:
    """The job that makes a data set."""
    files = () if path is None else (Path(path),)
    return Job("probecore.dataset.make", f"dataset@{name}", output, files, (str(output),), _sorted(section))


def train_job(experiment: str, section: str, numerics: str, *, data: Path, checkpoints: Path, history: Path) -> Job:
    """The job that trains a network."""
    told = _sorted(section) + _sorted(numerics)
    written = (str(checkpoints), str(history))
    return Job("probecore.train.run", f"train@{experiment}", checkpoints, (data,), written, told, own=True)


def network_job(step: str, section: str, numerics: str, *, files: Sequence[Path], output: Path) -> Job:
    """The job that dumps or measures a network."""
    written = (str(output),) if output.suffix else (f"{output}/**/*",)
    experiment = output.parents[2] if output.parent.parent.name == UNIVERSES else output.parent
    told, stage = _sorted(section) + _sorted(numerics), f"{step}@{experiment.name}"
    return Job(f"{package_of(step)}.run", stage, output, tuple(files), written, told, own=True)


def summary_job(
    step: str, experiment: str, *, inputs: Sequence[Path], output: Path, measured: Sequence[Path] = ()
) -> Job:
    """The job that gathers an experiment's networks, and tables `measured` by other steps."""
    folders = [sorted(path.glob("**/*.*")) if path.is_dir() else [path] for path in inputs]
    files = (*(file for folder in folders for file in folder), *measured)
    networks = frozenset(path.stem for path in inputs)
    told = " ".join(sorted(networks))
    entry, stage = f"{package_of(step)}.summary", f"{step}@{experiment}"
    return Job(entry, stage, output / "summary.json", files, (f"{output}/*",), told, networks)


def claims_job(declarations: Declarations, text: str, fans: Fans) -> Job:
    """The job that judges the claims, which stand in the file as `text`, in the universes `fans`."""
    files = tuple(tables_read(declarations, fans))
    return Job("probecore.claims.run", "claims", RECORD, files, (str(RECORD),), text + as_json(fans))


def report_job(study: Study, content: Mapping[str, Any], *, output: Path, metrics: Path) -> Job:
    """The job that writes the report."""
    folders = [Path("results", step, name) for step in STEPS for name in study.experiments]
    files = [file for folder in folders for file in sorted(folder.glob("*.*")) if file.suffix != ".h5"]
    files += [RECORD] if FILE.exists() else []
    data = [_data_of(experiment) for experiment in study.experiments.values()]
    written = (str(output), str(output.with_name("*.csv")), str(metrics))
    told = json.dumps(content, sort_keys=True)
    return Job("probecore.report.build", "report", output, (*sorted(set(data)), *files), written, told)


def jobs_of(study: Study, content: Mapping[str, Any]) -> Iterator[Job]:
    """All jobs of a study, in the order in which data flows."""
    numerics = json.dumps(content["numerics"], sort_keys=True)
    yield from _dataset_jobs(study, content)
    for name, experiment in study.experiments.items():
        for step in STEPS:
            if getattr(experiment, step) is not None:
                for universe in universes_measured(experiment, step):
                    section = section_of(content, name, step, universe)
                    yield from _jobs_of_step(step, name, experiment, section, numerics, universe)
    if (text := declared()) is not None:
        yield claims_job(load_claims(), text, fans_of(study))
    yield _report(study, content)


def _report(study: Study, content: Mapping[str, Any]) -> Job:
    return report_job(study, content, output=Path("results/report/index.html"), metrics=Path("results/metrics.json"))


def _dataset_jobs(study: Study, content: Mapping[str, Any]) -> Iterator[Job]:
    for name, dataset in study.datasets.items():
        section = json.dumps(content["datasets"][name])
        yield dataset_job(name, section, path=dataset.path, output=Path(f"data/{name}.h5"))


def _jobs_of_step(
    step: str, name: str, experiment: Experiment, section: str, numerics: str, universe: str
) -> Iterator[Job]:
    folder, data = Path("results", step, name, *([UNIVERSES, universe] if universe else [])), _data_of(experiment)
    suffix = {"train": ".csv", "activations": ".h5"}.get(step, "")
    for network in experiment.train.networks:
        checkpoints = Path("results/train", name, f"{network}.safetensors")
        if step == "train":
            history = folder / f"{network}.csv"
            yield train_job(name, section, numerics, data=data, checkpoints=checkpoints, history=history)
            continue
        files = [data, checkpoints]
        if getattr(getattr(experiment, step), "reads_activations", None) is not None:
            files.append(Path("results/activations", name, f"{network}.h5"))
        yield network_job(step, section, numerics, files=files, output=folder / f"{network}{suffix}")
    inputs = [folder / f"{network}{suffix}" for network in experiment.train.networks]
    measured = filters_read(experiment, name, step)
    yield summary_job(step, name, inputs=inputs, output=folder, measured=measured)


@contextlib.contextmanager
def noted(job: Job) -> Iterator[None]:
    """Run a job, and leave a note of it if a study is in this folder.

    Raises
    ------
    ProbecoreError
        If anything that it reads changes while it runs; what it wrote is deleted.
    """
    if not FOLDER.is_dir() or job.result.is_absolute():
        yield
        return
    before = job.read_now()
    announced = code_file(job.entry)
    if announced.exists() and announced.read_text(encoding="utf-8").splitlines()[:1] != [before["code"]]:
        raise ProbecoreError(f"{job.entry}: its code has changed since Snakemake started; run `snakemake` again")
    job.note.unlink(missing_ok=True)
    stamps = job.stamps()
    yield
    written = job.written_since(stamps)
    if changed := _differing(before, job.read_now()):
        for file in written:
            Path(file).unlink()
        raise ProbecoreError(f"{job.result}: not kept, {changed} changed while it was made; run `snakemake` again")
    write_json(job.note, {"read": before, "written": written})


def what_is_unproven(study: Study, content: Mapping[str, Any]) -> dict[Path, tuple[str, str]]:
    """Results of which no note says that they were made from what is here: the stage, and what is wrong."""
    found = {}
    for job in jobs_of(study, content):
        if wrong := _wrong_with(job):
            found[job.result] = job.stage, wrong
    for name, experiment in study.experiments.items():
        for step in STEPS:
            summary = Path("results", step, name, "summary.json")
            if getattr(experiment, step) is None and read_json(summary).get("wanted") is not False:
                found[summary] = f"{step}@{name}", "made when the step was wanted"
    return found


def _wrong_with(job: Job) -> str:
    if not job.note.exists():
        return "nothing here says how it was made"
    note = read_json(job.note)
    if changed := _differing(note["written"], job.written_now()):
        return f"{changed} is not what its job wrote"
    changed = _differing(note["read"], job.read_now())
    return f"made from other {changed} than here" if changed else ""


def made_from_other_files(study: Study, content: Mapping[str, Any]) -> Iterator[str]:
    """Lines about results that their jobs wrote from other data or results than those that are here."""
    yield from filter(None, map(_from_other_files, jobs_of(study, content)))


def report_from_other_files(study: Study, content: Mapping[str, Any]) -> str:
    """Such a line about the report and its headline numbers, or nothing."""
    return _from_other_files(_report(study, content))


def _from_other_files(job: Job) -> str:
    if not job.note.exists():
        return ""
    note = read_json(job.note)
    files = {path: value for path, value in note["read"].items() if path.startswith(("data/", "results/"))}
    now = {path: hash_of(Path(path)) for path in files}
    changed = _differing(files, now) if note["written"] == job.written_now() else ""
    return f"{job.result}: made from other {changed} than here" if changed else ""


def stale_data(study: Study, content: Mapping[str, Any]) -> Iterator[tuple[Job, str]]:
    """Jobs of data sets whose source has since changed: a file, or the names and sizes in a folder; a line on each."""
    for job in _dataset_jobs(study, content):
        if job.files and all(path.exists() for path in (job.result, job.note, *job.files)):
            known = read_json(job.note)["read"]
            for path in job.files:
                if known.get(path.as_posix()) != hash_of(path):
                    remedy = "`snakemake --forcerun dataset` makes it anew"
                    yield job, f"{job.result}: {path} has changed since; {remedy}"


def of_other_versions(study: Study, content: Mapping[str, Any]) -> Iterator[tuple[Job, str]]:
    """Jobs whose results were computed with other versions than those installed; a line on each."""
    here = versions()
    for job in jobs_of(study, content):
        if job.note.exists():
            note = read_json(job.note)
            changed = _differing({name: note["read"].get(name, "none") for name in here}, here)
            if changed and note["written"] == job.written_now():
                yield job, f"{job.result}: made with another {changed} than here; `snakemake` makes it anew"


def unseen_by_dvc(study: Study, content: Mapping[str, Any], stage: str) -> str:
    """A line on the first thing that a stage reads and that is out of date although DVC cannot see it; or nothing."""
    read = {file for job in jobs_of(study, content) if job.stage == stage for file in job.files}
    found = (*stale_data(study, content), *of_other_versions(study, content))
    return next((line for job, line in found if job.stage != stage and job.result in read), "")


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Names of what differs, in a few words."""
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)


def _data_of(experiment: Experiment) -> Path:
    return Path(f"data/{experiment.dataset}.h5")


def _sorted(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)
