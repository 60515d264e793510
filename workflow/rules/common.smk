# What the rules share: the checked study, and functions from wildcards to inputs and parameters.
import json
import os
import sys
from pathlib import Path

from probecore.errors import InputError
from probecore.params import STEPS, load_study, section_of
from probecore.preflight import check_networks
from probecore.provenance import code_of
from workflow.adopt import adopt

# Jobs find this environment's `probecore` also where the environment is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

try:
    study, written = load_study(Path("params.yaml"))
    if workflow.is_main_process:
        check_networks(study)
except InputError as error:
    print(f"probecore: {error}", file=sys.stderr)
    raise SystemExit(2)

if workflow.is_main_process and "DVC_STAGE" not in os.environ:
    adopt([*study.datasets, *study.experiments])

numerics = json.dumps(written["numerics"], sort_keys=True)
gpus = int(study.numerics.device == "cuda")


def wanted(step):
    """Experiments that have the step, as a list."""
    return [name for name, experiment in study.experiments.items() if getattr(experiment, step) is not None]


def unwanted(step):
    """Experiments that do not have it."""
    return [name for name in study.experiments if name not in wanted(step)]


def only(names):
    """A wildcard constraint that matches these names and nothing else."""
    return "|".join(names) or "(?!)"


def section(step):
    """An input function: the step's section as JSON."""
    return lambda wildcards: section_of(written, wildcards.experiment, step)


def dataset_of(wildcards):
    return f"data/{study.experiments[wildcards.experiment].dataset}.h5"


def own_files(wildcards):
    """Code and weights of the user's own networks."""
    return sorted(str(path) for path in Path("own").rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def networks_of(*patterns):
    """An input function: the patterns for every network of the experiment."""
    return lambda wildcards: expand(
        patterns, experiment=wildcards.experiment, network=study.experiments[wildcards.experiment].train.networks
    )


wildcard_constraints:
    network=r"trained-\d+|shuffled-\d+|given",


rule unwanted:
    output:
        "results/{step_and_experiment}/summary.json",
    params:
        step=lambda wildcards: wildcards.step_and_experiment.split("/")[0],
        experiment=lambda wildcards: wildcards.step_and_experiment.split("/")[1],
    wildcard_constraints:
        step_and_experiment=only(f"{step}/{name}" for step in STEPS for name in unwanted(step)),
    log:
        "logs/{step_and_experiment}/unwanted.log",
    message:
        "{params.experiment} has no step {params.step}"
    localrule: True
    shell:
        'echo \'{{"step": "{params.step}", "experiment": "{params.experiment}", "wanted": false}}\''
        " > {output} 2> {log}"
