"""What the step `atlas` declares."""

from probecore.measures.atlas.keys import CHANCE, KEYS, TRUTHS
from probecore.measures.atlas.params import AtlasParams
from probecore.measures.base import Answer, Figure, LayerTable, Measure, Resources, Table

FIGURES = [
    Figure(
        name="agreement",
        source="agreement.csv",
        title="Which quantity knows what a filter is worth?",
        caption="Spearman correlation of each quantity with a truth within network and layer, mean over layers and "
        "over networks of {network}'s condition: full where p, corrected for all quantities, is at most 0.05, else "
        "open; small mark: ranks of activation variance and weight norm taken out of both. Dashed: what a perfect "
        "predictor could expect, either sign, given how far two halves of the images agree about the truth.",
    ),
    Figure(
        name="matrix",
        source="matrix.csv",
        title="Do quantities agree with each other?",
        caption="Spearman correlation of all quantities and truths within network and layer, mean over layers and over "
        "the networks of {network}'s condition; columns are in the order of rows; white: no filters that know both.",
    ),
    Figure(
        name="prediction",
        source="prediction.csv",
        title="Do measures know more than baselines?",
        caption="Spearman correlation within layers of each truth with its prediction from ranks: of baselines, of "
        "baselines and one measure, of all. A mark is a network of {network}'s condition that the predictor has not "
        "seen.",
    ),
]

TABLES = [
    Table(
        name="agreement",
        title="Agreement with truths",
        caption="Per condition, layer (all: over all layers), truth and predictor: mean Spearman correlation over "
        "networks, 95 % interval over networks where there are five; permutation p, and p_max corrected for all "
        "predictors of the layer and truth (max-T; none for interventions); partial: with ranks of activation variance "
        "and weight norm taken out; ceiling: root of the truth's reliability; disattenuated: value over ceiling.",
    ),
    Table(
        name="prediction",
        title="Prediction of truths",
        caption="Per condition, truth, features and network left out: Spearman correlation of ridge prediction and "
        "truth within layers, and the gain on baselines alone.",
    ),
    Table(
        name="stability",
        title="Stability over training",
        caption="Per condition, layer, quantity and checkpoint: Spearman correlation of its ranks there with those at "
        "the last checkpoint, mean over networks, with a 95 % interval over networks where there are five.",
    ),
    Table(
        name="missing",
        title="What is known of how many filters",
        caption="Per layer and quantity: filters at all checkpoints; values; undefined; and why there is no row.",
    ),
    Table(
        name="reliability",
        title="Reliability",
        caption="Per network, layer and quantity of the atlas: split-half reliability of the ranking over images.",
    ),
    Table(
        name="exciting",
        title="What excites filters",
        caption="Per network, layer and filter: the test images on which its map has the largest values, as the data "
        "set counts them, and these values; top, left, bottom, right: the pixels whose change moves it there, 0 where "
        "none does.",
    ),
    Table(
        name="table",
        title="Everything",
        caption="A row per filter and quantity of every measure. experiment/network/epoch/layer/filter is its address.",
    ),
]

REPLACED = {"zero": "is 0", "mean": "is its mean map", "resample": "is that of another image"}

QUANTITIES = {
    "weight_norm_l1": "sum of its absolute weights",
    "weight_norm_l2": "norm of its weights",
    "geometric_median_distance": "sum of distances to the weights of the layer's other filters (FPGM)",
    "bn_gamma": "absolute scale of the batch normalisation that follows",
    "activation_mean": "mean over images of its map's mean",
    "activation_variance": "variance over images of its map's mean",
    "apoz": "average fraction of zeros in its map",
    "hrank": "mean rank of its map as a matrix",
    "taylor": "mean over images of |sum of gradient times map|",
    "gradient_times_activation": "loss increase at 0 to first order",
    "empirical_fisher": "half the mean over images of the square of the sum of gradient times map",
    CHANCE: "a number at random, which knows nothing",
    **{f"{kind}_loss": f"loss increase on training images when its map {what}" for kind, what in REPLACED.items()},
    **{
        f"{kind}_accuracy": f"fall of accuracy on training images when its map {what}"
        for kind, what in REPLACED.items()
    },
    **{f"{kind}_calibration": f"rise of the calibration error when its map {what}" for kind, what in REPLACED.items()},
    "shapley": "what it adds to the loss's fall when the layer's filters come in random order",
    "retrained_loss": "loss increase on training images without it, after short retraining with and without it",
}

RECONSTRUCTION = "The atlas is ours; baselines follow the papers named in docs/atlas.md, on the block's output."

MEASURE = Measure(
    name="atlas",
    title="Atlas",
    about="what all measures say of a filter, and which of them knows what it is worth",
    section=AtlasParams,
    keys=KEYS,
    quantities=QUANTITIES,
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    resources=Resources(memory=8_000, minutes=240),
    answer=Answer(
        says="rank correlation with the loss at zero ablation that all measures add to baselines, in unseen networks",
        table="prediction",
        where={"truth": "zero_loss", "features": "all"},
        column="gain",
        null=None,
    ),
    layers=LayerTable(name="reliability"),
    gathered=("agreement", "matrix", "missing", "prediction", "stability", "table"),
    text=("condition", "features", "first", "measure", "predictor", "second", "truth"),
    importance=[truth for truth in TRUTHS if not truth.endswith("_calibration")],
    reads_measures=True,
)
