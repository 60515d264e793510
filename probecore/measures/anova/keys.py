"""The tables of the step beside ``filters.csv``, and what identifies their rows."""

KEYS = {
    "relations": ["layer", "excitation", "relation", "dilation", "class", "response"],
    "ansatz": ["layer"],
    "expanded": ["layer", "relation"],
    "one_way": ["layer", "relation"],
    "two_way": ["design", "layer", "relation", "term"],
    "pairs": ["layer", "filter", "tap"],
    "kernels": ["layer", "filter", "row", "column"],
    "permutations": ["layer", "permuted", "bin"],
    "published": ["image_set", "split", "features", "entry", "reading", "weights", "parameter_set"],
    "byte_reading": ["weights", "parameter_set", "quantity"],
}

MAIN = "activation_weighted_patch"
"""The excitation that verdicts and most figures are about."""

ALPHA = 0.05
"""Level at which a filter counts as significant."""

PUBLISHED_TEXT = ["image_set", "features", "entry", "reading", "weights", "parameter_set"]
"""Columns of `published` and `byte_reading` that hold names, some of which look like numbers."""
