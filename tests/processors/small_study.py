"""Run every step on small images in a folder: `python -m tests.processors.small_study FOLDER`."""

from probecore.determinism import Numerics, configure

configure(Numerics())

import os
import sys

from tests.test_steps import BASE, images, run_steps

CONVOLUTIONAL = BASE | {"model": "lenet5", "epochs": 2, "seeds": [0], "shuffled": {"epochs": 2, "optimiser": "adam"}}

if __name__ == "__main__":
    os.chdir(sys.argv[1])
    run_steps(images(size=28), CONVOLUTIONAL, {}, True, "lenet")
