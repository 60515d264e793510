"""What is wrong with a declaration is said in one line with the place, before any work."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from probecore.claims.params import load_claims
from probecore.declared import check_claims, check_unchanged, read_lock, read_record
from probecore.errors import InputError
from tests.claims.support import a_test, claim, experiment, write_claims_yaml, write_study

CONTROL = {"condition": "shuffled", "recipe": "same"}

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"tabel": "x"}, "claims.0.test.tabel: unknown key; did you mean 'table'"),
    "unknown table": ({"table": "mechanism/layer.csv"}, "snr-depth: test.table: no table 'mechanism/layer.csv'; did you mean 'mechanism/layers.csv'"),
    "no table's name": ({"table": "layers"}, "claims.0.test.table: string should match pattern"),
    "unknown column in where": ({"where": {"quantitty": "snr"}}, "snr-depth: test.where: mechanism/layers.csv has no column 'quantitty'; did you mean 'quantity'"),
    "unknown column along": ({"effect": {"kind": "spearman", "along": "position"}}, "test.effect.along: mechanism/layers.csv has no column 'position'"),
    "unknown column": ({"effect": {"kind": "spearman", "along": "layer_index", "column": "valeu"}}, "test.effect.column: .*did you mean 'value'"),
    "unknown column to average": ({"effect": {"kind": "value", "mean_over": ["filter"]}}, "test.effect.mean_over: .* no column 'filter'"),
    "unknown column of a control": ({"against": [{"where": {"layr": "x"}}]}, "test.against.0.where: .*did you mean 'layer'"),
    "unknown null": ({"effect": {"kind": "difference", "minus": {"column": "nul"}}}, "test.effect.minus.column: .*did you mean 'null'"),
    "unknown experiment": ({"experiment": "f"}, "snr-depth: test.experiment: no experiment 'f'"),
    "unknown other experiment": ({"effect": {"kind": "difference", "minus": {"experiment": "f"}}}, "test.effect.minus.experiment: no experiment 'f'"),
    "unknown condition": ({"condition": "random"}, "claims.0.test.condition: input should be 'untrained'"),
    "condition that the experiment lacks": ({"condition": "given"}, "snr-depth: test.condition: experiments.e has no given networks"),
    "control that the experiment lacks": ({"against": [{"condition": "twin"}]}, "test.against.0.condition: experiments.e has no twin networks"),
    "permuted labels of another recipe": ({"against": [{"condition": "shuffled"}]}, "`recipe: same` belongs to `condition: shuffled`"),
    "control that changes nothing": ({"against": [{}]}, "claims.0.test.against.0: changes nothing"),
    "measure that is not wanted": ({"table": "recos/layers.csv", "effect": "value"}, "test.table: experiments.e.recos is null"),
    "no bound": ({"held": {}}, "claims.0.test.held: give `above`, `below` or both"),
    "empty bounds": ({"held": {"above": 1.0, "below": 0.0}}, "nothing is above 1.0 and below 0.0"),
    "neither bound nor margin": ({"held": None}, "give `held` or `equivalence_margin`"),
    "both": ({"equivalence_margin": 0.1}, "give `held` or `equivalence_margin`"),
    "fails on the same side": ({"fails": {"above": 0.1}}, "`fails` lies on the other side of `held`; write `below`"),
    "held and fails overlap": ({"fails": {"below": 0.6}}, "`held` and `fails` overlap"),
    "control of an equivalence": ({"held": None, "equivalence_margin": 0.1, "against": [CONTROL]}, "`against` belongs to a `held` with one side"),
    "too few seeds": ({"min_units": 3}, "claims.0.test.min_units: input should be greater than or equal to 5"),
    "unknown effect": ({"effect": "mean"}, "claims.0.test.effect.kind: input should be 'value', 'difference'"),
    "along nothing": ({"effect": "spearman"}, "a spearman needs `along`"),
    "value minus something": ({"effect": {"kind": "value", "minus": {"epoch": 0}}}, "a value has no `minus`"),
    "logarithm of ranks": ({"effect": {"kind": "spearman", "along": "layer_index", "log": ["along"]}}, "a spearman has no `log`"),
    "several experiments along nothing": ({"experiment": {"e": 1}}, "several experiments belong to `along: experiment`"),
    "all epochs of a value": ({"effect": "value", "epoch": "all"}, "`epoch: all` belongs to an effect along a column"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    study = write_study(tmp_path, claim(**changes))
    with pytest.raises(InputError, match=message) as error:
        check_claims(study, tmp_path)
    assert "\n" not in str(error.value) and str(error.value).startswith(f"{tmp_path / 'claims.yaml'}: ")


def test_a_good_declaration(tmp_path: Path) -> None:
    good = claim(against=[{"condition": "untrained"}, CONTROL], fails={"below": 0.1})
    declarations = check_claims(write_study(tmp_path, good), tmp_path)
    assert declarations is not None and declarations.claims[0].test is not None
    assert a_test(held=None, equivalence_margin=0.1, effect="value").held_between == (-0.1, 0.1)


def test_a_study_without_claims(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "claims.yaml").unlink()
    assert check_claims(study, tmp_path) is None
    with pytest.raises(InputError, match="no such file; declare claims there"):
        load_claims(tmp_path / "claims.yaml")


OTHER: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    "one id twice": ((claim(), claim()), "the id snr-depth stands for two claims"),
    "a family corrected twice": ((claim(), claim("b", correct="benjamini_hochberg")), "the family mechanism is corrected in two ways"),
    "neither test nor reason": (({"id": "a", "paper": "p", "says": "s"},), "give `test`, or say in `untestable`"),
    "no reason": ((claim(untestable="no"),), "claims.0.untestable: string should have at least 10 characters"),
}  # fmt: skip


@pytest.mark.parametrize(("claims", "message"), OTHER.values(), ids=OTHER)
def test_mistakes_of_the_whole(claims: tuple[dict[str, Any], ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        check_claims(write_study(tmp_path, *claims), tmp_path)


def test_conditions_follow_the_experiment(tmp_path: Path) -> None:
    twins = {"e": experiment(shuffled={"epochs": 9})}
    assert check_claims(write_study(tmp_path, claim(condition="twin"), experiments=twins), tmp_path)
    without = {"e": experiment(shuffled=None)}
    with pytest.raises(InputError, match="has no shuffled networks"):
        check_claims(write_study(tmp_path, claim(against=[CONTROL]), experiments=without), tmp_path)


def recorded(tmp_path: Path, *claims: dict[str, Any]) -> list[dict[str, str]]:
    write_claims_yaml(tmp_path, *claims)
    return [
        {"claim": each.id, "declaration": each.digest(), "amended": each.amended or ""}
        for each in load_claims(tmp_path / "claims.yaml").claims
    ]


WHY = "the threshold was a slip of the pen"


def test_a_declaration_stands_after_results_unless_it_says_why(tmp_path: Path) -> None:
    record = recorded(tmp_path, claim(), claim("b"))

    def check(*claims: dict[str, Any]) -> None:
        write_claims_yaml(tmp_path, *claims)
        check_unchanged(load_claims(tmp_path / "claims.yaml").claims, record)

    check(claim(), claim("b"))
    for changed in (claim(held={"above": 0.4}), claim(min_units=6), claim(against=[CONTROL])):
        with pytest.raises(InputError, match="snr-depth: changed after results were there; say why in `amended`"):
            check(changed, claim("b"))
    check(claim(held={"above": 0.4}, amended=WHY), claim("b"))
    with pytest.raises(InputError, match="b: removed after results were there"):
        check(claim())
    with pytest.raises(InputError, match="c: added after results were there"):
        check(claim(), claim("b"), claim("c"))
    record = recorded(tmp_path, claim(held={"above": 0.4}, amended=WHY), claim("b"))
    with pytest.raises(InputError, match="snr-depth: changed after"):
        check(claim(held={"above": 0.3}, amended=WHY), claim("b"))


@pytest.mark.parametrize("above", [0.4, 0.3])
def test_a_recorded_reason_stands(tmp_path: Path, above: float) -> None:
    record = recorded(tmp_path, claim(held={"above": 0.4}, amended=WHY))

    def check(amended: str | None) -> None:
        reason = {} if amended is None else {"amended": amended}
        write_claims_yaml(tmp_path, claim(held={"above": above}, **reason))
        check_unchanged(load_claims(tmp_path / "claims.yaml").claims, record)

    for other in (None, "a nicer reason altogether", WHY[:-4]):
        with pytest.raises(InputError, match=f"snr-depth: `amended` was recorded as '{WHY}'; restore it"):
            check(other)
    check(f"{WHY}; and so was the second")


def test_dvcs_record_stands_where_the_verdicts_are_gone(tmp_path: Path) -> None:
    """DVC deletes a table before it is made again."""
    study = write_study(tmp_path, claim(held={"above": 0.4}), claim("b"))
    recorded = {"claims.yaml": {"claims": [claim(), claim("b")]}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"claims": {"params": recorded}}}))
    with pytest.raises(InputError, match="snr-depth: changed after results were there; say why in `amended`"):
        check_claims(study, tmp_path)
    write_claims_yaml(tmp_path, claim(held={"above": 0.4}, amended=WHY), claim("b"))
    assert check_claims(study, tmp_path)
    of_a_later_version = {"claims.yaml": {"claims": [claim() | {"new": 1}, claim("b")]}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"claims": {"params": of_a_later_version}}}))
    write_claims_yaml(tmp_path, claim(), claim("b"))
    with pytest.raises(InputError, match="snr-depth: changed after results were there"):
        check_claims(study, tmp_path)


NO_RECORDS = {
    "other columns": b"a,b\n1,2\n",
    "no reason": b"claim,declaration,verdict,amended,tables\na,b,held,,d\n",
    "a short row": b"claim,declaration,verdict,reason,amended,tables\na,b\n",
    "not UTF-8": b"claim\n\xff\n",
}


@pytest.mark.parametrize("content", NO_RECORDS.values(), ids=NO_RECORDS)
def test_a_record_that_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "claims.csv").write_bytes(content)
    with pytest.raises(InputError, match="no table of claims.*; restore it from Git, or delete it") as error:
        read_record(tmp_path / "claims.csv")
    assert "\n" not in str(error.value)


NO_LOCKS: dict[str, Any] = {
    "a claim without id": {"params": {"claims.yaml": {"claims": [{"says": "s"}]}}},
    "no claims": {"params": {"claims.yaml": {"claims": None}}},
    "a claim that is none": {"params": {"claims.yaml": {"claims": ["a"]}}},
    "no params": {"cmd": "probecore"},
}


@pytest.mark.parametrize("stage", NO_LOCKS.values(), ids=NO_LOCKS)
def test_a_lock_that_is_none(stage: Any, tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"claims": stage}}))
    with pytest.raises(
        InputError, match="dvc.lock: its stage `claims` cannot be read .*; restore it from Git"
    ) as error:
        read_lock(tmp_path / "dvc.lock")
    assert "\n" not in str(error.value)


def test_a_lock_without_claims(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text("stages:\n")
    assert read_lock(tmp_path / "dvc.lock") == []
