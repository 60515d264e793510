"""What `probecore plan` forecasts beside what is measured: `python benchmarks/plan.py [--quick] [--only NAME]`.

Each measure of `probecore` in one call with its defaults, which measure a large network in part, on a network with
random weights and random images, in a process of its own on one thread: its processor seconds, imports and all, and its
peak memory, and the forecast from the machine's speed, which is measured in the same process just before and not
counted.

The columns of 10,000 images are no measurement: the forecast for so many of each split, seconds times what was measured
of the forecast here. `--most` allows a call less work than the library does, and chooses smaller parts of networks
by the same rule, where time is short. A measure that takes more than `--limit` processor seconds is stopped, and its
row says so.

Writes benchmarks/results/plan.csv after each measure; rows of what is not run now stay.
"""

from benchmarks.command import add_device, clock, command, named, show, written

CASES = {
    "torchvision:resnet50": 224,
    "torchvision:vgg16": 224,
    "torchvision:convnext_tiny": 224,
    "torchvision:vit_b_32": 224,
    "torchvision:resnet18": 64,
}
"""Side of the images."""

if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("--only", choices=CASES, help="one network")
    parser.add_argument("--resume", action="store_true", help="only what the table lacks")
    parser.add_argument("--images", type=int, default=200, help="of each split (default 200)")
    parser.add_argument("--most", type=float, help="multiply-adds of a call, about (default: the library's)")
    parser.add_argument("--limit", type=int, default=600, help="processor seconds of a measure (default 600)")
    add_device(parser)
    parser.add_argument("--one", nargs=3, metavar=("NAME", "SIDE", "MEASURE"), help="print one row")
    OPTIONS = parser.parse_args()

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

CLASSES, MANY = 10, 10_000

Row = dict[str, str]


def main(options: argparse.Namespace) -> None:
    cases = {options.only: CASES[options.only]} if options.only else CASES
    if options.quick:
        cases, options.images = {"lenet5": 32}, 40
    table, found = named("plan", options.device), []
    names_of = itemgetter("network", "measure")
    done = set(map(names_of, written(table, without={}))) if options.resume else set()
    for row in rows_of(cases, options):
        if names_of(row) in done:
            continue
        names = {column: row[column] for column in ("network", "measure")}
        row |= in_process_of_its_own(row["network"], row["side"], row["measure"], options)
        found = [*(found if options.quick else written(table, without=names)), row]
        show(table, found, quick=options.quick)


def rows_of(cases: Mapping[str, int], options: argparse.Namespace) -> Iterator[Row]:
    """The names of each row."""
    from probecore.measures import MEASURES

    for name, side in cases.items():
        for measure in (one for one in MEASURES if one != "atlas"):
            row = {"network": name, "side": str(side), "images": str(options.images), "measure": measure}
            yield row | {"most": "" if options.most is None else f"{options.most:.0e}"}


def in_process_of_its_own(name: str, side: str, measure: str, options: argparse.Namespace) -> Row:
    """The row's numbers; of a process that was stopped at the limit its processor seconds and memory."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (options.limit, options.limit))

    call = [
        sys.executable,
        __file__,
        "--one",
        name,
        side,
        measure,
        "--images",
        str(options.images),
        "--device",
        options.device,
    ]
    call += [] if options.most is None else ["--most", str(options.most)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, preexec_fn=limited) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == 0:
        found: Row = json.loads(said.splitlines()[-1])
        return found
    return {"seconds": f"stopped, {process.returncode}, after {used.ru_utime:.0f}", "gb": f"{used.ru_maxrss / 1e6:.2f}"}


def measured(name: str, side: int, count: int, measure: str, most: float | None, device: str) -> Row:
    began = clock(device) if device != "cpu" else 0.0  # a process begins with no processor seconds
    import numpy as np
    import torch

    import probecore as pc
    from probecore.api import fitting
    from probecore.planning.outline import Outline
    from probecore.planning.speed import measure_speed

    torch.set_num_threads(1)
    fitting.MOST_MULTIPLY_ADDS = most or fitting.MOST_MULTIPLY_ADDS
    channels = 1 if name == "lenet5" else 3
    shape = (channels, side, side)
    network = pc.open_network(name, input_shape=shape, n_outputs=CLASSES)
    images = np.random.default_rng(0).integers(0, 256, (2 * count, *shape), dtype=np.uint8)
    labels = np.arange(2 * count) % CLASSES
    started = clock(device)
    speed, outline = measure_speed(), Outline.of(network, shape)
    apart = clock(device) - started
    given = {"train_images": images[count:], "train_labels": labels[count:], "normalise": {"mean": 0.5}}
    getattr(pc, f"measure_{measure}")(network.to(device), images[:count], labels[:count], **given)
    seconds = clock(device) - began - apart
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    forecast = forecasts(measure, outline, count, speed)
    many = forecasts(measure, outline, MANY, speed)
    return {
        "forecast_seconds": f"{forecast[0]:.1f}",
        "seconds": f"{seconds:.1f}",
        "times_forecast": f"{seconds / forecast[0]:.2f}",
        "forecast_gb": f"{forecast[1] / 1e9:.2f}",
        "gb": f"{memory / 1e9:.2f}",
        "gb_times_forecast": f"{memory / forecast[1]:.2f}",
        "seconds_at_10000": f"{seconds / forecast[0] * many[0]:.1f}",
        "gb_at_10000": f"{many[1] / 1e9:.2f}",
    }


def forecasts(measure: str, outline: Any, count: int, speed: Any) -> tuple[float, float]:
    """Processor seconds and bytes of a call with `count` images of each split, all of which the caller holds."""
    from probecore.api import fitting
    from probecore.planning.needs import START, needs_of
    from probecore.planning.sizes import sizes_within
    from probecore.planning.work import Images

    images = Images(count, count, CLASSES)
    sizes = sizes_within(fitting.MOST_MULTIPLY_ADDS, measure, outline, images)
    jobs = [needs_of(measure, outline, sizes.kept, sizes.section, speed, activations=sizes.dumped)]
    if sizes.dumped is not None:
        jobs.append(needs_of("activations", outline, sizes.kept, sizes.dumped, speed))
    size = 1
    for number in outline.input_shape:
        size *= number
    left_out = images.train + images.test - sizes.kept.train - sizes.kept.test
    return START + speed.seconds(sizes.work), max(job.memory for job in jobs) + left_out * size


if __name__ == "__main__":
    if OPTIONS.one:
        network_name, side, measure = OPTIONS.one
        print(json.dumps(measured(network_name, int(side), OPTIONS.images, measure, OPTIONS.most, OPTIONS.device)))
    else:
        main(OPTIONS)
