"""The root study on another processor, file by file.

Usage: python benchmarks/processors_demo.py [--quick] [--twice]    (in the repository's root, after `make demo`)

Clones the committed tree into a temporary folder, makes its study as `make demo` does, but on the other vendor that
`tests/processors/other_processor.c` shows, and compares every file under ``data/`` and ``results/`` with those here;
with ``--twice`` with those of a second clone, made without the shim. Ends with 1 if any differs. A quick run trains one
network, twice.
"""

from benchmarks.command import command

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--twice", action="store_true", help="compare with a second run, not with the files here")
    OPTIONS = parser.parse_args()

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.processors import OTHERS, RESULTS, ROOT, build_shim, show
from probecore.files import sha256_of
from probecore.fingerprint import machine
from probecore.verify import MADE

OTHER = "amd-epyc-7742-by-shim"

QUICK = ("results/train/lenet5/trained-0.safetensors",)
"""What a quick run makes."""


def main(options: argparse.Namespace) -> int:
    twice, targets = options.twice or options.quick, QUICK if options.quick else ()
    with tempfile.TemporaryDirectory(prefix="probecore-") as name:
        shim = {"LD_PRELOAD": str(build_shim(Path(name))), "OTHER_PROCESSOR": OTHERS[OTHER]}
        here = hashes(make_demo(Path(name) / "here", {}, targets) if twice else ROOT)
        other = hashes(make_demo(Path(name) / "other", shim, targets))
    differ = sorted(file for file in here.keys() | other.keys() if here.get(file) != other.get(file))
    compared = "a second run" if twice else "the run here"
    row = {"processor": machine()["processor"], "shown_as": OTHER, "compared_with": compared}
    row |= {"files": len(here), "files_on_other": len(other), "differ": len(differ), "which": " ".join(differ)}
    if not options.quick:
        show(pd.DataFrame([row]), RESULTS / "processors_demo.csv")
    print(f"{len(differ)} of {len(here)} files differ", *differ, sep="\n")
    return 1 if differ or not here else 0


def make_demo(clone: Path, more: dict[str, str], targets: Sequence[str]) -> Path:
    """Clone the committed tree and make its study, or some targets, with the environment variables `more`."""
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    environment = os.environ | {"PYTHONPATH": str(clone)} | more
    subprocess.run(
        [sys.executable, "-P", "-m", "snakemake", "--quiet", *targets], cwd=clone, env=environment, check=True
    )
    return clone


def hashes(study: Path) -> dict[str, str]:
    """SHA-256 of every file that a study made."""
    files = (path for top in MADE for path in (study / top).rglob("*") if path.is_file())
    return {path.relative_to(study).as_posix(): sha256_of(path) for path in files}


if __name__ == "__main__":
    sys.exit(main(OPTIONS))
