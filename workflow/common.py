"""What the rules share: the checked study in the working directory, and functions from wildcards to inputs."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake.io import expand

import probecore
from probecore import inputs
from probecore.claims.params import FILE, RECORD, declared, load_claims
from probecore.claims.universes import tables_read
from probecore.declared import check_claims
from probecore.errors import InputError
from probecore.measures import MEASURES, declaration
from probecore.measures.base import Measure
from probecore.multiverse import UNIVERSES, as_json
from probecore.notes import of_other_versions, stale_data, unseen_by_dvc
from probecore.params import STEPS, fans_of, filters_read, load_study, section_of, universes_measured
from probecore.planning.asked import read_asked
from probecore.preflight import check_networks
from probecore.running import enter_as_snakemake
from probecore.study import home
from workflow.adopt import agree_with_dvc
from workflow.captions import marked, write_captions


class Common:
    """The study as the rules see it.

    Loading ends Snakemake with exit code 2 and one line if `params.yaml` is not good.
    """

    def __init__(self, *, main_process: bool) -> None:
        # Jobs find this environment's `probecore` also where the environment is not activated.
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        try:
            _check_links()
            self.study, self.written = load_study(Path("params.yaml"))
            self.asked = read_asked(self.written)
            if main_process:
                self.claims = check_claims(self.study)
                enter_as_snakemake()
                check_networks(self.study)
                self._write_hashes()
            else:
                self.claims = load_claims() if FILE.exists() else None
        except InputError as error:
            print(f"probecore: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        self.main_process = main_process
        self.whole = json.dumps(self.written, sort_keys=True)
        self.numerics = json.dumps(self.written["numerics"], sort_keys=True)
        self.declared = declared()
        self.fans = as_json(fans_of(self.study))
        self.own_files = str(inputs.own_file())
        self.threads = self.study.numerics.threads
        self.gpus = int(self.study.numerics.device == "cuda")
        self.measures = [declaration(name) for name in MEASURES]

    def _write_hashes(self) -> None:
        """Of own files and of the files that data sets are made from; `code_of` writes those of code."""
        inputs.write_own_hashes()
        for name, dataset in self.study.datasets.items():
            if dataset.path is not None and Path(dataset.path).is_file():
                inputs.write_source_hash(name, Path(dataset.path))
        self._look_at_what_tools_miss(os.environ.get("DVC_STAGE", "").rpartition(":")[2])

    def _look_at_what_tools_miss(self, stage: str) -> None:
        """Snakemake sees all but changes inside a folder of data; what a stage of DVC would build on is refused."""
        if stage and (line := unseen_by_dvc(self.study, self.written, stage)):
            raise InputError(line)
        for job, line in stale_data(self.study, self.written):
            if job.files[0].is_dir():
                print(f"probecore: {line}", file=sys.stderr)

    def code_of(self, entry: str) -> str:
        """The file that stands for the code of jobs that start at the module `entry`.

        Only the main process hashes code: all jobs of a run are told the same.
        """
        if self.main_process:
            inputs.write_code_hash(entry)
        return str(inputs.code_file(entry))

    def agree_with_dvc(self) -> None:
        """Let DVC vouch for files that Snakemake did not write; after all rules, which have named their code."""
        if self.main_process:
            agree_with_dvc([*self.study.datasets, *self.study.experiments], self._made_otherwise)

    def _made_otherwise(self) -> set[str]:
        return {job.stage for job, _ in of_other_versions(self.study, self.written)}

    def gathered(self, folder: str, files: Iterable[str], *, title: str) -> list[Any]:
        """What a gathering job writes into `folder`, with figures marked for `snakemake --report`."""
        step, figures = folder.split("/")[1], [Path(file).stem for file in files if file.endswith(".svg")]
        if self.main_process:
            write_captions(step, figures, self.wanted(step))
        return marked([f"{folder}/{file}" for file in files], step=step, title=title)

    def wanted(self, step: str) -> list[str]:
        """Experiments that have the step."""
        return [name for name, experiment in self.study.experiments.items() if getattr(experiment, step) is not None]

    def unwanted(self) -> list[str]:
        """``step/experiment`` for every step that an experiment does not have."""
        return [f"{step}/{name}" for step in STEPS for name in self.study.experiments if name not in self.wanted(step)]

    def section(self, step: str) -> Callable[[Any], str]:
        """An input function: the step's section as JSON, as it is in the universe of the job."""
        return lambda wildcards: section_of(self.written, wildcards.experiment, step, _universe(wildcards))

    def asks(self, step: str, **declared: int) -> Callable[..., int]:
        """A resource's function: what `probecore plan` forecast, else what is declared; with each retry more of it."""
        ((name, amount),) = declared.items()

        def of_job(wildcards: Any, attempt: int) -> int:
            return attempt * self.asked.get(wildcards.experiment, {}).get(step, {}).get(name, amount)

        return of_job

    def dataset_section(self, wildcards: Any) -> str:
        """The data set's section as JSON."""
        return json.dumps(self.written["datasets"][wildcards.dataset], sort_keys=True)

    def source_of(self, wildcards: Any) -> list[str]:
        """The file that stands for the one that the data set is made from, if it is made from one.

        It stays when its source goes: who has the finished data set needs no source.
        """
        target = inputs.source_file(wildcards.dataset)
        return [str(target)] if self.study.datasets[wildcards.dataset].path and target.exists() else []

    def dataset_of(self, wildcards: Any) -> str:
        """The data set of the experiment."""
        return f"data/{self.study.experiments[wildcards.experiment].dataset}.h5"

    def datasets(self) -> list[str]:
        """The data sets of all experiments."""
        return [f"data/{name}.h5" for name in sorted({each.dataset for each in self.study.experiments.values()})]

    def activations_for(self, measure: Measure) -> dict[str, str]:
        """The input of a measure's job that is the network's activations, if the measure reads them."""
        reads = measure.section.reads_activations is not None
        return {"activations": "results/activations/{experiment}/{network}.h5"} if reads else {}

    def measured_for(self, measure: Measure) -> Callable[[Any], list[str]]:
        """An input function: the tables of other measures that a measure's gathering job reads."""
        studied = self.study.experiments
        return lambda wildcards: [
            str(path) for path in filters_read(studied[wildcards.experiment], wildcards.experiment, measure.name)
        ]

    def file_options(self, wildcards: Any, input: Any) -> str:
        """The files that a measure's job reads, as options of its command."""
        files = {name: getattr(input, name, None) for name in ("data", "checkpoints", "activations")}
        return " ".join(f"--{name} {path}" for name, path in files.items() if path)

    def networks_of(self, *patterns: str) -> Callable[[Any], list[str]]:
        """An input function: the patterns for every network of the experiment."""
        return lambda wildcards: self._expand_networks(patterns, wildcards.experiment, _place(wildcards))

    def universes_for(self, measure: Measure) -> Callable[[Any], list[str]]:
        """An input function: where a measure has other universes, their last files, before that of the declared one."""
        return lambda wildcards: [
            f"results/{measure.name}/{wildcards.experiment}/{UNIVERSES}/{name}/summary.json"
            for name in universes_measured(self.study.experiments[wildcards.experiment], measure.name)
            if name and not wildcards.universe
        ]

    def checkpoints(self) -> list[str]:
        """The checkpoints of all networks of the study."""
        pattern = "results/train/{experiment}/{network}.safetensors"
        return [path for name in self.study.experiments for path in self._expand_networks([pattern], name)]

    def tables_of_claims(self) -> list[str]:
        """The tables that the study's claims read."""
        return [str(path) for path in tables_read(self.claims, fans_of(self.study))] if self.claims else []

    def verdicts(self) -> list[str]:
        """The table of verdicts, of a study that declares claims."""
        return [str(RECORD)] if self.claims else []

    def summaries(self) -> list[str]:
        """The last file of every step of every experiment, wanted or not."""
        return [f"results/{step}/{name}/summary.json" for step in STEPS for name in self.study.experiments]

    def _expand_networks(self, patterns: Iterable[str], experiment: str, universe: str = "") -> list[str]:
        networks = self.study.experiments[experiment].train.networks
        paths: list[str] = expand(list(patterns), experiment=experiment, network=networks, universe=universe)
        return paths


def _place(wildcards: Any) -> str:
    """What stands after the experiment in the paths of a job: nothing, or ``/universes/`` and a name."""
    return str(getattr(wildcards, "universe", ""))


def _universe(wildcards: Any) -> str:
    return _place(wildcards).rpartition("/")[2]


def only(names: Iterable[str]) -> str:
    """A wildcard constraint that matches these names and nothing else."""
    return "|".join(names) or "(?!)"


def _check_links() -> None:
    """The code that both tools hash is the code that runs, and this workflow is that package's own."""
    if not Path("probecore").exists() or not Path("probecore").samefile(Path(probecore.__file__).parent):
        raise InputError("probecore: this study's link is not to the package that runs; `probecore upgrade` renews it")
    if not Path(__file__).resolve().parents[1].samefile(home()):
        raise InputError(
            "home: this study's link is not to the workflow of the package that runs; `probecore upgrade` renews it"
        )
