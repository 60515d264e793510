"""The suite of simulations: what it calls wrong, and that every measure passes its quick run."""

import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmarks import calibration, calibration_page
from benchmarks.quantities import printed_quantities
from benchmarks.simulations import Exempt, Repeat, Simulation
from probecore.errors import InputError
from probecore.measures import MEASURES
from tests import test_steps


def mean_of(width: float, *, columns: int = 1, shift: float = 0.0) -> Simulation:
    """Intervals of normal means that are `width` times as long as they should be."""

    def repeat(generator: np.random.Generator) -> Repeat:
        values = generator.normal(shift, 1, (20, columns))
        mean, half = values.mean(axis=0), width * 1.959964 / np.sqrt(20)
        p = 2 * np.minimum(generator.random(columns) / 2, 0.5) ** (1 / min(width, 1))
        return Repeat(truth=0.0, value=mean, low=mean - half, high=mean + half, p=p if width == 1 else np.nan)

    return Simulation(name="mean", covers=("layers.csv:mean",), n=20, repeat=repeat, quick_repeats=60)


@pytest.mark.parametrize(
    ("simulation", "verdict"),
    [
        (mean_of(1.0), "good"),
        (mean_of(1.0, columns=20), "good"),
        (mean_of(0.5), "too short"),
        (mean_of(0.75, columns=20), "too short"),
        (mean_of(1.0, shift=1.0), "too short"),
    ],
)
def test_a_wrong_interval_is_found(simulation: Simulation, verdict: str) -> None:
    interval = calibration.simulate("toy", simulation, quick=True)[0]
    assert interval["kind"] == "interval"
    assert interval["verdict"] == verdict


def test_a_wrong_test_is_found_and_a_missing_result_too() -> None:
    def p_values(power: float) -> Simulation:
        return Simulation(name="p", covers=(), n=9, repeat=lambda rng: Repeat(p=rng.random(40) ** power))

    sizes = {power: calibration.simulate("toy", p_values(power), quick=True)[0] for power in (1.0, 2.0)}
    assert {power: row["verdict"] for power, row in sizes.items()} == {1.0: "good", 2.0: "too small"}
    assert sizes[2.0]["size"] == pytest.approx(0.05**0.5, abs=0.03)
    nothing = Simulation(name="none", covers=(), n=9, repeat=lambda _: Repeat(truth=1.0, value=1.0))
    assert calibration.simulate("toy", nothing, quick=True)[0]["verdict"] == "no result"


def test_what_does_not_hold_is_not_printed() -> None:
    nothing = Simulation(name="none", covers=(), n=9, repeat=lambda _: Repeat(truth=1.0, value=1.0), printed=False)
    assert calibration.simulate("toy", nothing, quick=True)[0]["verdict"] == "good"
    short = dataclasses.replace(mean_of(0.75, columns=20), printed=False)
    assert calibration.simulate("toy", short, quick=True)[0]["verdict"] == "printed where it does not hold"


def test_what_is_rarely_printed_may_be_wrong_as_rarely() -> None:
    """Of all samples, 2 % show an interval and none of those holds the truth."""

    def repeat(generator: np.random.Generator) -> Repeat:
        return Repeat(truth=1.0, value=0.0, low=0.0, high=np.where(np.arange(50) == 3, 0.5, np.nan))

    rare = Simulation(name="rare", covers=(), n=9, repeat=repeat, printed=False)
    row = calibration.simulate("toy", rare, quick=True)[0]
    assert (row["coverage"], row["below"], row["printed"], row["verdict"]) == (0.0, 1.0, 0.02, "good")
    assert calibration.simulate("toy", dataclasses.replace(rare, printed=True), quick=True)[0]["verdict"] == "too short"


def test_estimates_that_repeat_each_other_count_once() -> None:
    """Six wrong intervals of sixty may be chance, however many copies there are of each."""
    wrong = np.arange(60) % 10 == 0
    copies = [np.full(50, value) for value in wrong]
    assert calibration.judge(copies, 0.08) == (0.1, 60, False)
    assert calibration.judge([np.roll(np.arange(50) % 10 == 0, index) for index in range(60)], 0.08) == (
        0.1,
        3000,
        True,
    )


def test_bias_and_share_printed() -> None:
    def repeat(generator: np.random.Generator) -> Repeat:
        return Repeat(
            truth=1.0, value=1.5, low=np.where(generator.random(10) < 2, 0.0, np.nan) * [1, *[np.nan] * 9], high=2.0
        )

    row = calibration.simulate("toy", Simulation(name="b", covers=(), n=1, repeat=repeat), quick=True)[0]
    assert row["bias"] == pytest.approx(0.5)
    assert row["printed"] == pytest.approx(0.1)
    assert row["coverage"] == 1


def test_a_new_column_needs_a_simulation(tmp_path: Path) -> None:
    (tmp_path / "layers.csv").write_text(
        "layer,quantity,value,low,high,p,n\nconv1,snr,2,1,3,,9\nconv1,noise,2,,,0.5,9\n"
    )
    (tmp_path / "worth.csv").write_text("layer,r2,low,high,f,df1,p,p_holm,taps_p\nconv1,1,0,2,3,4,0.1,0.2,0.3\n")
    printed = printed_quantities(tmp_path)
    module = ModuleType("toy")
    module.SIMULATIONS = []  # type: ignore[attr-defined]
    everything = ["layers.csv:noise", "layers.csv:snr", "worth.csv:f", "worth.csv:r2", "worth.csv:taps"]
    assert calibration.without_simulation(printed, module) == everything
    known = Simulation(name="a", covers=("layers.csv:snr", "worth.csv:taps_p"), n=1, repeat=lambda _: Repeat())
    module.SIMULATIONS = [known]  # type: ignore[attr-defined]
    module.EXEMPT = [Exempt(covers=("worth.csv:f", "worth.csv:r2"), reason="toy")]  # type: ignore[attr-defined]
    assert calibration.without_simulation(printed, module) == ["layers.csv:noise"]


def test_the_tables_of_all_experiments_count(tmp_path: Path) -> None:
    """Results lie in a folder per experiment: none of them is no reason to be content."""
    with pytest.raises(InputError, match="anova: no tables; run the study"):
        calibration.of_study(tmp_path, "anova")
    for experiment in ("lenet5", "lenet5-tanh"):
        (tmp_path / "anova" / experiment).mkdir(parents=True)
        (tmp_path / "anova" / experiment / f"{experiment}.csv").write_text("layer,r2,low,high\nconv1,0.5,0.2,0.8\n")
    found = [("lenet5-tanh.csv:r2", "lenet5-tanh.csv:r2"), ("lenet5.csv:r2", "lenet5.csv:r2")]
    assert sorted(calibration.of_study(tmp_path, "anova")) == found
    arguments = ["--quick", "--only", "seeds", "--tables", str(tmp_path)]
    assert calibration.main(arguments) == 0
    assert len(calibration.without_simulation(found, ModuleType("train"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("measure", calibration.modules())
def test_every_measure_keeps_its_word(measure: str) -> None:
    rows = calibration.run(measure, calibration.simulations_of(calibration.modules()[measure]), quick=True)
    assert [row for row in rows if row["verdict"] != "good"] == []


@pytest.mark.usefixtures("draft_figures")
def test_every_interval_and_p_value_has_a_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list comes from the tables that all measures write of a small network."""
    monkeypatch.chdir(tmp_path)
    test_steps.run_steps(test_steps.images(), test_steps.BASE, {}, has_images=True, experiment="tiny")
    printed = {measure: printed_quantities(tmp_path / measure) for measure in MEASURES}
    assert all(printed.values())
    known = calibration.modules()
    missing = [
        f"{measure}/{quantity}"
        for measure in MEASURES
        for quantity in calibration.without_simulation(printed[measure], known[measure])
    ]
    assert missing == []


def test_the_page_holds_the_numbers_of_the_tables() -> None:
    text = calibration_page.PAGE.read_text(encoding="utf-8")
    assert calibration_page.updated(text) == text, "run `python -m benchmarks.calibration_page`"
    assert "coverage" in text
    assert calibration_page.updated(text.replace("coverage", "cover")) != text.replace("coverage", "cover")
