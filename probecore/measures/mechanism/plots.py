"""The figures of `mechanism`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.mechanism.figures import draw_depth, draw_matrices, draw_sizes, draw_sweep
from probecore.measures.mechanism.figures_importance import draw_importance, draw_pruning, draw_quality

PLOTS = {
    "depth": Drawing(draw_depth, ("layers",)),
    "matrices": Drawing(draw_matrices, ("examples",)),
    "sizes": Drawing(draw_sizes, ("sizes",)),
    "sweep": Drawing(draw_sweep, ("sweep",)),
    "importance": Drawing(draw_importance, ("importance",)),
    "quality": Drawing(draw_quality, ("filters",)),
    "pruning": Drawing(draw_pruning, ("pruning",), without="no network was pruned"),
}
