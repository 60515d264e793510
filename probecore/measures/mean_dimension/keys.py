"""What the job of one network writes: tables beside ``filters.csv``, with what identifies their rows, and arrays."""

KEYS = {
    "outputs": ["basis", "output"],
    "units": ["basis", "output", "unit"],
    "companions": ["basis", "quantity"],
    "layers": ["basis", "layer", "site"],
    "heatmaps": ["output", "class"],
    "deletion": ["order", "fraction"],
}

ARRAYS = "heatmaps.h5"
