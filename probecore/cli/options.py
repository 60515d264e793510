"""What commands share: their options, where they work, and how they begin."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from probecore.study import study_around

Experiment = Annotated[str, typer.Option(help="Name of the experiment.")]
Data = Annotated[Path, typer.Option(help="The data set's HDF5 file.")]
Checkpoints = Annotated[Path, typer.Option(help="The network's checkpoints.")]
Params = Annotated[str, typer.Option(help="The step's section of params.yaml, as JSON.")]
NumericsJson = Annotated[str, typer.Option("--numerics", help="The section `numerics` of params.yaml, as JSON.")]
Output = Annotated[Path, typer.Option(help="What is written: a file, or the folder of the step.")]


P = ParamSpec("P")
R = TypeVar("R")


def in_study(command: Callable[P, R]) -> Callable[P, R]:
    """Let a command work in the study around the working directory; its own paths have ``resolve_path``."""

    @functools.wraps(command)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        os.chdir(study_around(Path.cwd()))
        return command(*args, **kwargs)

    return inside


def configured_for_study() -> Any:
    """Fix threads and instruction set as the study in this folder has them."""
    from probecore.params import load_study

    return configured(load_study(Path("params.yaml"))[0].numerics.model_dump_json())


def configured(numerics: str) -> Any:
    """Fix threads and instruction set, before anything imports numpy; ``{}`` stands for the defaults."""
    from probecore.determinism import Numerics, configure

    settings = Numerics.parse(numerics, where="numerics")
    configure(settings)
    return settings
