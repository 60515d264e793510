"""The commands that tell about this installation and machine: models, fingerprint, licences."""

import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from probecore.cli import options
from probecore.cli.options import NumericsJson
from probecore.errors import InputError


def models(
    name: Annotated[str | None, typer.Argument(help="A model, as in params.yaml.")] = None,
    *,
    shape: Annotated[str | None, typer.Option(help="Shape of one input, e.g. 3x32x32.")] = None,
    outputs: Annotated[int | None, typer.Option(help="Number of outputs.")] = None,
) -> None:
    """List the models, or the layers of one with shapes, parameters and multiply-adds."""
    from probecore.models.catalogue import MODELS
    from probecore.models.listing import layer_table, model_table, render
    from probecore.models.params import ModelParams

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if name is None:
        typer.echo(render(model_table(), width=width))
        return
    usual = MODELS[name] if name in MODELS else MODELS["resnet18"]
    if shape is not None and not re.fullmatch(r"\d+(x\d+)*", shape):
        raise InputError(f"--shape: {shape!r} is no shape; write e.g. 3x32x32")
    sizes = tuple(int(size) for size in shape.split("x")) if shape else usual.input_shape
    rows = layer_table(ModelParams.read(name, where="model"), sizes, outputs or usual.outputs)
    typer.echo(render(rows, width=width))


def fingerprint(
    *,
    numerics: NumericsJson = "{}",
    output: Annotated[Path | None, typer.Option(help="Write it as CSV instead of printing it.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with the fingerprint in this file.")] = None,
) -> None:
    """Hash what each numerical primitive gives on this machine: equal fingerprints mean equal results."""
    settings = options.configured(numerics)
    from probecore.fingerprint import differing, fingerprint, read_fingerprint, write_fingerprint

    found = fingerprint(settings)
    if output is not None:
        write_fingerprint(output, found)
    elif against is None:
        typer.echo("\n".join(f"{kind:10} {name:45} {value}" for (kind, name), value in found.items()))
    if against is not None:
        names = differing(found, read_fingerprint(against))
        typer.echo(f"{len(names)} of {len(found)} differ from {against}" + "".join(f"\n  {name}" for name in names))
        if names:
            raise typer.Exit(1)


def licences() -> None:
    """List this package and all that it needs here, with versions and licences."""
    from probecore.licences import licences

    for name, version, licence in licences():
        typer.echo(f"{name:36} {version:16} {licence}")
