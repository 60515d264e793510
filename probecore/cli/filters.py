"""The commands that use the atlas of a finished study: filters in order of worth, and which of them may go."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probecore.cli import options
from probecore.cli.options import in_study

if TYPE_CHECKING:
    import pandas as pd

Network = Annotated[str, typer.Argument(help="experiment/network, as lenet5/trained-0.")]
Layers = Annotated[list[str] | None, typer.Option("--layer", help="A layer's name or glob; may be repeated.")]
By = Annotated[
    str,
    typer.Option(help="A quantity, as taylor or mechanism:strength; best: what predicts worth best in other networks."),
]


@in_study
def rank(network: Network, *, by: By = "zero_loss", layer: Layers = None) -> None:
    """Rank the filters of each layer of a network by a quantity, the highest first."""
    options.configured_for_study()
    from probecore.api.study import open_study
    from probecore.models.selection import choose_layers

    ranking = open_study().rank(network, by)
    chosen = choose_layers(list(dict.fromkeys(ranking["layer"])), layer or ["*"], where="--layer")
    rows = ranking[ranking["layer"].isin(chosen)]
    typer.echo(f"{network} by {rows['by'].iloc[0]}")
    typer.echo(_text(rows.drop(columns=["layer_index", "by"])))


@in_study
def prune(
    network: Network,
    *,
    loss: Annotated[float, typer.Option(min=0, help="By how much the mean loss may rise, in nats.")],
    by: By = "best",
    layer: Layers = None,
    output: Annotated[
        Path | None, typer.Option(resolve_path=True, help="A folder for masks.safetensors and plan.csv.")
    ] = None,
) -> None:
    """Plan which filters may go: those ranked lowest, as long as the loss without them all rises by no more."""
    options.configured_for_study()
    from probecore.api.study import open_study

    plan = open_study().prune(network, loss=loss, by=by, layers=layer or ["*"])
    for line in plan.notes:
        typer.echo(line)
    curve = plan.curve
    measured = curve[curve["training_loss"].notna()]
    typer.echo(_text(measured.drop(columns=["layer_index", "layer", "filter", "value"])))
    by_layer = curve.groupby(["layer_index", "layer"])["pruned"]
    parts = ", ".join(f"{name} {rows.sum()} of {len(rows)}" for (_, name), rows in by_layer)
    typer.echo(f"{curve['pruned'].sum()} of {len(curve)} filters may go by {plan.by}: {parts}")
    if output is not None:
        plan.write(output)
        typer.echo(f"{output}: masks.safetensors, plan.csv")


def _text(table: "pd.DataFrame") -> str:
    """A table to read."""
    return str(table.to_string(index=False, na_rep="", float_format="{:.4g}".format))
