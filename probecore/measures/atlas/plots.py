"""The figures of `atlas`, by name, and what each is drawn from."""

from probecore.figures import Drawing
from probecore.measures.atlas.figures import draw_agreement, draw_matrix, draw_prediction

PLOTS = {
    "agreement": Drawing(draw_agreement, ("agreement",)),
    "matrix": Drawing(draw_matrix, ("matrix",)),
    "prediction": Drawing(draw_prediction, ("prediction",), without="one network of each condition predicts no other"),
}
