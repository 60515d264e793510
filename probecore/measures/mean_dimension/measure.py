"""What the measure `mean_dimension` declares."""

from probecore.measures.base import Answer, AuditStep, Figure, LayerTable, Measure, Resources, Table
from probecore.measures.mean_dimension.keys import ARRAYS, KEYS
from probecore.measures.mean_dimension.params import MeanDimensionParams

FIGURES = [
    Figure(
        name="outputs",
        source="outputs.csv",
        title="Mean dimension over training",
        caption="Mean dimension of the logits (or outputs), trace over outputs, by epoch; one line per network with "
        "its 95 % interval over test points (studentised bootstrap over blocks of pairs). Epoch 0 is the untrained "
        "network. Dashed: 1, what every linear network has in principal components; below it coordinates depend on "
        "each other, and nothing follows about additivity.",
    ),
    Figure(
        name="companions",
        source="companions.csv",
        title="What is below 1, and why",
        caption="Left: mean dimension of the logits (or outputs) on the given points, within classes, with the same "
        "coordinates made independent, of the best linear function on the given points, and, in pixels, on images of "
        "pixels that are black or white at random. With independent "
        "coordinates every function has 1 (dashed) or more, and additive ones exactly 1. Right: R² of a linear, an "
        "additive and a non-additive function, fitted to test images other than those that judge. After training and, "
        "grey, before; one mark per network with its 95 % interval over images.",
    ),
    Figure(
        name="layers",
        source="layers.csv",
        title="Layer by layer",
        caption="Mean dimension of what each layer gives (open) and of what its activation gives (filled), trace over "
        "nodes, after training and, grey, before; one mark per network.",
    ),
    Figure(
        name="heatmaps",
        source="heatmaps.csv",
        title="Where exchanging pixels moves the logits",
        caption="Generalised total indices of the logits in pixels, over the test points of each class and over all, "
        "at three checkpoints of {network}; sums over channels, each panel on a scale of its own.",
    ),
    Figure(
        name="deletion",
        source="deletion.csv",
        title="Do the indices name what the network needs?",
        caption="Test accuracy when the share of pixels that an order puts first is replaced by the mean training "
        "image; orders by class, from other images than those shown. Mean over trained networks, each a thin "
        "line; the lower the curve, the better the order.",
    ),
]

TABLES = [
    Table(
        name="outputs",
        title="Outputs",
        caption="Mean dimension of logits, softmax and NLL (label of the base point), or of a regression's output, by "
        "checkpoint and basis: value, 95 % interval, points that make up the value (effective), the value of the "
        "untrained network (null) and the change since with its paired interval, the same with Var(Δ)/2 (the authors' "
        "variant), spread over shuffles, constant outputs, coordinates and, per pair, those exchanged (features),"
        " evaluations.",
    ),
    Table(
        name="companions",
        title="What stands beside the outputs' mean dimension",
        caption="Of the logits or outputs, trace, at the first and last checkpoint: given_points, as in outputs.csv; "
        "independent_margins, with each coordinate permuted over the points; within_classes, donors and variance "
        "within classes; boolean, over images of pixels that are black or white at random; linear_surrogate, of the "
        "best linear function; linear_surrogate_published, of the same in the "
        "authors' coordinates; r2_linear, r2_additive, r2_non_additive: R² at "
        "the base points of functions fitted to other test images; r2_gain, non-additive less additive.",
    ),
    Table(name="units", title="Single outputs", caption="The same for each logit and each softmax output."),
    Table(
        name="layers",
        title="Layers",
        caption="Trace over nodes, mean over nodes that vary (node_mean), and how many do not (dead).",
    ),
    Table(
        name="heatmaps",
        title="Heatmaps",
        caption="Sum of the total indices by class (-1: all), and the share of their variance over pixels that is not "
        "noise (reliability). The maps and their standard errors are in heatmaps.h5 of each network; there are no "
        "intervals, for squared changes of single pixels are so skewed that ± 1.96 errors held the truth in 33 to 93 % "
        "of simulations.",
    ),
    Table(name="deletion", title="Deletion curves", caption="Accuracy, 95 % interval over images (Wilson)."),
    Table(
        name="filters",
        title="Filters",
        caption="Mean dimension of each filter or neuron, trace over its positions; null: the same before training; "
        "mean_dimension_*_change: the difference, with its paired interval.",
    ),
]

AUDITS = [
    AuditStep(
        name="inverse PCA",
        reports="mean dimension",
        published="components of raw inputs, applied to standardised ones, as the authors' inverse-PCA layer does",
        corrected="components and coordinates of the same centred inputs",
        nothing="the best linear function of the inputs, in place of the network",
        right=1.0,
        tolerance=0.001,
        source="authors' public code, its inverse-PCA layer",
    )
]

RECONSTRUCTION = (
    "The paper's tables are not available to us; its authors' public code is. Ours: E[Δ²]/2 in "
    "place of Var(Δ)/2 (theirs stands beside it as variance_form), principal components of the training inputs, "
    "centred only, the trace over outputs, filters and units, intervals, drawing coordinates without bias, "
    "deletion curves."
)

MEASURE = Measure(
    name="mean_dimension",
    title="Mean dimension",
    about="how much the inputs interact (Hahn et al. 2022)",
    section=MeanDimensionParams,
    keys=KEYS,
    quantities={
        "mean_dimension_pca": "average number of principal components that act together on it",
        "mean_dimension_pixels": "average number of pixels that act together on it",
        "mean_dimension_pca_change": "its mean dimension in principal components less that before training",
        "mean_dimension_pixels_change": "its mean dimension in pixels less that before training",
    },
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    answer=Answer(
        says="mean dimension of the outputs in principal components that vary independently",
        table="companions",
        where={"basis": "pca", "quantity": "independent_margins"},
        null=None,
    ),
    layers=LayerTable(quantity="mean_dimension"),
    resources=Resources(memory=6_000, minutes=240),
    arrays=ARRAYS,
    audits=AUDITS,
)
