"""What an audit says follows from its numbers: other numbers, another verdict."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from probecore.files import read_table
from probecore.measures import MEASURES, declaration
from probecore.measures.audit import (
    COLUMNS,
    NOT_RUN,
    Found,
    Reported,
    audit_table,
    exactly,
    over_networks,
    remarks_of,
    share_significant,
    verdict,
    without_audit,
    write_audit,
)
from probecore.measures.audit_figure import draw_audit
from probecore.measures.base import AuditStep

STEP = AuditStep(name="x", reports="a share", published="a", corrected="b", nothing="noise", right=0.05, source="s")
NETWORKS = ["a", "b", "c", "d", "e"]


def shares(p: np.ndarray) -> Reported:
    """Of p (networks, cases)."""
    pairs = list(product(NETWORKS[: p.shape[0]], range(p.shape[1])))
    return share_significant(p.ravel(), networks=[name for name, _ in pairs], cases=[str(case) for _, case in pairs])


def values(*each: float, interval: float = np.nan) -> Reported:
    numbers = np.array(each)
    return over_networks(numbers, NETWORKS[: len(each)], low=numbers - interval, high=numbers + interval)


FEW = shares(np.stack([np.linspace(0.001 + 0.1 * (index == 2), 1, 20) for index in range(5)]))
MANY = shares(np.linspace(0, 0.05, 100).reshape(5, 20))


def found(published: Reported, published_nothing: Reported, corrected: Reported, corrected_nothing: Reported) -> Found:
    return Found(
        published=published,
        published_nothing=published_nothing,
        corrected=corrected,
        corrected_nothing=corrected_nothing,
    )


def test_comparisons_of_one_case_count_as_one_and_those_without_p_are_left_out() -> None:
    p = [0.01, 0.05, 0.051, np.nan, 0.9]
    reported = share_significant(p, networks=["a", "a", "a", "a", "b"], cases=["x", "x", "y", "z", "x"])
    assert reported.value == pytest.approx(1 / 3) and reported.n == 3
    assert 0 < reported.low < 1 / 3 < reported.high < 1
    assert reported.by_network == {"a": 0.5, "b": 0.0}
    assert share_significant([np.nan], networks=["a"], cases=["x"]).n == 0 and values().n == 0


@pytest.mark.parametrize(("networks", "cases"), [(1, 1), (1, 13), (5, 3), (3, 40)])
def test_a_sound_procedure_on_dependent_image_sets_is_called_wrong_in_five_percent_at_most(
    networks: int, cases: int
) -> None:
    """Six image sets of noise give nearly one feature, so that nearly the same p: a case with each parameter set."""
    rng, wrong, draws = np.random.default_rng(0), 0, 60
    names = np.repeat(NETWORKS[:networks], cases * 6)
    sets = np.tile(np.repeat(np.arange(cases), 6), networks).astype(str)
    for _ in range(draws):
        p = np.repeat(rng.random(networks * cases), 6)
        nothing = share_significant(p, networks=names.tolist(), cases=sets.tolist())
        wrong += "wrong" in verdict(STEP, found(NOT_RUN, NOT_RUN, NOT_RUN, nothing))
    assert wrong <= binom(draws, 0.05).ppf(0.999)


def test_a_procedure_that_finds_as_much_in_noise_is_called_wrong() -> None:
    line = verdict(STEP, found(MANY, MANY, FEW, FEW))
    assert line == (
        "published: wrong for nothing, 1 where 0.05 is right; "
        "corrected: 0.04 against 0.04 for nothing, undecided: by 0 over 5 networks"
    )


def test_a_difference_over_networks_has_a_direction() -> None:
    assert verdict(STEP, found(MANY, FEW, MANY, FEW)).count("above it by 0.96 [0.932, 0.988] over 5 networks") == 2
    free = AuditStep(**{**vars(STEP), "right": None})
    high, low = values(2.1, 2.2, 2.0, 2.3, 2.2), values(1.0, 1.1, 1.0, 1.1, 1.2)
    line = verdict(free, found(high, low, low, high))
    assert "2.16 against 1.08 for nothing, above it by 1.08 [" in line
    assert "1.08 against 2.16 for nothing, below it by -1.08 [" in line


def test_fewer_than_five_networks_decide_nothing() -> None:
    free = AuditStep(**{**vars(STEP), "right": None})
    two = found(values(2.1, 2.2), values(1.0, 1.1), values(0.1, 0.2), values(1.0, 1.1))
    assert verdict(free, two).count("undecided: 2 of 5 networks") == 2
    unpaired = Reported(value=1.0, low=0.9, high=1.1, n=5, by_network=dict.fromkeys("vwxyz", 1.0))
    assert "undecided: 0 of 5" in verdict(free, found(values(2, 2.1, 2, 2.3, 2.2), unpaired, NOT_RUN, NOT_RUN))


def test_a_difference_that_is_found_in_networks_without_one_is_rare() -> None:
    rng, draws, apart = np.random.default_rng(0), 60, 0
    free = AuditStep(**{**vars(STEP), "right": None})
    for _ in range(draws):
        real, nothing = values(*rng.normal(size=5)), values(*rng.normal(size=5))
        apart += "undecided" not in verdict(free, found(real, nothing, NOT_RUN, NOT_RUN))
    assert binom(draws, 0.05).ppf(0.001) <= apart <= binom(draws, 0.05).ppf(0.999)


def test_values_without_an_interval_are_shown_and_decide_nothing() -> None:
    step = AuditStep(**{**vars(STEP), "right": 1.0})
    line = verdict(step, found(NOT_RUN, values(2.67, 2.62, 2.77), NOT_RUN, values(0.9, 1.2, interval=0.15)))
    assert line == (
        "published: undecided for nothing, 2.69 where 1 is right, without an interval: 3 of 5 networks "
        "(2.67, 2.62, 2.77); corrected: right for nothing, 1.05"
    )
    five = verdict(step, found(NOT_RUN, values(2.67, 2.62, 2.77, 2.6, 2.7), NOT_RUN, NOT_RUN))
    assert five.startswith("published: wrong for nothing, 2.67 where 1 is right")


def test_right_numbers_within_the_tolerance_are_right() -> None:
    off = found(values(1.0), exactly(0.004, n=9), values(1.0), exactly(0.2, n=9))
    exact = AuditStep(**{**vars(STEP), "right": 0.0})
    assert verdict(exact, off).count("wrong") == 2
    assert verdict(AuditStep(**{**vars(exact), "tolerance": 0.01}), off).count("wrong") == 1
    nearly = found(NOT_RUN, exactly(0.99999, n=9), NOT_RUN, NOT_RUN)
    assert "wrong for nothing, 0.99999 where 1 is" in verdict(AuditStep(**{**vars(exact), "right": 1.0}), nearly)


def test_numbers_that_cannot_come_out_otherwise_have_no_verdict() -> None:
    step = AuditStep(**{**vars(STEP), "by_construction": True})
    assert verdict(step, found(MANY, MANY, FEW, MANY)).endswith("is right; corrected: by construction")


def test_nothing_measured_is_no_verdict() -> None:
    assert verdict(STEP, found(MANY, NOT_RUN, NOT_RUN, FEW)) == (
        "published: no numbers; corrected: right for nothing, 0.04"
    )
    assert "published: wrong" in verdict(STEP, found(NOT_RUN, MANY, MANY, FEW))


def test_the_table_has_a_row_per_measured_step_and_is_drawn(tmp_path: Path) -> None:
    other = AuditStep(**{**vars(STEP), "name": "not measured"})
    table = audit_table("e", [STEP, other], {"x": found(MANY, MANY, FEW, FEW)})
    write_audit(tmp_path, table)
    read = read_table(tmp_path / "audit.csv")
    assert read["step"].tolist() == ["x"] and list(read) == COLUMNS
    assert read["published_nothing_value"].item() == 1 and read["source"].item() == "s"
    assert remarks_of(table) == [f"Audit of x: {table['verdict'].item()}."]
    assert draw_audit(table).get_title(loc="left") == "x"
    assert np.isnan(
        audit_table("e", [AuditStep(**{**vars(STEP), "right": None})], {"x": found(MANY, MANY, FEW, FEW)})[
            "right"
        ].item()
    )
    assert without_audit(table) == [] and without_audit(pd.DataFrame()) == ["audit"]


@pytest.mark.parametrize("measure", [name for name in MEASURES if declaration(name).audits])
def test_a_measure_with_audits_declares_their_files(measure: str) -> None:
    declared = declaration(measure)
    assert {"audit.csv", "audit.svg", "audit.png"} <= set(declared.gathered_files)
    assert len({step.name for step in declared.audits}) == len(declared.audits)
    assert all(step.source and step.nothing for step in declared.audits)


def test_a_measure_without_audits_has_no_such_file() -> None:
    assert "audit.csv" not in declaration("atlas").gathered_files
