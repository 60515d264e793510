"""Every value that reaches a shell: it has a pattern, or it is quoted, and what it says is never run."""

import contextlib
import copy
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import format as snakemake_format

from probecore.errors import InputError
from probecore.params import load_study
from tests.conftest import PARAMS, ROOT, read_params

HOSTILE = (
    "; touch x",
    "a; touch x",
    "$(touch x)",
    "`touch x`",
    "a b",
    "-x",
    "'; touch x; '",
    '"; touch x; "',
    "a'b",
    'a"b',
    "a\ntouch x",
    "a && touch x",
    "a | touch x",
    "> x",
    "${HOME}",
    "a\\",
    "*",
    "",
)
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
COMMANDS = [stage.get("do", stage)["cmd"] for stage in STAGES.values()]
RULES = "".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
SHELLS = ["".join(re.findall(r'"(.*)"', block)) for block in re.findall(r'shell:\n((?:\s+".*"\n)+)', RULES)]


def leaves(content: Any, *keys: Any) -> Iterator[tuple[Any, ...]]:
    """Paths to all values that are text."""
    if isinstance(content, str):
        yield keys
    elif isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, *keys, key)


def put(content: Any, keys: tuple[Any, ...], value: str) -> Any:
    changed = copy.deepcopy(content)
    place = changed
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return changed


def rename(content: dict[str, Any], section: str, old: str, new: str) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    changed[section][new] = changed[section].pop(old)
    if section == "datasets":
        changed[section][new] = {"kind": old, **changed[section][new]}
        for experiment in changed["experiments"].values():
            experiment["dataset"] = new
    return changed


STUDY: dict[str, Any] = read_params(PARAMS, "home")
STUDY["experiments"] = {"tiny": STUDY["experiments"]["tiny"]}
STUDIES = [
    *(put(STUDY, keys, value) for keys in leaves(STUDY) for value in HOSTILE),
    *(rename(STUDY, "datasets", "mnist5k", value) for value in HOSTILE),
    *(rename(STUDY, "experiments", "tiny", value) for value in HOSTILE),
    *(
        put(STUDY, ("experiments", "tiny", "train", "model", "name"), name)
        for name in ("own/x;touch x.py:f", "own/$(touch x).py:f", "torchvision:x;touch x", "os:system;touch x")
    ),
]


def accepted(folder: Path) -> list[dict[str, Any]]:
    """The studies that pass the check, as they are then read."""
    good = []
    for content in STUDIES:
        (folder / "params.yaml").write_text(json.dumps(content))
        with contextlib.suppress(InputError):
            good.append(load_study(folder / "params.yaml")[1])
    return good


def run(command: str, folder: Path) -> list[str]:
    """The words of the command as a shell sees them; programs are replaced by one that prints its words."""
    shown = re.sub(r"^(snakemake|probecore)(?= )", "printf '%s\\\\0'", command).replace("> logs/log 2>&1", "")
    done = subprocess.run(["sh", "-c", shown], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def test_no_value_of_a_study_is_run_by_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    studies = accepted(tmp_path)
    assert 0 < len(studies) < len(STUDIES)
    (tmp_path / "params.yaml").unlink()
    for content in studies:
        home = content["home"]
        command = COMMANDS[0].replace("${home}", home).replace("${key}", next(iter(content["datasets"])))
        assert run(command, tmp_path)[:3] == ["--snakefile", f"{home}/Snakefile", "--allowed-rules"]
        for key in content["experiments"]:
            assert f"results/train/{key}/summary.json" in run(
                COMMANDS[1].replace("${home}", home).replace("${key}", key), tmp_path
            )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [value for value in HOSTILE if value])
def test_sections_reach_jobs_as_one_word(tmp_path: Path, value: str) -> None:
    assert len(SHELLS) == 9
    for shell in sorted({re.sub(r"^probecore \w+", "probecore step", shell) for shell in SHELLS}):
        names = set(re.findall(r"\{([\w.]+:q)\}", shell))
        if not names:
            continue
        command = re.sub(r"\{[\w.]+\}", "plain", shell.replace("{log}", "logs/log"))
        for name in names:
            command = command.replace(f"{{{name}}}", shlex.quote(value))
        words = run(command, tmp_path)
        assert words.count(value) == len(names)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_quoted_in_a_rule_is_a_name_or_a_path_of_names() -> None:
    free = {name for shell in SHELLS for name in re.findall(r"\{([^}:]+)\}", shell)}
    named = {name for name in free if name.split(".")[0] in ("wildcards", "input", "output", "log")}
    assert free - named <= {"params.files", "params.folders", "params.measured", "params.step", "threads"}


def test_what_a_stage_interpolates_in_its_command_is_home_in_quotes_and_names() -> None:
    for command in COMMANDS:
        assert set(re.findall(r"\$\{(.+?)\}", command)) <= {"home", "key"}
        assert command.count("${home}") == command.count("'${home}/Snakefile'") == 1


def test_snakemake_quotes_as_a_shell_wants() -> None:
    for value in filter(None, HOSTILE):
        assert shlex.split(snakemake_format("{value:q}", value=value)) == [value]
