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

AROUND_MEAN = "reversed around mean"
"""Of ``images`` in the table `polarity`: reversed images that are standardised by their own mean."""
