"""What checking a network costs: naming its functions and the contract, for LeNet-5 and for ResNet-50 at 224x224.

python benchmarks/contract.py    (writes benchmarks/results/contract.csv)
"""

from benchmarks.command import command, show
from probecore.determinism import Numerics, configure

if __name__ == "__main__":
    OPTIONS = command(__doc__).parse_args()
    configure(Numerics())

import argparse
import time

import torch

from probecore.models.build import build_model, example_inputs
from probecore.models.contract import check_contract
from probecore.models.functions import name_functions
from probecore.models.params import ModelParams

NETWORKS = {"lenet5": ((1, 28, 28), 10, 1.0), "resnet50": ((3, 224, 224), 1000, 5.0)}
"""Shape of an input, outputs, and the seconds that it may take on one thread."""


def main(options: argparse.Namespace) -> None:
    """Print processor seconds, and fail where they are more than they may be."""
    torch.set_num_threads(1)
    rows = []
    for name, (shape, outputs, limit) in list(NETWORKS.items())[: 1 if options.quick else None]:
        model = build_model(ModelParams.read(name), input_shape=shape, outputs=outputs)
        inputs = example_inputs(shape)
        started = time.process_time()
        name_functions(model, inputs)
        named = time.process_time()
        check_contract(model, inputs)
        done = time.process_time()
        print(f"{name:10} names {named - started:.2f} s, contract {done - named:.2f} s, at most {limit:.0f} s")
        seconds = {"names_seconds": f"{named - started:.2f}", "contract_seconds": f"{done - named:.2f}"}
        rows.append({"network": name, **seconds, "limit_seconds": f"{limit:.2f}"})
        assert done - started < limit
    show("contract", rows, quick=options.quick)


if __name__ == "__main__":
    main(OPTIONS)
