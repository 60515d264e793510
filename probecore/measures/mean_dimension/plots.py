"""The figures of `mean_dimension`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.mean_dimension.figures import (
    draw_companions,
    draw_deletion,
    draw_heatmaps,
    draw_layers,
    draw_outputs,
)

PLOTS = {
    "outputs": Drawing(draw_outputs, ("outputs",)),
    "companions": Drawing(draw_companions, ("companions",)),
    "layers": Drawing(draw_layers, ("layers",)),
    "heatmaps": Drawing(draw_heatmaps, ("arrays",)),
    "deletion": Drawing(draw_deletion, ("deletion",)),
}
