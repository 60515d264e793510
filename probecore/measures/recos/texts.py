"""What the report says beside the figures and tables of `recos`."""

from collections.abc import Collection

from probecore.summary import FigureEntry, TableEntry

RECONSTRUCTION = (
    "The paper's tables are not available to us. Ours are the 2×2 design of polarity and the repaired filters in it, "
    "the sign-confusion rate, the densities and what they are compared with, the Fisher ratios, the composites' "
    "backgrounds, the heads, and every interval and null. The identities hold by algebra: net(W, x) = net(-W, -x), "
    "and linear layers in a row are one."
)


def figures(network: str, *, missing: Collection[str]) -> list[FigureEntry]:
    """The figures that have something to show; `network` is the one that is shown alone."""
    entries = [
        ("polarity", "polarity.csv", "Polarity", _POLARITY),
        ("confusion", "confusion.csv", "What reversed images are taken for", _CONFUSION),
        ("signs", "layers.csv", "Sign confusion", _SIGNS),
        ("fisher", "layers.csv", "Classes and backgrounds, layer by layer", _FISHER),
        ("cascade", "cascade.csv", "On backgrounds", _CASCADE),
        ("heads", "heads.csv", "One layer against two", _HEADS),
        ("positions", "positions.csv", "Where anchors differ", _POSITIONS),
        ("anchors", "filters.csv", "What anchors are like", _ANCHORS),
        ("mean_anchor", "layers.csv", "Without the mean anchor", _MEAN_ANCHOR),
        ("angles", "angles.csv", "How near patches are to anchors", _ANGLES),
        ("turned", "layers.csv", "How far anchors turn", _TURNED),
        ("embedding", "embedding.csv", "Anchors in two dimensions", _EMBEDDING.format(network=network)),
        ("spectral", f"{network}/spectral.h5", "Spectral components", _SPECTRAL.format(network=network)),
    ]
    return [
        FigureEntry(file=f"{name}.svg", table=table, title=title, caption=caption)
        for name, table, title, caption in entries
        if name not in missing
    ]


_POLARITY = (
    "Test accuracy on normal and on reversed images: first-layer filters as trained, negated, without their mean, "
    "and doubled (each filter beside its negative); one mark per network, with its 95 % interval over images "
    "(Wilson); dashed: chance. Untrained networks are the trained ones at epoch 0."
)
_CONFUSION = (
    "Share of predictions per label on reversed test images, filters as trained, all networks of a condition "
    "together. Rows sum to 1."
)
_SIGNS = (
    "Share of the positive contributions to a layer's outputs that are negative weights times negative inputs, one "
    "mark per network, 95 % interval over images; grey bars: the rate to expect if filters were moved. 0 wherever the "
    "layer before rectifies. The first layer reads pixels: its rate is a constant of the input's scaling and says "
    "nothing of the network."
)
_FISHER = (
    "Scatter between groups over scatter within, of all maps of a layer's block, both without their bias: classes on "
    "plain images; classes and backgrounds when the same images lie on unseen backgrounds. One mark per network, 95 % "
    "interval over images; dashed: groups that mean nothing, 0."
)
_CASCADE = (
    "Accuracy of the network on plain test images, and on the same images laid on backgrounds; one mark per network, "
    "Wilson interval. Backgrounds are those of the data set (seen: in its training images), or crops of two "
    "photographs that no network has seen."
)
_HEADS = (
    "Accuracy of small heads trained on what the frozen convolutions give for training images on seen backgrounds: "
    "linear ones of one, two and three layers, two rectified hidden layers (120, 84), and one rectified hidden layer "
    "with as many parameters. Wilson intervals; differences to the one-layer head are in the table."
)
_POSITIONS = (
    "Variance over the anchors of the first dense layer at each place of the maps it reads, mean over channels, "
    "divided by the mean over places; mean over networks, intervals over anchors in the table. 1: as much as anywhere."
)
_ANCHORS = (
    "Shares of a layer's filters by norm, by how much of the filter is its mean (DC share), and by the share of test "
    "patches to which its anchor is nearest; below, shares of pairs of anchors by their angle (angles.csv). Networks "
    "of a condition together; of deep networks six layers."
)
_MEAN_ANCHOR = (
    "Change of test accuracy when the filters of one layer lose their mean, one mark per network, 95 % interval over "
    "images."
)
_ANGLES = (
    "Angles between test patches, mean-free and of unit length, and the nearest of a layer's anchors, of equally "
    "many k-means centres of training patches, and of equally many random directions; trained networks together, "
    "near-flat patches left out."
)
_TURNED = "Mean angle between a layer's anchors and what they were at epoch 0; a line per network."
_EMBEDDING = "Anchor vectors of {network}, unit length, on their first two principal axes, at the first and last epoch."
_SPECTRAL = (
    "Maps of convolutional blocks of {network} after training (of deep networks six of them), averaged over the test "
    "images of each class; the first filters, each scaled to its own range."
)

TABLES = [
    TableEntry(
        file="scalings.csv",
        title="The identity under other input scalings",
        caption="Largest absolute difference between logits that the identity says are equal, with filters as "
        "trained and without their mean, and the share of images with equal predictions, when the trained "
        "network is fed with inputs in [-0.5, 0.5] (half), [0, 1] (unit) or standardised ones.",
    ),
    TableEntry(
        file="layers.csv",
        title="Layers",
        caption="Per network, layer and quantity, with the layer's place (`position`) and what it `reads`; intervals "
        "are over images, of `turned` over anchors. See docs/recos.md.",
    ),
    TableEntry(
        file="families.csv",
        title="Tests by family",
        caption="How many rows of layers.csv, filters.csv and heads.csv (`gain`) have p at most 0.05, before and after "
        "corrections; a family is a quantity of the experiment in one of the tables, all networks, layers and filters.",
    ),
    TableEntry(
        file="heads.csv",
        title="Heads",
        caption="`gain`: accuracy minus that of the one-layer head on the same images, 95 % interval for matched "
        "pairs, p from the exact sign test.",
    ),
    TableEntry(
        file="filters.csv",
        title="Filters",
        caption="Per filter and quantity, first and last checkpoint; intervals over images, p against the null named "
        "in docs/recos.md.",
    ),
]
