"""CPU seconds that intervals and nulls cost: `python benchmarks/interval_costs.py [--quick]`.

In a study with trained networks, each measure runs on one network as the study asks, and again with as few draws as its
parameters allow; intervals that are closed forms, jackknives or bootstraps of fixed size are in both. Writes
`benchmarks/results/interval_costs.csv`; a quick run is of one measure.
"""

from benchmarks.command import command, show

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--network", default="trained-0", help="of the experiment lenet5 (default trained-0)")
    OPTIONS = parser.parse_args()

import argparse
import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from probecore.measures import MEASURES, declaration

EXPERIMENT = "lenet5"
FEWEST: dict[str, dict[str, Any]] = {
    "anova": {"permutations": 19},
    "mutual_information": {"shuffles": 19, "layer_shuffles": 19, "redundancy": {"shuffles": 39}},
    "mechanism": {"bootstrap": 20, "permutations": 20},
    "recos": {"resamples": 19, "sphere": {"directions": 19}},
    "mean_dimension": {"companions": None},
    "atlas": {"shapley": {"pairs": 8}},
}
"""Parameters with as few draws as allowed, and without the companions of a mean dimension."""


def merged(section: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A section of parameters with some of them changed, at any depth."""
    inner = {
        key: merged(section.get(key) or {}, value) if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }
    return {**section, **inner}


def cpu_seconds(measure: str, params: Mapping[str, Any], study: Mapping[str, Any], network: str) -> float:
    """CPU time of the job that measures one network."""
    data = study["experiments"][EXPERIMENT]["dataset"]
    with tempfile.TemporaryDirectory() as folder:
        command = ["probecore", measure, "network", "--params", json.dumps(params)]
        command += ["--numerics", json.dumps(study["numerics"]), "--output", folder]
        if declaration(measure).section.reads_activations is not None:
            command += ["--activations", f"results/activations/{EXPERIMENT}/{network}.h5"]
        command += ["--data", f"data/{data}.h5"]
        command += ["--checkpoints", f"results/train/{EXPERIMENT}/{network}.safetensors"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(options: argparse.Namespace) -> None:
    network = options.network
    study = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    rows = []
    for measure in MEASURES[:1] if options.quick else MEASURES:
        section = study["experiments"][EXPERIMENT][measure] or {}
        full, few = (
            cpu_seconds(measure, params, study, network) for params in (section, merged(section, FEWEST[measure]))
        )
        rows.append(
            {"measure": measure, "network": network, "as asked, s": f"{full:.1f}", "fewest draws, s": f"{few:.1f}"}
        )
        rows[-1] |= {"fewest": json.dumps(FEWEST[measure])}
        show("interval_costs", rows, quick=options.quick)


if __name__ == "__main__":
    main(OPTIONS)
