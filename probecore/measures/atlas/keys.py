"""What the step `atlas` writes, and how it names what is joined."""

KEYS = {"reliability": ["layer", "quantity"], "exciting": ["layer", "filter", "rank"]}
"""Tables of one network beside ``filters.csv``, with what identifies their rows."""

FILTER = ["experiment", "network", "epoch", "layer", "filter"]
"""What identifies a filter: the parts of its address."""

QUANTITY = ["measure", "site", "quantity"]
"""What identifies a quantity among those of all measures."""

OUTCOMES = ("loss", "accuracy", "calibration")

TRUTHS = (
    *(f"{kind}_{outcome}" for kind in ("zero", "mean", "resample") for outcome in OUTCOMES),
    "shapley",
    "retrained_loss",
)
"""What a filter is worth, on training images."""

HEADLINE = "zero_loss"
"""The truth that headlines are about, and that the best predictor predicts."""

LOSSES = ("zero_loss", "mean_loss", "resample_loss", "shapley")
"""Truths that are losses: those that figures show and that are predicted."""

SIZES = ("activation_variance", "weight_norm_l2")
"""Baselines that say how large a filter is; what is left without them is shown beside each agreement."""

INTERVENTIONS = {
    "mechanism": ("loss_increase", "accuracy_drop"),
    "recos": ("accuracy_change_normal", "accuracy_change_reversed"),
}
"""Quantities of measures that change a filter and look at the network's outputs: truths of their own, no predictors."""

OF_TRAINING_IMAGES = {"anova": ("_train", "_difference"), "mechanism": ("",)}
"""Ends of the names of quantities that measures take from training images, or from heads trained on them."""

CHANCE = "random"
"""The baseline that knows nothing."""
