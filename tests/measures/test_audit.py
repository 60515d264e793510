"""What an audit says follows from its numbers: other numbers, another verdict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probecore.files import read_table
from probecore.measures import MEASURES, declaration
from probecore.measures.audit import (
    COLUMNS,
    NOT_RUN,
    Found,
    Reported,
    audit_table,
    mean_of,
    remarks_of,
    share_significant,
    verdict,
    without_audit,
    write_audit,
)
from probecore.measures.audit_figure import draw_audit
from probecore.measures.base import AuditStep

STEP = AuditStep(name="x", reports="a share", published="a", corrected="b", nothing="noise", right=0.05, source="s")
FEW = share_significant(np.linspace(0, 1, 40))
MANY = share_significant(np.linspace(0, 0.05, 40))


def found(published: Reported, published_nothing: Reported, corrected: Reported, corrected_nothing: Reported) -> Found:
    return Found(
        published=published,
        published_nothing=published_nothing,
        corrected=corrected,
        corrected_nothing=corrected_nothing,
    )


def test_a_share_of_cases_is_counted_and_cases_without_p_are_left_out() -> None:
    reported = share_significant([0.01, 0.05, 0.051, np.nan])
    assert reported.value == pytest.approx(2 / 3) and reported.n == 3
    assert 0 < reported.low < 2 / 3 < reported.high < 1
    assert share_significant([np.nan]).n == 0 and mean_of([]).n == 0


def test_a_procedure_that_finds_as_much_in_noise_is_called_wrong() -> None:
    line = verdict(STEP, found(MANY, MANY, FEW, FEW))
    assert line == (
        "published: wrong for nothing, 1 where 0.05 is right; "
        f"corrected: {FEW.value:.3g} against {FEW.value:.3g} for nothing, no more than that"
    )


def test_other_numbers_give_another_verdict() -> None:
    sound = verdict(STEP, found(MANY, FEW, MANY, FEW))
    assert "wrong" not in sound and sound.count("beyond it") == 2
    swapped = verdict(STEP, found(FEW, FEW, MANY, MANY))
    assert swapped.startswith("published: 0.05 against 0.05") and "corrected: wrong for nothing, 1 " in swapped


def test_right_numbers_within_the_tolerance_are_right() -> None:
    off = found(mean_of([1.0]), mean_of([0.004]), mean_of([1.0]), mean_of([0.2]))
    exact = AuditStep(**{**vars(STEP), "right": 0.0})
    assert verdict(exact, off).count("wrong") == 2
    assert verdict(AuditStep(**{**vars(exact), "tolerance": 0.01}), off).count("wrong") == 1


def test_what_is_right_may_depend_on_the_data_and_is_said_by_one_of_both() -> None:
    numbers = found(MANY, FEW, MANY, FEW)
    unsaid = AuditStep(**{**vars(STEP), "right": None})
    assert verdict(unsaid, replace(numbers, right=0.05)) == verdict(STEP, numbers)
    assert "wrong" in verdict(STEP, replace(numbers, right=0.5))
    with pytest.raises(ValueError, match="what is right"):
        verdict(unsaid, numbers)


def test_nothing_measured_is_no_verdict() -> None:
    assert verdict(STEP, found(MANY, NOT_RUN, NOT_RUN, FEW)) == (
        "published: no numbers; corrected: right for nothing, 0.05"
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
    assert without_audit(table) == [] and without_audit(pd.DataFrame()) == ["audit"]


@pytest.mark.parametrize("measure", [name for name in MEASURES if declaration(name).audits])
def test_a_measure_with_audits_declares_their_files(measure: str) -> None:
    declared = declaration(measure)
    assert {"audit.csv", "audit.svg", "audit.png"} <= set(declared.gathered_files)
    assert len({step.name for step in declared.audits}) == len(declared.audits)
    assert all(step.source and step.nothing for step in declared.audits)


def test_a_measure_without_audits_has_no_such_file() -> None:
    assert "audit.csv" not in declaration("atlas").gathered_files
