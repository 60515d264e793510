"""Studies of older versions: what they lack is added, and what they say stays as it is written."""

from pathlib import Path

import pytest
import yaml

from probecore import upgrade
from probecore.errors import InputError
from probecore.params import STEPS, load_study
from probecore.study import init_study
from probecore.upgrade import add_nulls, upgrade_study

TEXT = """\
experiments:
  one:   # the first
    train: &train {epochs: 1}
    deep:
      - a: 1
        b: [x,
            y]   # end of one

  # between
  two: &two {train: *train}
  three: *two
  four:
    own: 1
    train: *train"""

ADDED = """\
experiments:
  one:   # the first
    train: &train {epochs: 1}
    deep:
      - a: 1
        b: [x,
            y]   # end of one
    new: null
    other: null

  # between
  two: &two {train: *train, new: null}
  three: *two
  four:
    own: 1
    train: *train
    new: null
"""


def test_nulls_stand_at_the_end_of_each_experiment() -> None:
    lacking = {"one": ["new", "other"], "two": ["new"], "three": ["new"], "four": ["new"]}
    assert add_nulls(TEXT, lacking) == ADDED


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A study made before there were `recos` and the steps after it, linked to an installation that is gone."""
    study = tmp_path / "study"
    init_study(study)
    params = (study / "params.yaml").read_text()
    (study / "params.yaml").write_text(params.partition("    recos:")[0])
    dvc = (study / "dvc.yaml").read_text()
    kept = dvc.replace("outs:\n        - results/activations/${key}\n", PUSH_FALSE)
    (study / "dvc.yaml").write_text(kept.partition("  recos:")[0])
    for name in ("home", "probecore"):
        (study / name).unlink()
        (study / name).symlink_to("gone")
    for name in ("Snakefile", "profiles"):
        (study / name).unlink()
    ignored = (study / ".gitignore").read_text()
    (study / ".gitignore").write_text(ignored.replace("/profiles\n", ""))
    return study


LATER = STEPS[STEPS.index("recos") :]

PUSH_FALSE = "outs:\n        - results/activations/${key}:\n            push: false\n"


def test_an_old_study(old: Path) -> None:
    before = (old / "params.yaml").read_text()
    with pytest.raises(InputError, match=r"lenet5.recos: missing; .*`probecore upgrade`"):
        load_study(old / "params.yaml")
    added = "params.yaml: experiments.lenet5"
    assert upgrade_study(old) == [
        *(f"{added}.{step}: null" for step in LATER),
        "dvc.yaml: written anew",
        "probecore: linked anew",
        "profiles: linked anew",
        "home: linked anew",
        "Snakefile: written",
        ".gitignore: written",
    ]
    study, _ = load_study(old / "params.yaml")
    assert study.experiments["lenet5"].recos is None
    assert (old / "params.yaml").read_text() == before + "".join(f"    {step}: null\n" for step in LATER)
    stages = yaml.safe_load((old / "dvc.yaml").read_text())["stages"]
    assert set(STEPS) < set(stages)
    assert stages["activations"]["do"]["outs"] == [{"results/activations/${key}": {"push": False}}]
    assert (old / "probecore/upgrade.py").samefile(upgrade.__file__)
    assert upgrade_study(old) == []


def test_a_key_with_a_former_name(tmp_path: Path) -> None:
    study = tmp_path / "study"
    init_study(study)
    params = study / "params.yaml"
    now = params.read_text().replace("bootstrap: 20\n", "bootstrap: 20\n      importance_images: 90  # few\n")
    params.write_text(now.replace("importance_images", "worth_images"))
    with pytest.raises(InputError, match="worth_images: unknown key"):
        load_study(params)
    assert upgrade_study(study) == ["params.yaml: worth_images: now importance_images"]
    assert params.read_text() == now
    assert load_study(params)[0].experiments["lenet5"].mechanism.importance_images == 90  # type: ignore[union-attr]


def test_verdicts_were_hidden_from_dvc_once(old: Path) -> None:
    upgrade_study(old)
    shown = (old / ".dvcignore").read_text()
    (old / ".dvcignore").write_text(f"{shown}# Verdicts are kept in Git; `probecore claims` writes them.\nclaims.csv\n")
    (old / "claims.yaml").write_text("claims: []\n")
    assert upgrade_study(old) == ["dvc.yaml: written anew", ".dvcignore: written anew"]
    assert (old / ".dvcignore").read_text() == shown
    assert "claims" in yaml.safe_load((old / "dvc.yaml").read_text())["stages"]


def test_what_cannot_be_added_is_said(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("experiments:\n  one: {}\n")
    with pytest.raises(InputError, match="experiments.one: nothing could be added; write `activations: null` by hand"):
        upgrade_study(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        upgrade_study(tmp_path / "none")
