"""A ResNet-18 of torchvision, each measure in one call: results alike, and every figure of the report drawn from them."""

import html.parser
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot
from matplotlib.axes import Axes

import probecore as pc
from probecore.figures import DPI, Drawing
from probecore.measures import MEASURES, declaration
from probecore.torchvision_import import import_torchvision

OPTIONS: dict[str, dict[str, Any]] = {
    "anova": {"layers": ["conv1"], "excitations": ["activation_weighted_patch"], "permutations": 19},
    "mutual_information": {
        "n_images": 32,
        "shuffles": 19,
        "layer_shuffles": 19,
        "noise_variances": [0.1],
        "redundancy": {"units": 2, "shuffles": 39},
        "ablation": {"fractions": [0.5], "random": 0, "retraining_steps": 0},
    },
    "mechanism": {
        "layers": ["conv1"],
        "heads": {"epochs": 1, "batch": 16},
        "sweep": [0.2, 0.4],
        "bootstrap": 20,
        "permutations": 20,
        "importance_images": 10,
        "pruning": None,
    },
    "recos": {
        "layers": ["conv1"],
        "n_images": 32,
        "resamples": 19,
        "polarity": {"images": 32},
        "sphere": {"patches": 100, "directions": 20},
    },
    "mean_dimension": {
        "bases": ["pixels"],
        "n_images": 3,
        "features": 4,
        "layers": {"images": 2, "features": 3},
        "companions": None,
        "deletion": {"images": 8},
    },
}
EMPTY = {
    "anova": set(),
    "mutual_information": set(),
    "mechanism": {"pruning"},
    "recos": {"cascade", "heads", "positions", "rotation"},
    "mean_dimension": {"companions"},
}
"""Figures that have nothing to show: not asked for above, of several checkpoints, or of parts a ResNet has not."""


@pytest.fixture(scope="module", params=OPTIONS)
def result(request: pytest.FixtureRequest) -> pc.Result:
    torch.manual_seed(0)
    network = import_torchvision().models.resnet18(weights=None, num_classes=2)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(64) % 2
    found = getattr(pc, f"measure_{request.param}")(
        network,
        pixels[:32],
        labels[:32],
        train_images=pixels[32:],
        train_labels=labels[32:],
        normalise={"mean": 0.5, "std": 0.25},
        **OPTIONS[request.param],
    )
    assert network.training, "the network stays as it is"
    assert isinstance(found, pc.Result)
    return found


@pytest.fixture(autouse=True)
def no_figure_stays() -> Iterator[None]:
    yield
    pyplot.close("all")


def drawings(result: pc.Result) -> dict[str, Drawing]:
    plots: dict[str, Drawing] = importlib.import_module(f"probecore.measures.{result.measure}.plots").PLOTS
    return plots


def test_results_are_alike(result: pc.Result) -> None:
    estimate = ["value", "low", "high", "null", "p", "n"]
    keys = ["experiment", "network", "epoch", "layer", "layer_index"]
    assert [*keys, "filter", "site", "quantity", *estimate] == [name for name in result.filters if name != "p_bh"]
    assert [*keys, "quantity", *estimate] == list(result.layers)[:12]
    assert "conv1" in set(result.filters["layer"]) | set(result.layers["layer"])
    assert result.layers["quantity"].notna().all() and result.layers["value"].notna().any()
    assert (
        result.layers["layer_index"].is_monotonic_increasing and result.filters["layer_index"].is_monotonic_increasing
    )
    assert len(repr(result).splitlines()) < 40


class Balance(html.parser.HTMLParser):
    """Tags that are open, and those that were closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_valid_html(result: pc.Result) -> None:
    reader = Balance()
    reader.feed(result._repr_html_())
    assert not reader.open
    assert {"table", "td", "li"} <= reader.seen


def test_names_with_markup_are_escaped() -> None:
    layers = pd.DataFrame({"layer": ["<script>alert(1)</script>"], "value": [1.0]})
    shown = pc.Result("mechanism", {"layers": layers, "<i>": layers}, {})._repr_html_()
    assert "&lt;script&gt;" in shown and "&lt;i&gt;" in shown
    reader = Balance()
    reader.feed(shown)
    assert not {"script", "i"} & reader.seen


def test_every_figure_is_drawn_or_says_why_not(result: pc.Result) -> None:
    empty, reasons = set(), []
    for name in drawings(result):
        try:
            axes = result.plot(name)
        except pc.InputError as error:
            reasons.append(str(error))
            empty.add(name)
            continue
        assert isinstance(axes, Axes) and pyplot.gcf() is axes.figure, "pyplot shows it"
        axes.figure.canvas.draw()
        assert any(panel.has_data() for panel in axes.figure.axes), name
        pyplot.close()
    assert all(" has nothing to show for this network: " in reason for reason in reasons)
    assert empty == EMPTY[result.measure]
    assert not pyplot.get_fignums()


def test_figures_keep_to_the_axes_that_they_are_given(result: pc.Result) -> None:
    for name in set(drawings(result)) - EMPTY[result.measure]:
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 5), layout="constrained")
        left.plot([0, 1])
        axes = result.plot(name, ax=right)
        figure.canvas.draw()
        assert axes.get_figure(root=True) is figure
        assert tuple(figure.get_size_inches()) == (12, 5) and len(left.lines) == 1
        assert axes.get_window_extent().x0 > left.get_window_extent().x1, name
        pyplot.close(figure)


def test_a_figure_of_one_panel_is_drawn_into_the_axes() -> None:
    table = pd.DataFrame({"network": "given", "epoch": 0, "order": "index", "fraction": [0, 1], "accuracy": [0.9, 0.1]})
    _, axes = pyplot.subplots()
    assert pc.Result("mean_dimension", {"deletion": table}, {}).plot("deletion", axes) is axes
    assert len(axes.lines) == 2 and axes.get_legend()


def test_panels_need_axes_of_a_grid() -> None:
    table = pd.DataFrame({"network": "given", "epoch": 0, "basis": "pixels", "output": "logits", "value": [2.0]})
    result = pc.Result("mean_dimension", {"outputs": table.assign(low=1.0, high=3.0)}, {})
    axes = pyplot.figure(dpi=DPI).add_axes((0, 0, 1, 1))
    with pytest.raises(pc.InputError, match=r"several panels; give it axes of `pyplot.subplots`"):
        result.plot("outputs", axes)


def test_a_name_that_is_none_lists_all() -> None:
    result = pc.Result("mechanism", {}, {})
    every = "mechanism has depth, importance, matrices, pruning, quality, sizes, sweep"
    with pytest.raises(pc.InputError, match=f"plot: name a figure; {every}"):
        result.plot()
    with pytest.raises(pc.InputError, match=f"plot: no figure 'dept'; {every}"):
        result.plot("dept")


def test_the_report_shows_the_figures_that_are_drawn() -> None:
    for measure in MEASURES:
        plots = importlib.import_module(f"probecore.measures.{measure}.plots").PLOTS
        assert {figure.name for figure in declaration(measure).figures} == set(plots)
