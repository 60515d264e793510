"""What `probecore plan` forecasts beside what is measured: `python benchmarks/plan.py [--quick] [--only NAME]`.

Each measure of `probecore` in one call with its defaults, which measure a large network in part, on a network with
random weights and random images, in a process of its own on one thread: processor seconds and peak memory, and the
forecast from the machine's speed, measured in the same process just before.

Writes benchmarks/results/plan.csv.
"""

from benchmarks.command import command, show

CASES = {
    "torchvision:resnet18": (64, 200),
    "torchvision:resnet50": (224, 200),
    "torchvision:vgg16": (224, 200),
    "torchvision:convnext_tiny": (224, 200),
    "torchvision:vit_b_32": (224, 200),
}
"""Side of the images and how many there are of each split."""

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--only", choices=CASES, help="one network")
    parser.add_argument("--one", nargs=4, metavar=("NAME", "SIDE", "IMAGES", "MEASURE"), help="print one row")
    OPTIONS = parser.parse_args()

import argparse
import json
import resource
import subprocess
import sys
import time

CLASSES = 10


def main(options: argparse.Namespace) -> None:
    from probecore.measures import MEASURES

    cases = {options.only: CASES[options.only]} if options.only else CASES
    if options.quick:
        cases = {"lenet5": (32, 40)}
    rows = []
    for name, (side, images) in cases.items():
        for measure in (one for one in MEASURES if one != "atlas"):
            call = [sys.executable, __file__, "--one", name, str(side), str(images), measure]
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
    show("plan", rows, quick=options.quick)


def measured(name: str, side: int, count: int, measure: str) -> dict[str, str]:
    import numpy as np
    import torch

    import probecore as pc
    from probecore.api.fitting import MOST_MULTIPLY_ADDS
    from probecore.planning.needs import needs_of
    from probecore.planning.outline import Outline
    from probecore.planning.sizes import sizes_within
    from probecore.planning.speed import measure_speed
    from probecore.planning.work import Images

    torch.set_num_threads(1)
    channels = 1 if name == "lenet5" else 3
    shape = (channels, side, side)
    network = pc.open_network(name, input_shape=shape, n_outputs=CLASSES)
    images = np.random.default_rng(0).integers(0, 256, (2 * count, *shape), dtype=np.uint8)
    labels = np.arange(2 * count) % CLASSES
    speed, outline = measure_speed(), Outline.of(network, shape)
    sizes = sizes_within(MOST_MULTIPLY_ADDS, measure, outline, Images(count, count, CLASSES))
    needs = needs_of(measure, outline, sizes.kept, sizes.section, speed)
    forecast = speed.seconds(sizes.work)
    given = {"train_images": images[count:], "train_labels": labels[count:], "normalise": {"mean": 0.5}}
    started = time.process_time()
    getattr(pc, f"measure_{measure}")(network, images[:count], labels[:count], **given)
    seconds = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "network": name,
        "side": str(side),
        "images": str(count),
        "measure": measure,
        "forecast_seconds": f"{forecast:.1f}",
        "seconds": f"{seconds:.1f}",
        "forecast_gb": f"{needs.memory / 1e9:.2f}",
        "gb": f"{memory / 1e9:.2f}",
    }


if __name__ == "__main__":
    if OPTIONS.one:
        network_name, side, count, measure = OPTIONS.one
        print(json.dumps(measured(network_name, int(side), int(count), measure)))
    else:
        main(OPTIONS)
