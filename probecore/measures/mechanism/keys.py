"""What the job of one network writes: tables beside ``filters.csv``, with what identifies their rows, and arrays."""

KEYS = {
    "layers": ["layer", "quantity"],
    "sweep": ["layer", "quantity", "threshold"],
    "sizes": ["layer", "labels"],
    "label_order": ["layer", "rule"],
    "examples": ["layer", "filter", "label", "output"],
    "importance": ["layer", "quantity", "importance"],
    "pruning": ["method", "threshold", "retrained"],
    "connections": ["threshold", "layer"],
}

ARRAYS = "fields.h5"
