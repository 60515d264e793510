"""The figures of `mutual_information`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.mutual_information.figures import draw_ablation, draw_convergence, draw_layers, draw_plane
from probecore.measures.mutual_information.figures_units import draw_classes, draw_orders, draw_redundancy, draw_units

PLOTS = {
    "plane": Drawing(draw_plane, ("plane", "convergence")),
    "convergence": Drawing(draw_convergence, ("convergence",)),
    "units": Drawing(draw_units, ("filters", "convergence")),
    "classes": Drawing(draw_classes, ("classes", "convergence")),
    "orders": Drawing(draw_orders, ("filters", "orders", "convergence")),
    "redundancy": Drawing(draw_redundancy, ("pairs", "convergence")),
    "ablation": Drawing(draw_ablation, ("ablation", "convergence")),
    "layers": Drawing(draw_layers, ("layers", "convergence")),
}
