"""The tables of `probecore models` and `probecore models NAME`, as rows and as text."""

from probecore.models.build import outline_model
from probecore.models.catalogue import MODELS
from probecore.models.layers import blocks, list_layers
from probecore.models.params import ModelParams

Row = dict[str, str]

_NUMBERS = ("parameters", "multiply-adds", "calls")


def model_table() -> list[Row]:
    """A row for each network of the catalogue, with its size at its usual input; nothing is computed."""
    return [_model_row(name) for name in MODELS]


def layer_table(params: ModelParams, input_shape: tuple[int, ...], outputs: int) -> list[Row]:
    """A row for each layer of a network, in the order they run, and one for their sum.

    Raises
    ------
    InputError
        Like `build_model`.
    """
    model = outline_model(params, input_shape=input_shape, outputs=outputs)
    layers = list_layers(model, input_shape)
    ends: dict[str, list[str]] = {}
    for block in blocks(model, input_shape):
        call = f" (call {block.output_call + 1})" if block.output_call else ""
        ends.setdefault(block.output, []).append(block.layer + call)
    rows = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "output": _shape(layer.output_shape),
            "parameters": f"{layer.parameters:,}",
            "multiply-adds": f"{layer.macs:,}",
            "calls": str(layer.calls),
            "ends block of": ", ".join(ends.get(layer.name, [])),
        }
        for layer in layers
    ]
    total = sum(parameter.numel() for parameter in model.parameters())
    sums = {
        "layer": "sum",
        "parameters": f"{total:,}",
        "multiply-adds": f"{sum(layer.macs for layer in layers):,}",
    }
    return [*rows, {header: sums.get(header, "") for header in rows[0]}]


def render(rows: list[Row], *, width: int | None = None) -> str:
    """Rows as a plain text table, at most `width` characters wide (by default as wide as needed)."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in rows[0]:
        table.add_column(header, justify="right" if header in _NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    console = Console(width=width or 400, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines() if line.strip())


def _model_row(name: str) -> Row:
    entry = MODELS[name]
    model = outline_model(ModelParams(name=name), input_shape=entry.input_shape, outputs=entry.outputs)
    return {
        "model": name,
        "input": _shape(entry.input_shape),
        "outputs": str(entry.outputs),
        "parameters": f"{sum(parameter.numel() for parameter in model.parameters()):,}",
        "multiply-adds": f"{sum(layer.macs for layer in list_layers(model, entry.input_shape)):,}",
        "options": ", ".join(f"{option}: {default}" for option, default in entry.options.items()),
        "source": entry.source,
        "ours": entry.ours,
    }


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
