"""Packages that offer names of their modules without importing them before they are used.

The workflow's parser reads every step's parameters at each start; torch must not come with them.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def attach(
    package: str, submodules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package from one mapping.

    Parameters
    ----------
    package
        Its ``__name__``.
    submodules
        The names that each submodule gives; one without names is offered itself, by the last part of its name.

    Returns
    -------
    tuple
        To be assigned to ``__getattr__, __dir__, __all__`` where ``TYPE_CHECKING`` is false; where it is true, imports
        of the same names tell type checkers what they are.
    """
    homes = {name: module for module, names in submodules.items() for name in names}
    homes |= {module.rpartition(".")[2]: module for module, names in submodules.items() if not names}
    offered = sorted(homes)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{homes[name]}")
        return getattr(module, name) if submodules[homes[name]] else module

    return get, lambda: list(offered), offered
