"""Forecasts and sizes: more work is more, sizes keep to a budget, and a study's table names what would bring it in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probecore.activations.params import ActivationsParams
from probecore.dataset.store import Dataset, Split, write_dataset
from probecore.measures import MEASURES, declaration
from probecore.models import build_model
from probecore.models.params import ModelParams
from probecore.params import STEPS, load_study
from probecore.planning.forecast import Forecast, forecast, subjects, table
from probecore.planning.needs import START, Needs, needs_of
from probecore.planning.outline import Outline
from probecore.planning.remedies import remedies
from probecore.planning.sizes import LEVELS, nominal, sizes_within, spread
from probecore.planning.speed import FILE, Speed, speed_of_this_machine
from probecore.planning.work import Images, work_of

SHAPE = (3, 64, 64)
MANY = Images(1000, 1000, 10)
SPEED = Speed(multiply_adds=3e10, numbers=1e8, calls=5e4)


def outline(name: str, shape: tuple[int, ...] = SHAPE) -> Outline:
    return Outline.of(build_model(ModelParams(name=name), input_shape=shape, outputs=10), shape)


@pytest.fixture(scope="module")
def resnet() -> Outline:
    return outline("torchvision:resnet18")


def test_an_outline_has_the_sizes_of_the_network(resnet: Outline) -> None:
    first, last = resnet.blocks[0], resnet.blocks[-1]
    assert (first.layer, first.filters, first.taps, first.positions) == ("conv1", 64, 147, 1024)
    assert (last.layer, last.filters, last.taps, last.after) == ("fc", 10, 512, 0)
    assert resnet.macs == sum(block.macs for block in resnet.blocks) == first.macs + first.after


@pytest.mark.parametrize("step", MEASURES)
def test_orders_of_work(step: str, resnet: Outline) -> None:
    """By defaults: more for more images (where they count), and for a larger network."""
    section = declaration(step).section.read({})
    few = nominal(work_of(step, resnet, Images(100, 100, 10), section))
    assert nominal(work_of(step, resnet, MANY, section)) >= few > 0
    assert nominal(work_of(step, outline("lenet5", (1, 28, 28)), Images(100, 100, 10), section)) < few


@pytest.mark.parametrize("step", MEASURES)
def test_sizes_keep_to_a_budget_and_less_of_it_buys_less(step: str, resnet: Outline) -> None:
    works = [nominal(sizes_within(budget, step, resnet, MANY).work) for budget in (1e30, 5e12, 1e12, 1)]
    assert works == sorted(works, reverse=True)
    assert works[1] <= 5e12
    assert works[2] <= 1e12
    assert sizes_within(1, step, resnet, MANY).images == LEVELS[-1].images, "the least that there is"


def test_what_is_given_stays_and_no_room_is_no_budget(resnet: Outline) -> None:
    given = {"layers": ["fc"], "importance_images": 7}
    sizes = sizes_within(1e11, "mechanism", resnet, MANY, given=given)
    assert {name: sizes.options[name] for name in given} == given
    roomy = sizes_within(1e30, "mechanism", resnet, MANY, fits=lambda _section, images: images.test <= 100)
    assert roomy.images == 100


def test_information_is_of_the_layers_whose_activations_are_kept(resnet: Outline) -> None:
    section = declaration("mutual_information").section.read({"ablation": None})
    every, few = (
        work_of("mutual_information", resnet, MANY, section, ActivationsParams.read({"layers": layers})).numbers
        for layers in (["*"], ["conv1", "layer4.1.conv2"])
    )
    assert every == work_of("mutual_information", resnet, MANY, section).numbers
    assert 0 < few < every / 3


def test_anova_holds_the_sums_of_one_layer_of_both_splits_and_halves(resnet: Outline) -> None:
    section = declaration("anova").section.read({})
    kept = {by_class: ActivationsParams.read({"excitations": {"by_class": by_class}}) for by_class in (True, False)}
    told_apart, together = (
        needs_of("anova", resnet, MANY, section, SPEED, activations=kept[by_class]).memory for by_class in (True, False)
    )
    largest = max(block.filters * block.taps for block in resnet.blocks)
    assert told_apart - together == 8 * 4 * largest * (MANY.classes - 1)


@pytest.mark.parametrize(
    ("step", "options", "images"),
    [("recos", {"polarity": {"both": {"epochs": 2}}}, 2 * 2), ("mutual_information", {"design": {"epochs": 2}}, 3)],
)
def test_training_inside_a_measure_is_counted_once(step: str, options: Any, images: int, resnet: Outline) -> None:
    with_it, without = (declaration(step).section.read(each) for each in (options, {}))
    for passes in (1, 5):
        more, less = (needs_of(step, resnet, MANY, each, SPEED, passes=passes).seconds for each in (with_it, without))
        assert more - less == pytest.approx(3 * 2 * images * MANY.train * resnet.macs / SPEED.multiply_adds, rel=0.05)


def test_layers_are_spread_from_the_first_to_the_last(resnet: Outline) -> None:
    assert [block.layer for block in spread(resnet.inner, 3)] == ["conv1", "layer3.0.conv1", "layer4.1.conv2"]
    assert [block.layer for block in spread(resnet.inner, 1)] == ["layer4.1.conv2"]
    assert spread(resnet.inner, 1000) == list(resnet.inner)


def test_the_machine_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = speed_of_this_machine(tmp_path)
    assert 1e8 < found.multiply_adds < 1e13
    monkeypatch.setattr("probecore.planning.speed.measure_speed", lambda: pytest.fail("measured again"))
    assert speed_of_this_machine(tmp_path).numbers == pytest.approx(found.numbers)
    assert len(json.loads((tmp_path / FILE).read_text())) == 1
    (tmp_path / FILE).write_text("[broken")
    monkeypatch.setattr("probecore.planning.speed.measure_speed", lambda: SPEED)
    assert speed_of_this_machine(tmp_path) == SPEED


PARAMS = """
home: home
numerics: {device: cpu, threads: 1}
datasets:
  noise: {kind: arrays, path: noise.npz}
experiments:
  small:
    dataset: noise
    train: {model: lenet5, seeds: [0], epochs: 4, checkpoints: [2]}
    activations: {excitations: {}}
    anova: {}
    mutual_information: null
    mechanism: {}
    recos: null
    mean_dimension: {}
    atlas: {}
"""


def planned(folder: Path, params: str = PARAMS, budget: float = 1.0) -> tuple[list[Forecast], list[str]]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    part = Split(images, np.arange(60) % 3)
    classes = ("a", "b", "c")
    (folder / "data").mkdir()
    dataset = Dataset.from_splits("noise", train=part, test=part, classes=classes)
    write_dataset(dataset, folder / "data/noise.h5")
    (folder / "params.yaml").write_text(params)
    (subject,) = subjects(load_study(folder / "params.yaml")[0], folder / "data")
    jobs = forecast(subject, SPEED)
    return jobs, list(remedies([subject], jobs, SPEED, budget=budget))


def test_the_jobs_of_a_study_and_what_would_bring_them_in(tmp_path: Path) -> None:
    jobs, lines = planned(tmp_path)
    assert [job.step for job in jobs] == [step for step in STEPS if step not in ("mutual_information", "recos")]
    assert all(job.needs.seconds > 0 and job.needs.memory > 0 and job.needs.disk > 0 for job in jobs)
    shown = list(table(jobs))
    assert len(shown) == len(jobs) + 2
    assert shown[-2].startswith("all")
    assert any(line.startswith("small: mechanism takes ") and '"importance_images"' in line for line in lines), lines
    assert shown[-1].endswith("for orders of magnitude.")
    assert lines[-1].startswith("With all of this still about "), "a second is too little for six jobs"


def test_what_is_enough_for_one_checkpoint_is_too_much_for_fifty(tmp_path: Path) -> None:
    planned(tmp_path)
    (subject,) = subjects(load_study(tmp_path / "params.yaml")[0], tmp_path / "data")
    usual = SPEED.seconds(sizes_within(1e30, "mechanism", subject.outline, subject.images, cost=SPEED.seconds).work)
    found = []
    for passes in (1, 50):
        job = Forecast("small", "mechanism", "trained-0", Needs(1e6, 0, 0), passes)
        found.append(list(remedies([subject], [job], SPEED, budget=START + 1.01 * usual)))
    assert len(found[0]) == 1, found[0]
    assert found[0][0].endswith("with mechanism: {}")
    assert "importance_images" in found[1][0]


def test_remedies_give_one_section_of_activations_and_say_what_else_changes(tmp_path: Path) -> None:
    params = PARAMS.replace("mutual_information: null", "mutual_information: {}").replace(
        "checkpoints: [2]", "checkpoints: [1, 2, 3]"
    )
    jobs, lines = planned(tmp_path, params)
    assert {job.step: job.passes for job in jobs if job.step in ("anova", "atlas")} == {"anova": 5, "atlas": 1}
    (section,) = [line for line in lines if line.startswith("small: activations: ")]
    assert not any("activations:" in line for line in lines if line != section)
    found = json.loads(section.removeprefix("small: activations: "))
    assert found["excitations"] is not None
    assert found["layers"]
    (counts,) = [line for line in lines if line.startswith("datasets.noise: ")]
    assert counts.endswith("networks are then trained on so few images, too")
