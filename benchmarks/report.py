"""The report's page with 10,000 filters, in a browser: `python benchmarks/report.py [--quick]`.

A made-up study of one network with one checkpoint, as a pretrained one, or two, and all quantities that the measures
declare: how large the page is, how long it takes until the table stands, and how long a sort by another quantity takes,
median of five; beside each the processor seconds of the page's thread, which other work on the machine lengthens less,
and the work that waited for a processor when it was measured. Needs Chromium.

Writes benchmarks/results/report.csv.
"""

from benchmarks.command import command, show

LIMITS = {"megabytes": 25.0, "open_seconds": 1.0, "sort_seconds": 0.1}

if __name__ == "__main__":
    OPTIONS = command(__doc__).parse_args()

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

REPEATS = 5
PER_LAYER = 500
LAST = 20
WINDOW = (1600, 1000)
"""In pixels: the wider, the more columns are read and drawn."""

SORT = """(() => {{
    const heading = document.querySelectorAll(".tabulator-col-title:has(.histogram)")[{index}];
    const started = performance.now();
    heading.click();
    document.querySelector(".tabulator-row").getBoundingClientRect();
    return performance.now() - started;
}})()"""


def main(options: argparse.Namespace) -> None:
    filters = 500 if options.quick else 10_000
    show("report", [line_of(filters, epochs) for epochs in ([LAST], [0, LAST])], quick=options.quick)


def line_of(filters: int, epochs: list[int]) -> dict[str, Any]:
    """Make a page with so many filters at these checkpoints, and measure it."""
    from benchmarks.browser import browser

    with tempfile.TemporaryDirectory() as folder, browser() as tab:
        page = make_page(Path(folder), filters, epochs)
        tab.size(*WINDOW)
        tab.call("Performance.enable", timeDomain="threadTicks")
        opened, opened_cpu = zip(*(seconds_to_open(tab, page) for _ in range(REPEATS)), strict=True)
        rows = int(tab.ask("document.getElementById('filters.count').textContent.split(' ')[0]"))
        sorted_in, sorted_cpu = zip(*(seconds_to_sort(tab, index) for index in range(REPEATS)), strict=True)
        found = {
            "megabytes": page.stat().st_size / 1e6,
            "open_seconds": statistics.median(opened),
            "sort_seconds": statistics.median(sorted_in),
            "open_cpu_seconds": statistics.median(opened_cpu),
            "sort_cpu_seconds": statistics.median(sorted_cpu),
            "waiting": os.getloadavg()[0],
        }
    line = {"filters": filters, "checkpoints": len(epochs), "rows": rows}
    line |= {name: f"{value:.3g}" for name, value in found.items()}
    return line | {f"at_most_{name}": limit for name, limit in LIMITS.items()}


def seconds_to_open(tab: Any, page: Path) -> tuple[float, float]:
    """Until the table of filters stands and says how many there are, on the clock and of the page's thread."""
    started = time.perf_counter()
    tab.open(page)
    tab.until("document.querySelector('.tabulator-row') && document.getElementById('filters.count').textContent")
    return time.perf_counter() - started, processor_seconds(tab)


def seconds_to_sort(tab: Any, index: int) -> tuple[float, float]:
    """Of a click on the heading of a quantity, on the clock and of the page's thread."""
    before = processor_seconds(tab)
    seconds = tab.ask(SORT.format(index=index)) / 1000
    return seconds, processor_seconds(tab) - before


def processor_seconds(tab: Any) -> float:
    """Of the page's thread, since its process began."""
    metrics = {one["name"]: one["value"] for one in tab.call("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def make_page(folder: Path, filters: int, epochs: list[int]) -> Path:
    """Write the results of a study with so many filters at these checkpoints, and its page."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import save_file

    from probecore.dataset import Dataset, Split, write_dataset
    from probecore.measures import MEASURES, declaration
    from probecore.report.build import build_report
    from probecore.statistics.filters import write_filters
    from probecore.summary import Summary, write_summary

    generator = np.random.default_rng(0)
    part = Split(generator.integers(0, 256, (1000, 3, 32, 32), dtype=np.uint8), np.arange(1000) % 10)
    write_dataset(
        Dataset.from_splits("made", train=part, test=part, classes=list("abcdefghij")), folder / "data/made.h5"
    )
    layers = [f"features.{index}" for index in range(filters // PER_LAYER)]
    keys = pd.DataFrame(
        [
            {
                "experiment": "made",
                "network": "trained-0",
                "epoch": epoch,
                "layer": layer,
                "layer_index": index,
                "filter": one,
            }
            for epoch in epochs
            for index, layer in enumerate(layers)
            for one in range(PER_LAYER)
        ]
    )
    sections: dict[str, Any] = {"train": {"model": "lenet5", "seeds": [0], "epochs": LAST}}
    for step in ("train", *MEASURES):
        results = folder / "results" / step / "made"
        results.mkdir(parents=True)
        write_summary(results, Summary(step=step, experiment="made"))
        if step != "train":
            sections[step] = {}
            write_filters(results / "filters.csv", measured(keys, declaration(step), generator))
            for profile in declaration(step).profiles:
                names = ["network", "epoch", "layer", "filter", *profile.by, profile.value]
                pd.DataFrame(columns=names).to_csv(results / f"{profile.table}.csv", index=False)
    ends = keys[keys["epoch"] == LAST].drop(columns="layer_index")
    exciting = [ends.assign(rank=rank, image=generator.integers(0, 1000, len(ends)), value=1.0) for rank in range(4)]
    boxes = {"top": 4, "left": 5, "bottom": 20, "right": 21}
    pd.concat(exciting).assign(**boxes).to_csv(folder / "results/atlas/made/exciting.csv", index=False)
    weights = {
        f"epoch-{epoch:03d}/{layer}.weight": generator.normal(size=(PER_LAYER, 64, 3, 3)).astype(np.float32)
        for epoch in epochs
        for layer in layers
    }
    save_file(weights, folder / "results/train/made/trained-0.safetensors")
    build_report(
        study={"datasets": {"made": {}}, "experiments": {"made": {"dataset": "made", **sections}}},
        results=folder / "results",
        data=folder / "data",
        output=folder / "index.html",
        metrics=folder / "metrics.json",
    )
    return folder / "index.html"


def measured(keys: Any, measure: Any, generator: Any) -> Any:
    """A row per filter and quantity, with interval, null and p at random."""
    import pandas as pd

    def of(quantity: str) -> Any:
        low, value, high = sorted(generator.normal(size=(3, len(keys))), key=lambda column: column.mean())
        return keys.assign(
            site="block",
            quantity=quantity,
            value=value,
            low=low,
            high=high,
            null=0.0,
            p=generator.random(len(keys)),
            n=1000,
        )

    return pd.concat([of(quantity) for quantity in measure.quantities])


if __name__ == "__main__":
    main(OPTIONS)
