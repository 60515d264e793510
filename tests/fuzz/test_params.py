"""Changed parameter files: each ends in one line, or both versions of YAML find the same study in it."""

import copy
import io
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import ruamel.yaml
import yaml

from probecore.params import STEPS, Study, load_study
from tests.conftest import PARAMS, ROOT, read_params

from .damage import DAMAGES, outcome, table

Tree = Any
Place = tuple[Any, Any]
"""A mapping or list, and a key in it."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 64, 10**6, 2**31, 2**63 - 1, 2**63, 10**23, -(2**70)),
    *(0.0, 0.5, 1.0, -1.5, 1e308, 1e-320, float("inf"), float("nan")),
    *("", " ", "a", "ä", "a b", "*", "conv*", "../x", "own/x.py:f", "os:system", "null", "010", "1e-3", "yes", "12:30"),
    *("'", '"', "\n", "\0", "\ud7ff", "\u2028", "${home}", "$(touch x)", "x" * 3000, "é" * 40, "trained-0"),
    *([], {}, [[]], [{}], {"a": 1}, [1, "a", None], {"kind": "cosine"}, {"name": "mlp"}, [0, 0], ["*"] * 50),
)

SNIPPETS = (
    *(
        b"&a",
        b"*a",
        b"<<: *a",
        b"!!python/name:os.system",
        b"!!int 'x'",
        b"!<tag:x>",
        b"? ",
        b"- ",
        b": ",
        b"{",
        b"}",
        b"[",
    ),
    *(
        b"]",
        b"|",
        b">",
        b"%YAML 1.2",
        b"---",
        b"...",
        b"#",
        b"\t",
        b"\r",
        b"'",
        b'"',
        b"\xff",
        b"\xef\xbb\xbf",
        b"\x00",
    ),
    *(
        b"010",
        b"1_0",
        b"0o7",
        b"12:30:45",
        b"yes",
        b"~",
        b".inf",
        b"2020-01-01",
        b"=",
        b"1e5",
        b"0x1f",
        b"\\",
        b"@",
        b"`",
    ),
)


LITERALS = (
    *(
        b"010",
        b"024",
        b"08",
        b"-012",
        b"1_000",
        b"0o7",
        b"0b11",
        b"0x1f",
        b"12:30",
        b"1:2.5",
        b"1e-3",
        b"1e3",
        b"+3",
        b"3.",
    ),
    *(
        b".5",
        b"5e+2",
        b"yes",
        b"No",
        b"on",
        b"OFF",
        b"y",
        b"TRUE",
        b"~",
        b"Null",
        b"",
        b".inf",
        b".NaN",
        b"2020-01-01",
        b"<<",
    ),
    *(b"=", b"!!str 5", b"!!float 3", b"'5'", b"1 # more", b"&a 5", b"0.10", b"1.0e-3", b"0", b"3", b"20"),
)


def study(folder: Path) -> dict[str, Any]:
    """The demo's own parameters, which use most sections, and small ones beside them."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    small = read_params(PARAMS, ".")
    content["datasets"] |= small["datasets"] | {"photos": {"kind": "folder", "path": "photos", "size": 8}}
    content["experiments"]["bare"] = small["experiments"]["bare"]
    content["experiments"]["of_photos"] = copy.deepcopy(small["experiments"]["bare"]) | {"dataset": "photos"}
    content["packages"] = ["mine"]
    return content


def places(tree: Tree) -> list[Place]:
    found: list[Place] = []
    if isinstance(tree, dict | list):
        for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
            found += [(tree, key), *places(value)]
    return found


def replace(tree: Tree, random: Random) -> None:
    parent, key = random.choice(places(tree))
    parent[key] = copy.deepcopy(random.choice(VALUES))


def nudge(tree: Tree, random: Random) -> None:
    """Another number in the place of a number."""
    numbers = [(parent, key) for parent, key in places(tree) if type(parent[key]) in (int, float)]
    parent, key = random.choice(numbers)
    parent[key] = random.choice(
        (parent[key] + 1, -parent[key], parent[key] * 1000, float(parent[key]), str(parent[key]))
    )


def remove(tree: Tree, random: Random) -> None:
    parent, key = random.choice(places(tree))
    del parent[key]


def misspell(tree: Tree, random: Random) -> None:
    parent, key = random.choice([place for place in places(tree) if isinstance(place[0], dict)])
    letters = list(key) or ["x"]
    letters[random.randrange(len(letters))] = random.choice("abzA0_- .é\n:#")
    parent["".join(letters)] = parent.pop(key)


def add(tree: Tree, random: Random) -> None:
    parent, key = random.choice(places(tree))
    known = [name for holder, name in places(tree) if isinstance(holder, dict)]
    if isinstance(parent, dict):
        parent[random.choice(known)] = copy.deepcopy(random.choice(VALUES))
    else:
        parent.append(copy.deepcopy(parent[key]))


def move(tree: Tree, random: Random) -> None:
    """What stands in one place stands in another too."""
    (one, here), (other, there) = (random.choice(places(tree)) for _ in range(2))
    one[here] = copy.deepcopy(other[there])


def nest(tree: Tree, random: Random) -> None:
    parent, key = random.choice(places(tree))
    for _ in range(random.choice((1, 2, 30, 200))):
        parent[key] = random.choice(([parent[key]], {"options": parent[key]}))


CHANGES: tuple[Callable[[Tree, Random], None], ...] = (
    replace,
    replace,
    replace,
    nudge,
    nudge,
    remove,
    misspell,
    add,
    move,
    nest,
)


def changed_structure(content: dict[str, Any], random: Random) -> tuple[str, bytes]:
    changed = copy.deepcopy(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        change = random.choice(CHANGES)
        if places(changed):
            change(changed, random)
    return f"structure: {change.__name__}", yaml.dump(changed, Dumper=yaml.CSafeDumper, sort_keys=False).encode(
        "utf-8", "surrogatepass"
    )


def changed_text(content: dict[str, Any], random: Random) -> tuple[str, bytes]:
    text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False).encode()
    if random.random() < 0.4:
        damage = random.choice(DAMAGES)
        return "text: bytes", damage(text, random)
    lines = text.split(b"\n")
    index = random.randrange(len(lines))
    if random.random() < 0.3:
        lines.insert(index, random.choice(lines))
        return "text: lines", b"\n".join(lines)
    key, colon, _ = lines[index].partition(b": ")
    if colon and random.random() < 0.8:
        lines[index] = key + colon + random.choice(LITERALS)
        return "text: literal", b"\n".join(lines)
    place = random.choice((len(lines[index]), random.randrange(len(lines[index]) + 1)))
    lines[index] = lines[index][:place] + random.choice((b"", b" ")) + random.choice(SNIPPETS) + lines[index][place:]
    return "text: YAML", b"\n".join(lines)


def read_both(path: Path) -> Any:
    """What this package reads, if YAML 1.2 reads the same and the study says it again after a round trip."""
    found, written = load_study(path)
    other = ruamel.yaml.YAML(typ="safe", pure=True).load(io.BytesIO(path.read_bytes()))
    alike = json.dumps(written, sort_keys=True) == json.dumps(other, sort_keys=True)
    return alike and Study.read(json.loads(json.dumps(written))) == found


def run(folder: Path, inputs: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    begin, counts, faults = time.monotonic(), dict[str, Counter[str]](), []
    content, path = study(folder), folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    assert read_both(path)
    for index in range(inputs):
        random = Random(f"{seed} params {index}")
        kind, text = random.choice((changed_structure, changed_structure, changed_text))(content, random)
        path.write_bytes(text)
        found = outcome(lambda: read_both(path), True)
        if found not in ("line", "same"):
            faults.append(f"seed {seed}, input {index}, {kind}: {found}")
        counts.setdefault(kind, Counter())[found.partition(":")[0]] += 1
    with capsys.disabled():
        print(f"\n{table(dict(sorted(counts.items())), begin)}")
    assert faults == []
    assert set(STEPS) <= content["experiments"]["bare"].keys()


def test_a_few_changed_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, 200, 0, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_changed_studies(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, 500, seed, capsys)
