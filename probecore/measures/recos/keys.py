"""What the job of one network writes: tables beside ``filters.csv``, with what identifies their rows, and arrays."""

KEYS = {
    "polarity": ["filters", "images"],
    "confusion": ["label", "prediction"],
    "scalings": ["scaling"],
    "layers": ["layer", "quantity"],
    "angles": ["layer", "quantity", "degrees"],
    "embedding": ["layer", "vector"],
    "cascade": ["images"],
    "heads": ["head", "images"],
    "positions": ["layer", "row", "column"],
}

ARRAYS = "spectral.h5"

BOTH = "both_polarities"
"""Of ``filters`` in the table `polarity`: a network trained on images and on their reversals."""

BOTH_AROUND_MEAN = "both_polarities_around_mean"
"""The same, where each channel keeps its mean."""

AROUND_MEAN = "reversed around mean"
"""Of ``images`` in the table `polarity`: reversed images that are standardised by their own mean."""
