"""Packages offer what they say they offer: to users, to completion and to type checkers."""

import ast
import importlib
import pkgutil
from types import ModuleType

import pytest

import probecore
from probecore.lazy import attach

PACKAGES = [
    "probecore",
    *(found.name for found in pkgutil.walk_packages(probecore.__path__, "probecore.") if found.ispkg),
]
LAZY = [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")]


def test_all_packages_that_offer_names_are_tried() -> None:
    assert {"probecore.models", "probecore.measures.anova", "probecore.statistics"} <= set(LAZY)


@pytest.mark.parametrize("name", LAZY)
def test_every_name_loads_and_none_is_missing_from_dir(name: str) -> None:
    package = importlib.import_module(name)
    assert [offered for offered in package.__all__ if getattr(package, offered) is None] == []
    assert set(package.__all__) <= set(dir(package))
    assert "TYPE_CHECKING" not in dir(package)


@pytest.mark.parametrize("name", LAZY)
def test_type_checkers_are_told_the_same_names(name: str) -> None:
    package = importlib.import_module(name)
    assert sorted(names_for_type_checkers(package)) == sorted(package.__all__)


def names_for_type_checkers(package: ModuleType) -> list[str]:
    assert package.__file__ is not None
    with open(package.__file__, encoding="utf-8") as file:
        blocks = [node for node in ast.parse(file.read()).body if isinstance(node, ast.If)]
    imports = [node for node in blocks[0].body if isinstance(node, ast.ImportFrom)]
    aliases = [alias for node in imports for alias in node.names]
    assert all(alias.name == alias.asname for alias in aliases), "without `as`, users' mypy does not see them"
    return [alias.name for alias in aliases]


def test_a_name_that_nobody_offers() -> None:
    with pytest.raises(AttributeError, match="module 'probecore' has no attribute 'measure_everything'"):
        probecore.measure_everything  # noqa: B018


def test_a_submodule_without_names_is_offered_itself() -> None:
    get, names, offered = attach("probecore", {"errors": ["InputError"], "files": []})
    assert get("files") is importlib.import_module("probecore.files")
    assert names() == offered == ["InputError", "files"]
