"""Whose code may build a network: the study's own, and that of packages which the study names. No torch here.

The one authority is ``params.yaml`` in the working directory. A checkpoint says which network it holds, and may come
from anywhere: what it says is compared with the study and never imported on its word.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from probecore.errors import InputError
from probecore.models.params import ModelParams
from probecore.yaml_files import read_yaml

STUDY = Path("params.yaml")
OWN = Path("own")


def check_place(params: ModelParams, packages: Sequence[str]) -> None:
    """Look where a factory lives, before anything of it is imported; other networks pass.

    Raises
    ------
    InputError
        If its file lies outside of ``own/``, links followed, or its package is not among `packages`.
    """
    if not params.is_factory:
        return
    if params.file is not None:
        _check_file(params.file)
        return
    package = params.name.partition(".")[0].partition(":")[0]
    if package in sys.stdlib_module_names:
        raise InputError(f"model: {params.name}: {package} is Python's own and holds no networks; name another")
    if package not in packages:
        raise InputError(
            f"model: {params.name}: this runs code of {package}; if you trust it, write `packages: [{package}]` at the "
            "top level of params.yaml"
        )


def check_known(params: ModelParams, *, where: Path) -> None:
    """See that a factory which the file `where` names is one that an experiment of the study names too.

    Raises
    ------
    InputError
        If it is not: a checkpoint cannot choose which code runs.
    """
    if params.is_factory and params not in _models_of(STUDY):
        raise InputError(
            f"{where}: its network is built by {params.name} with options that no experiment of {STUDY} names; a "
            "checkpoint cannot choose which code runs: name it there"
        )


def named_packages() -> list[str]:
    """The packages that the study in the working directory names; none outside of a study."""
    packages = read_yaml(STUDY).get("packages") if STUDY.is_file() else None
    return [str(package) for package in packages] if isinstance(packages, list) else []


def check_factory(params: ModelParams, module: ModuleType, factory: Any, packages: Sequence[str]) -> Callable[..., Any]:
    """See that what would be called builds networks, before it is called.

    Returns
    -------
    callable
        `factory`: a class of networks, or a function defined in its module, in ``own/`` or in one of `packages`.

    Raises
    ------
    InputError
        If it is anything else, such as a function that the module merely imported.
    """
    from torch import nn

    if inspect.isclass(factory) and issubclass(factory, nn.Module):
        return factory
    if inspect.isfunction(factory) and _is_listed(factory, module, packages):
        return factory
    kind = f"from {factory.__module__}" if getattr(factory, "__module__", None) else f"a {type(factory).__name__}"
    raise InputError(
        f"model: {params.name} is {kind}; what is called must be a class of networks or a function written in that "
        "file or in a package that params.yaml names"
    )


def _check_file(file: Path) -> None:
    if file.parts[0] != OWN.name or ".." in file.parts:
        raise InputError(f"model: {file} lies outside of own/, where changes are seen; put it there")
    if not file.is_file():
        raise InputError(f"model: {file}: no such file; paths are relative to the study")
    if not file.resolve().is_relative_to(OWN.resolve()):
        raise InputError(f"model: {file} is a link out of own/; put the file itself there")


def _is_listed(function: Callable[..., Any], module: ModuleType, packages: Sequence[str]) -> bool:
    home = function.__module__
    return home == module.__name__ or home.partition(".")[0] in packages


def _models_of(study: Path) -> list[ModelParams]:
    """The models of all experiments, as far as they can be read."""
    experiments = read_yaml(study).get("experiments") if study.is_file() else None
    models = []
    for experiment in experiments.values() if isinstance(experiments, dict) else ():
        train = experiment.get("train") if isinstance(experiment, dict) else None
        if isinstance(train, dict) and "model" in train:
            models.append(ModelParams.read(train["model"], where=f"{study}: model"))
    return models
