"""The figures of `recos`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.recos.figures import draw_confusion, draw_polarity, draw_signs
from probecore.measures.recos.figures_cascade import draw_cascade, draw_heads, draw_positions
from probecore.measures.recos.figures_sphere import (
    draw_anchors,
    draw_angles,
    draw_embedding,
    draw_fisher,
    draw_mean_anchor,
    draw_rotation,
    draw_spectral,
)

PLOTS = {
    "polarity": Drawing(draw_polarity, ("polarity",)),
    "confusion": Drawing(draw_confusion, ("confusion",)),
    "signs": Drawing(draw_signs, ("layers",)),
    "anchors": Drawing(draw_anchors, ("filters", "angles", "layers")),
    "mean_anchor": Drawing(draw_mean_anchor, ("layers",)),
    "angles": Drawing(draw_angles, ("angles", "layers")),
    "rotation": Drawing(draw_rotation, ("layers",)),
    "embedding": Drawing(draw_embedding, ("embedding", "layers")),
    "fisher": Drawing(draw_fisher, ("layers",)),
    "spectral": Drawing(draw_spectral, ("arrays", "layers")),
    "cascade": Drawing(draw_cascade, ("cascade",), without="cascade: not wanted"),
    "heads": Drawing(draw_heads, ("heads",), without="heads: not wanted, or no linear layer behind a convolution"),
    "positions": Drawing(draw_positions, ("positions",), without="no linear layer reads maps"),
}
