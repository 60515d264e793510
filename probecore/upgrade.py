"""Brings a study of an older version up to date: names, sections that it lacks, its ``dvc.yaml``, its links.

A new measure is a step that older studies do not have: their ``params.yaml`` gets ``<step>: null``, and nothing that
they have is measured again for it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from probecore.claims.params import FILE, RECORD
from probecore.errors import InputError
from probecore.files import write_text
from probecore.params import OPTIONAL_STEPS
from probecore.stages import dvc_yaml
from probecore.study import ignore_links, renew_links, write_snakefile
from probecore.yaml_files import read_yaml

RENAMED = {"worth_images": "importance_images"}
"""Keys of ``params.yaml`` by their former names."""


def upgrade_study(folder: Path) -> list[str]:
    """Bring the study in `folder` up to date; what is written in it stays, with its comments.

    Returns
    -------
    list of str
        What has been changed.

    Raises
    ------
    InputError
        If the folder is no study, or its ``params.yaml`` is written in a way in which nothing can be added.
    """
    renamed = _rename_keys(folder / "params.yaml")
    added = _add_sections(folder / "params.yaml")
    stages, links = [*_renew_stages(folder / "dvc.yaml"), *_show_verdicts(folder / ".dvcignore")], renew_links(folder)
    written = [*(["Snakefile"] if write_snakefile(folder) else []), *([".gitignore"] if ignore_links(folder) else [])]
    return [
        *renamed,
        *added,
        *stages,
        *(f"{link}: linked anew" for link in links),
        *(f"{name}: written" for name in written),
    ]


def _rename_keys(path: Path) -> list[str]:
    read_yaml(path, portable=True)
    text = path.read_text(encoding="utf-8")
    keys = {
        key.start_mark.index: key for key in _keys(yaml.compose(text, Loader=yaml.SafeLoader)) if key.value in RENAMED
    }
    for _, key in sorted(keys.items(), reverse=True):
        text = text[: key.start_mark.index] + RENAMED[key.value] + text[key.end_mark.index :]
    if keys:
        write_text(path, text)
    return [f"{path.name}: {old}: now {RENAMED[old]}" for old in sorted({key.value for key in keys.values()})]


def _keys(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The keys of all mappings in a document; those of an anchor once for each alias."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key
            yield from _keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _keys(value)


def _add_sections(path: Path) -> list[str]:
    content = read_yaml(path, portable=True)
    experiments = content.get("experiments")
    if not isinstance(experiments, dict):
        raise InputError(f"{path}: experiments: missing; write at least one")
    blocks = {name: block for name, block in experiments.items() if isinstance(block, dict)}
    lacking = {name: [step for step in OPTIONAL_STEPS if step not in block] for name, block in blocks.items()}
    lacking = {name: steps for name, steps in lacking.items() if steps}
    if not lacking:
        return []
    text = add_nulls(path.read_text(encoding="utf-8"), lacking)
    for name, steps in lacking.items():
        experiments[name] = experiments[name] | dict.fromkeys(steps)
    if _content_of(text) != content:
        name, steps = next(iter(lacking.items()))
        raise InputError(f"{path}: experiments.{name}: nothing could be added; write `{steps[0]}: null` by hand")
    write_text(path, text)
    return [f"{path.name}: experiments.{name}.{step}: null" for name, steps in lacking.items() for step in steps]


def _content_of(text: str) -> Any:
    """What the text says; None if it is no YAML."""
    with contextlib.suppress(yaml.YAMLError):
        return yaml.safe_load(text)
    return None


def add_nulls(text: str, lacking: Mapping[str, Sequence[str]]) -> str:
    """Write ``step: null`` below each of the experiments `lacking`, or between its braces.

    What is an alias of another experiment has what that one has.
    """
    blocks = {}
    for name, steps in lacking.items():
        block = _experiments_of(text)[name]
        blocks[block.start_mark.index] = block, steps
    for _, (block, steps) in sorted(blocks.items(), reverse=True):
        if block.flow_style:
            end = block.end_mark.index - 1
            text = text[:end] + "".join(f", {step}: null" for step in steps) + text[end:]
        else:
            lines = text.splitlines(keepends=True)
            after, indent = _last_line(block, block.start_mark.line) + 1, " " * block.value[0][0].start_mark.column
            lines[after - 1] = lines[after - 1].rstrip("\n") + "\n"
            text = "".join([*lines[:after], *(f"{indent}{step}: null\n" for step in steps), *lines[after:]])
    return text


def _experiments_of(text: str) -> dict[str, yaml.MappingNode]:
    """The experiments as they stand in the text."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    found = next(value for key, value in root.value if key.value == "experiments")
    return {key.value: value for key, value in found.value if isinstance(value, yaml.MappingNode)}


def _last_line(node: yaml.Node, named_at: int) -> int:
    """The line where a value ends that is named at the line `named_at`; an alias stands there, its value before."""
    if node.start_mark.line < named_at:
        return named_at
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]  # an item, or a key with its value
        key, value = last if isinstance(last, tuple) else (last, last)
        return _last_line(value, key.start_mark.line)
    return node.end_mark.line


def _show_verdicts(path: Path) -> list[str]:
    """Let DVC see the verdicts, which no step wrote once."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [line for line in text.splitlines(keepends=True) if line.strip() != RECORD.name]
    if "".join(lines) == text:
        return []
    write_text(path, "".join(line for line in lines if not line.startswith("# Verdicts are kept in Git")))
    return [f"{path.name}: written anew"]


def _renew_stages(path: Path) -> list[str]:
    """Write ``dvc.yaml``; results that the study keeps from remotes are kept as before."""
    text = dvc_yaml(claims=path.with_name(FILE.name).exists())
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    for stage in (yaml.safe_load(before) or {}).get("stages", {}).values():
        for out in stage.get("do", stage).get("outs", []):
            if isinstance(out, dict) and next(iter(out.values())).get("push") is False:
                name = next(iter(out))
                text = text.replace(
                    f"outs:\n        - {name}\n", f"outs:\n        - {name}:\n            push: false\n"
                )
    if text == before:
        return []
    write_text(path, text)
    return [f"{path.name}: written anew"]
