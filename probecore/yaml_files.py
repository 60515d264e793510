"""Reading YAML, so that every reader of a file finds the same in it. Not here: what the keys mean.

Snakemake and this package read YAML 1.1, DVC reads YAML 1.2, and they differ about ``010``, ``12:30``, ``1e-3``,
``yes``. What they would read differently is refused, and so is what grows without limit when it is read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from probecore.errors import InputError, reading

MOST_BYTES = 1 << 26
MOST_NODES = 200_000
"""Of one file, aliases counted as often as they are used; parameters have hundreds, `dvc.lock` thousands."""

DEEPEST = 40

_NUMBERS = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+"),
    "float": re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "null": re.compile(r"|~|null|Null|NULL"),
}
"""Literals that both versions read alike, by the tag that YAML 1.1 gives them."""

_NUMBER_IN_1_2 = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+")
_LARGEST = 2**63 - 1


def read_yaml(path: Path, *, portable: bool = False) -> dict[str, Any]:
    """Read a YAML mapping.

    Parameters
    ----------
    path
        A regular file, UTF-8.
    portable
        Refuse what YAML 1.1 and 1.2 read differently, integers beyond 64 bits and unprintable text: for what people
        write.

    Raises
    ------
    InputError
        If the file is none, gives a key twice (one would silently win), or grows beyond `MOST_NODES` or `DEEPEST`.
    """
    return _mapping(_text(path), path, portable=portable)


def parse_yaml(content: bytes, where: str) -> dict[str, Any]:
    """Read a YAML mapping that is no file, with the limits of `read_yaml`; `where` is what messages call it."""
    if len(content) > MOST_BYTES:
        raise InputError(f"{where}: {len(content):,} bytes are too many for parameters; correct it")
    with reading(where, "not UTF-8 text", "save it as such"):
        text = content.decode()
    return _mapping(text, where, portable=False)


def _mapping(text: str, path: Path | str, *, portable: bool) -> dict[str, Any]:
    content = _parsed(text, path, portable=portable)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected `key: value` lines, found {type(content).__name__}")
    return content


def _parsed(text: str, path: Path | str, *, portable: bool) -> Any:
    with reading(path, "not YAML that can be read", "correct it"):
        try:
            loader = _loader(text, by_people=portable)
            try:
                node = loader.get_single_node()
                if node is None:
                    return None
                _check(node, path, portable=portable)
                return loader.construct_document(node)
            finally:
                loader.dispose()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            raise InputError(f"{path}{line}: {getattr(error, 'problem', None) or 'not YAML'}") from None


def _loader(text: str, *, by_people: bool) -> Any:
    """The one in C for what programs wrote: it is ten times as fast, takes tabs, and recurses without limit."""
    return _UniqueKeys(text) if by_people or not _suits_c(text) else _UniqueKeysInC(text)


def _suits_c(text: str) -> bool:
    """Whether the loader in C is there and reads this without falling; of faults the other one tells more."""
    if not yaml.__with_libyaml__:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > 2 * DEEPEST:
                return False
    except yaml.YAMLError:
        return False
    return True


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError(f"{path}: no such file; run this in a study, or make one with `probecore init DIR`")
    if not path.is_file():
        raise InputError(f"{path}: no regular file; put a text file there")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: {path.stat().st_size:,} bytes are too many for parameters; correct it")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as such") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct its permissions") from None


def _check(root: yaml.Node, path: Path | str, *, portable: bool) -> None:
    for count, (node, keys) in enumerate(_walk(root, ())):
        if count >= MOST_NODES:
            raise InputError(f"{path}: more than {MOST_NODES:,} values (aliases repeat them); write fewer")
        if len(keys) > DEEPEST:
            raise InputError(f"{path}: {'.'.join(keys[:3])}: nested more than {DEEPEST} deep; write it flatter")
        if portable and isinstance(node, yaml.ScalarNode) and (problem := _problem(node)):
            raise InputError(f"{path}: {'.'.join(keys)}: {problem} (line {node.start_mark.line + 1})")


def _walk(node: yaml.Node, keys: tuple[str, ...]) -> Iterator[tuple[yaml.Node, tuple[str, ...]]]:
    """Nodes with the keys that lead to them; what an alias names comes again with each use."""
    yield node, keys
    if len(keys) > DEEPEST:
        return
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*keys, str(index)))
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield from _walk(key, keys)
            name = key.value[:60] if isinstance(key, yaml.ScalarNode) else "?"
            yield from _walk(item, (*keys, name))


def _problem(node: yaml.ScalarNode) -> str | None:
    """What is wrong with a single value, and what to do."""
    text, kind = node.value, node.tag.removeprefix("tag:yaml.org,2002:")
    plain = node.style is None
    if not text.isprintable():
        return "holds line breaks or unprintable characters; remove them"
    if kind == "str":
        if plain and _NUMBER_IN_1_2.fullmatch(text):
            return f"the text {text!r} is a number in YAML 1.2; as a number YAML wants 1.0e-3, not 1e-3, or quote it"
        return None
    if kind == "merge":
        return None
    if kind not in _NUMBERS:
        return f"{text!r} is a {kind} to YAML; quote it"
    if not plain or not _NUMBERS[kind].fullmatch(text):
        return f"{text!r} is not read alike by YAML 1.1 and 1.2; {_remedy(kind)}"
    if kind == "int" and (len(text) > 20 or abs(int(text, 0)) > _LARGEST):
        return f"{text[:30]} is beyond 64 bits; write a smaller number"
    return None


def _remedy(kind: str) -> str:
    if kind == "bool":
        return "write true or false, or quote it"
    return "write a plain number without leading zeros, colons and underscores, or quote it"


class _NoKeyTwice(yaml.constructor.SafeConstructor):
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:merge":
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str):
                    problem = f"the key {key!r} is no name"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                if key in seen:
                    problem = f"the key {key!r} stands here twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


class _UniqueKeys(_NoKeyTwice, yaml.SafeLoader):
    pass


if yaml.__with_libyaml__:

    class _UniqueKeysInC(_NoKeyTwice, yaml.CSafeLoader):
        pass
