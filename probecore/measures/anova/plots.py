"""The figures of `anova`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.anova.figures import (
    draw_dilations,
    draw_epochs,
    draw_kernels,
    draw_pairs,
    draw_permutations,
    draw_relations,
    draw_residuals,
)

PLOTS = {
    "relations": Drawing(draw_relations, ("relations",)),
    "epochs": Drawing(draw_epochs, ("relations",)),
    "dilations": Drawing(draw_dilations, ("relations",)),
    "pairs": Drawing(draw_pairs, ("pairs",)),
    "kernels": Drawing(draw_kernels, ("kernels",)),
    "permutations": Drawing(draw_permutations, ("permutations",)),
    "residuals": Drawing(draw_residuals, ("pairs",)),
}
