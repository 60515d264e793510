"""The tables of the step beside ``filters.csv``, and what identifies their rows."""

KEYS = {
    "relations": ["layer", "excitation", "relation", "dilation", "class", "response"],
    "expanded": ["layer", "relation"],
    "one_way": ["layer", "relation"],
    "two_way": ["design", "layer", "relation", "term"],
    "pairs": ["layer", "filter", "tap"],
    "kernels": ["layer", "filter", "row", "column"],
    "permutations": ["layer", "permuted", "bin"],
}

MAIN = "activation_weighted_patch"
"""The excitation that verdicts and most figures are about."""

ALPHA = 0.05
"""Level at which a filter counts as significant."""
