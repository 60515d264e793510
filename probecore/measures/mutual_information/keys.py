"""The tables of the step beside ``filters.csv``, and what identifies their rows."""

KEYS = {
    "plane": ["layer", "estimator", "noise_variance", "quantity"],
    "contrasts": ["layer", "estimator", "noise_variance", "quantity"],
    "convergence": ["layer"],
    "classes": ["layer", "filter", "label"],
    "orders": ["layer", "to_epoch"],
    "pairs": ["layer", "filter", "to_filter"],
    "choice": ["layer", "position"],
    "layers": ["layer", "to_layer"],
    "ablation": ["layer", "order", "draw", "removed", "retrained"],
    "design": ["variant"],
}
