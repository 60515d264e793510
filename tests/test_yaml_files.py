"""What two readers of YAML would read differently is refused, and so is what grows without limit."""

import os
import time
from pathlib import Path

import pytest

from probecore.errors import InputError
from probecore.yaml_files import MOST_BYTES, read_yaml
from tests.conftest import ROOT


def read(folder: Path, text: str, *, portable: bool = True) -> object:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return read_yaml(path, portable=portable)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("0", 0),
        ("-3", -3),
        ("20", 20),
        ("0x1F", 31),
        ("1.0e-3", 0.001),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("~", None),
        ("'010'", "010"),
        ('"12:30"', "12:30"),
        ("'yes'", "yes"),
        ("9223372036854775807", 2**63 - 1),
        ("lenet5", "lenet5"),
        ("Größe 5", "Größe 5"),
    ],
)
def test_what_all_read_alike(tmp_path: Path, literal: str, value: object) -> None:
    assert read(tmp_path, f"a: {{b: [{literal}]}}" if literal else "a: {b: }") == {
        "a": {"b": [value] if literal else None}
    }


@pytest.mark.parametrize(
    ("literal", "words"),
    [
        ("12:30", "without leading zeros, colons"),
        ("1:2.5", "without leading zeros, colons"),
        ("010", "without leading zeros"),
        ("-010", "without leading zeros"),
        ("1_000", "underscores"),
        ("0b11", "plain number"),
        ("0o14", "a number in YAML 1.2"),
        ("024", "without leading zeros"),
        ("08", "a number in YAML 1.2"),
        ("1e-3", "1.0e-3, not 1e-3"),
        ("1e3", "a number in YAML 1.2"),
        ("yes", "write true or false"),
        ("Off", "write true or false"),
        ("2020-01-01", "is a timestamp to YAML; quote it"),
        ("!!binary aGFsbG8=", "is a binary to YAML"),
        ("!!int '5'", "not read alike"),
        ("10000000000000000000000", "beyond 64 bits"),
        ("-9223372036854775809", "beyond 64 bits"),
        ("9" * 5000, "beyond 64 bits"),
        ('"two\\nlines"', "line breaks"),
        ('"\\ud800"', "unprintable"),
        ('"\\e[31m"', "unprintable"),
        ('"\\0"', "unprintable"),
    ],
)
def test_what_is_read_differently_is_refused_with_its_key(tmp_path: Path, literal: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"a:\n  b: {literal}\n")
    message = str(caught.value)
    assert words in message
    assert "params.yaml: a.b: " in message
    assert message.endswith("(line 2)")
    assert "\n" not in message
    assert len(message) < 400


def bomb(levels: int, width: int, *, merge: bool = False) -> str:
    """Each level holds the one below it `width` times."""
    lines = ["a0: &a0 [x]"] if not merge else ["a0: &a0 {x: 1}"]
    for level in range(1, levels):
        uses = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{uses}]}}" if merge else f"[{uses}]"))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bomb(30, 2), "more than 200,000 values"),
        (bomb(9, 10), "more than 200,000 values"),
        (bomb(20, 5, merge=True), "more than 200,000 values"),
        ("a: " + "[" * 100 + "]" * 100, "nested more than 40 deep"),
        ("a: " + "[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ("a: &a [*a]", "nested more than 40 deep"),
        ("a: &a {b: *a}", "nested more than 40 deep"),
        ("? [a, b]\n: 1", "is no name"),
        ("a: 1\na: 2", "stands here twice"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("", "found NoneType"),
        ("just text", "found str"),
        ("a: \x00", "not YAML"),
        ("a: *nothing", "undefined alias"),
    ],
)
@pytest.mark.parametrize("portable", [True, False])
def test_bombs_and_damage_end_soon_in_one_line(tmp_path: Path, text: str, words: str, portable: bool) -> None:
    begin = time.monotonic()
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, portable=portable)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begin < 20


def test_places_that_hold_no_text(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.mkdir()
    with pytest.raises(InputError, match="no regular file"):
        read_yaml(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match="no regular file"):
        read_yaml(path)
    path.unlink()
    path.write_bytes("a: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_yaml(path)
    os.truncate(path, MOST_BYTES + 1)
    with pytest.raises(InputError, match="too many"):
        read_yaml(path)


def test_what_programs_write_is_read_alike_in_c() -> None:
    assert read_yaml(ROOT / "dvc.lock") == read_yaml(ROOT / "dvc.lock", portable=True)
