"""What jobs ask a cluster for: what `probecore plan` forecast last, with a margin. No torch here: rules import it.

An experiment that was changed since asks for nothing here, and its rules for what is written in them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probecore.files import read_json, write_json

if TYPE_CHECKING:
    from probecore.planning.forecast import Forecast

FILE = Path(".probecore/needs.json")

MEMORY, TIME = 1.5, 3.0
"""Times what is forecast; the nodes of a cluster may be slower than the machine that planned."""

LEAST = {"mem_mb": 1000, "runtime": 15}
"""MB and minutes."""

Asked = dict[str, dict[str, dict[str, int]]]
"""By experiment and step."""


def write_asked(jobs: Sequence["Forecast"], written: Mapping[str, Any]) -> None:
    """Keep, beside the study, the largest needs of each step's jobs.

    Parameters
    ----------
    jobs : what `forecast` gave for the study
    written : the study's parameters as they are written
    """
    found: Asked = {}
    for job in jobs:
        needs = {"mem_mb": ceil(MEMORY * job.needs.memory / 1e6), "runtime": ceil(TIME * job.needs.seconds / 60)}
        step = found.setdefault(job.experiment, {}).setdefault(job.step, dict(LEAST))
        step.update({name: max(step[name], amount) for name, amount in needs.items()})
    FILE.parent.mkdir(exist_ok=True)
    write_json(FILE, {name: {"of": _hash(written, name), "steps": steps} for name, steps in found.items()})


def read_asked(written: Mapping[str, Any]) -> Asked:
    """MB (``mem_mb``) and minutes (``runtime``) by experiment and step, of experiments that are as they were."""
    kept = read_json(FILE) if FILE.is_file() else {}
    return {
        name: each["steps"]
        for name, each in kept.items()
        if name in written["experiments"] and each["of"] == _hash(written, name)
    }


def _hash(written: Mapping[str, Any], experiment: str) -> str:
    section = written["experiments"][experiment]
    parts = section, written["datasets"][section["dataset"]], written["numerics"]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
