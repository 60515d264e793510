"""What the measure `recos` declares."""

from probecore.measures.base import Answer, AuditStep, Figure, Measure, Resources, Table
from probecore.measures.recos.keys import ARRAYS, KEYS
from probecore.measures.recos.params import RecosParams

FIGURES = [
    Figure(
        name="polarity",
        source="polarity.csv",
        title="Polarity",
        caption="Test accuracy on normal and on reversed images: first-layer filters as trained, negated, without "
        "their mean, and doubled (each filter beside its negative); one mark per network, with its 95 % interval over "
        "images (Wilson); dashed: chance. Untrained networks are the trained ones at epoch 0.",
    ),
    Figure(
        name="confusion",
        source="confusion.csv",
        title="What reversed images are taken for",
        caption="Share of predictions per label on reversed test images, filters as trained, all networks of a "
        "condition together. Rows sum to 1.",
    ),
    Figure(
        name="signs",
        source="layers.csv",
        title="Sign confusion",
        caption="Share of the positive contributions to a layer's outputs that are negative weights times negative "
        "inputs, one mark per network, 95 % interval over images; grey bars: the rate to expect if filters were "
        "moved. 0 wherever the layer before rectifies. The first layer reads pixels: its rate is a constant of the "
        "input's scaling and says nothing of the network.",
    ),
    Figure(
        name="fisher",
        source="layers.csv",
        title="Classes and backgrounds, layer by layer",
        caption="Scatter between groups over scatter within, of all maps of a layer's block, both without their bias: "
        "classes on plain images; classes and backgrounds when the same images lie on unseen backgrounds. One mark "
        "per network, 95 % interval over images; dashed: groups that mean nothing, 0.",
    ),
    Figure(
        name="cascade",
        source="cascade.csv",
        title="On backgrounds",
        caption="Accuracy of the network on plain test images, and on the same images laid on backgrounds; one mark "
        "per network, Wilson interval. Backgrounds are those of the data set (seen: in its training images), or crops "
        "of two photographs that no network has seen.",
    ),
    Figure(
        name="heads",
        source="heads.csv",
        title="One layer against two",
        caption="Accuracy of small heads trained on what the frozen convolutions give for training images on seen "
        "backgrounds: linear ones of one, two and three layers, two rectified hidden layers (120, 84), and one "
        "rectified hidden layer with as many parameters. Wilson intervals; differences to the one-layer head are in "
        "the table.",
    ),
    Figure(
        name="positions",
        source="positions.csv",
        title="Where anchors differ",
        caption="Variance over the anchors of the first dense layer at each place of the maps it reads, mean over "
        "channels, divided by the mean over places; mean over networks, intervals over anchors in the table. 1: as "
        "much as anywhere.",
    ),
    Figure(
        name="anchors",
        source="filters.csv",
        title="What anchors are like",
        caption="Shares of a layer's filters by norm, by how much of the filter is its mean (DC share), and by the "
        "share of test patches to which its anchor is nearest; below, shares of pairs of anchors by their angle "
        "(angles.csv). Networks of a condition together; of deep networks six layers.",
    ),
    Figure(
        name="mean_anchor",
        source="layers.csv",
        title="Without the mean anchor",
        caption="Change of test accuracy when the filters of one layer lose their mean, one mark per network, 95 % "
        "interval over images.",
    ),
    Figure(
        name="angles",
        source="angles.csv",
        title="How near patches are to anchors",
        caption="Angles between test patches, mean-free and of unit length, and the nearest of a layer's anchors, of "
        "equally many k-means centres of training patches, and of equally many random directions; trained networks "
        "together, near-flat patches left out.",
    ),
    Figure(
        name="rotation",
        source="layers.csv",
        title="How far anchors turn",
        caption="Mean angle between a layer's anchors and what they were at epoch 0; a line per network.",
    ),
    Figure(
        name="embedding",
        source="embedding.csv",
        title="Anchors in two dimensions",
        caption="Anchor vectors of {network}, unit length, on their first two principal axes, at the first and last "
        "epoch.",
    ),
    Figure(
        name="spectral",
        source="{network}/spectral.h5",
        title="Spectral components",
        caption="Maps of convolutional blocks of {network} after training (of deep networks six of them), averaged "
        "over the test images of each class; the first filters, each scaled to its own range.",
    ),
]

TABLES = [
    Table(
        name="scalings",
        title="The identity under other input scalings",
        caption="Largest absolute difference between logits that the identity says are equal, with filters as "
        "trained and without their mean, and the share of images with equal predictions, when the trained "
        "network is fed with inputs in [-0.5, 0.5] (half), [0, 1] (unit) or standardised ones.",
    ),
    Table(
        name="layers",
        title="Layers",
        caption="Per network, layer and quantity, and what the layer `reads`; intervals "
        "are over images, of `rotation` over anchors. See docs/recos.md.",
    ),
    Table(
        name="families",
        title="Tests by family",
        caption="How many rows of layers.csv, filters.csv and heads.csv (`gain`) have p at most 0.05, before and after "
        "corrections; a family is a quantity of the experiment in one of the tables, all networks, layers and filters.",
    ),
    Table(
        name="heads",
        title="Heads",
        caption="`gain`: accuracy minus that of the one-layer head on the same images, 95 % interval for matched "
        "pairs, p from the exact sign test.",
    ),
    Table(
        name="filters",
        title="Filters",
        caption="Per filter and quantity, first and last checkpoint; intervals over images, p against the null named "
        "in docs/recos.md.",
    ),
]

AUDITS = [
    AuditStep(
        name="polarity",
        reports="test accuracy on reversed images",
        published="images 255 - p, scaled as in training",
        corrected="reversed images standardised by their own mean, by channel",
        nothing="the same networks before training",
        source="USC EE569 homework 5 (Kuo): trained LeNet-5 on negatives; the paper's table is not in it",
    ),
    AuditStep(
        name="both polarities",
        reports="test accuracy on reversed images, trained on both polarities",
        published="trained and tested on images and on 255 - p, scaled alike",
        corrected="trained and tested on images and on their reversals around the mean, by channel",
        nothing="the same networks, trained on images as they are",
        source="USC EE569 homework 5 (Kuo), whose reports elsewhere give .984 and .9895",
    ),
]

RECONSTRUCTION = (
    "The paper's tables are not available to us. Ours are the 2×2 design of polarity and the repaired filters in it, "
    "the sign-confusion rate, the densities and what they are compared with, the Fisher ratios, the composites' "
    "backgrounds, the heads, and every interval and null. The identities hold by algebra: net(W, x) = net(-W, -x), "
    "and linear layers in a row are one."
)

MEASURE = Measure(
    name="recos",
    title="RECOS",
    about="rectified correlations on a sphere (Kuo 2016)",
    section=RecosParams,
    keys=KEYS,
    quantities={
        "norm": "norm of its weights",
        "dc_share": "share of the energy of its weights that is in their mean",
        "density": "share of patches within 60° of it",
        "occupancy": "share of patches to which it is the nearest",
        "rotation": "degrees by which training has rotated it",
        "sign_confusion": "share of its positive products of weight and input that two negatives make",
        "accuracy_change_normal": "change of accuracy on images when it alone is negated",
        "accuracy_change_reversed": "change of accuracy on reversed images when it alone is negated",
        "fisher_class": "Fisher ratio of its response between classes, 0 for none",
        "fisher_class_seen": "the same, on backgrounds seen in training",
        "fisher_class_unseen": "the same, on backgrounds never seen",
        "fisher_background_seen": "Fisher ratio of its response between backgrounds seen in training",
        "fisher_background_unseen": "the same, between backgrounds never seen",
    },
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    answer=Answer(
        says="test accuracy on reversed images, for which no filter was turned",
        table="polarity",
        where={"filters": "plain", "images": "reversed"},
        column="accuracy",
    ),
    resources=Resources(memory=4_000, minutes=60),
    arrays=ARRAYS,
    gathered=["families"],
    audits=AUDITS,
    text=["filters", "images", "scaling"],
)
