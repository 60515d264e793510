"""Write a fingerprint and a small study into a folder: `python -m tests.processors.small_study FOLDER`."""

from probecore.determinism import Numerics, configure

configure(Numerics())

import os
import shutil
import sys
from pathlib import Path

from probecore.fingerprint import fingerprint, write_fingerprint
from probecore.params import STEPS
from probecore.report.build import build_report
from tests.test_steps import BASE, images, run_steps

EXPERIMENT = "small"
TRAIN = BASE | {"model": {"name": "own/nested.py:build"}, "seeds": [0]}


def make(folder: Path) -> None:
    """Write ``fingerprint.csv``, and in ``study/`` all measures, figures and the report of one network."""
    write_fingerprint(folder / "fingerprint.csv", fingerprint(Numerics()))
    study = folder / "study"
    study.mkdir()
    os.chdir(study)
    run_steps(images(size=28), TRAIN, {}, True, EXPERIMENT)
    report()


def report() -> None:
    """Make the report of what `run_steps` left in the working directory."""
    data, results = Path("data"), Path("results")
    data.mkdir()
    shutil.rmtree(results, ignore_errors=True)  # copies that the atlas has read
    Path("data.h5").rename(data / "images.h5")
    steps = [step for step in STEPS if Path(step).is_dir()]
    for step in steps:
        (results / step).mkdir(parents=True)
        Path(step).rename(results / step / EXPERIMENT)
    experiment = {"dataset": "images", **{step: {} for step in steps}, "train": TRAIN}
    build_report(
        study={"datasets": {"images": {}}, "experiments": {EXPERIMENT: experiment}},
        results=results,
        data=data,
        output=results / "report/index.html",
        metrics=results / "metrics.json",
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
