"""What the measure `mutual_information` declares."""

import math

from probecore.measures.base import Answer, AuditStep, Figure, LayerTable, Measure, Profile, Resources, Table
from probecore.measures.mutual_information.keys import KEYS
from probecore.measures.mutual_information.params import MutualInformationParams

FIGURES = [
    Figure(
        name="plane",
        source="plane.csv",
        title="Information plane",
        caption="One line per layer and network over checkpoints, marks growing with the epoch; dashed: the bound "
        "I(T;Y) = min(I(X;T), H(Y)). Left: pairwise bounds with Gaussian noise, thick: from lower to upper at the "
        "end; middle: each binned vector as one symbol; right: I(T;Y) from a linear probe. An estimate at its "
        "ceiling says that all images are told apart, no more; where the thick bars of two networks overlap along "
        "I(X;T), their order is not known.",
    ),
    Figure(
        name="convergence",
        source="convergence.csv",
        title="Convergence",
        caption="Horizontal plus vertical distance from each layer's place in the plane to the bound, and test "
        "accuracy; one line per network. A distance is a difference of upper estimates at one noise variance; another "
        "may change its order.",
    ),
    Figure(
        name="units",
        source="filters.csv",
        title="What single units know",
        caption="I(T;Y) of every filter and neuron by layer; black: mean under permuted labels. Untrained networks are "
        "the trained ones at epoch 0.",
    ),
    Figure(
        name="classes",
        source="classes.csv",
        title="Which class a unit tells from the rest",
        caption="I(T;1[Y = c]) as a share of its ceiling, of {network}, before and after training; hatched: "
        "constant units.",
    ),
    Figure(
        name="orders",
        source="orders.csv",
        title="MI orders",
        caption="Ranks of units by I(T;Y) over checkpoints, of {network}, coloured by their last rank; below: "
        "Spearman's correlation between successive checkpoints.",
    ),
    Figure(
        name="redundancy",
        source="pairs.csv",
        title="Redundancy",
        caption="Pairs of units of {network}: I(T_i;T_j), and I(T_i;Y) + I(T_j;Y) - I(T_i,T_j;Y), "
        "above 0 (blue) redundant, below (red) synergetic. Units are ordered by clustering. Call a pair "
        "synergetic where `high` is below 0 and `p_adjusted` small.",
    ),
    Figure(
        name="ablation",
        source="ablation.csv",
        title="Removing units by information",
        caption="Test accuracy when units are ablated, the most or the least informative first, or at random; dashed: "
        "after short retraining. Means over networks. One half of the images ranks the units, the other is scored. "
        "Networks of shuffled labels are not retrained.",
    ),
    Figure(
        name="layers",
        source="layers.csv",
        title="Layer to layer",
        caption="Gaussian information between layers (first principal components, with noise), means over networks; "
        "cross: the data-processing order is broken in a network.",
    ),
]

TABLES = [
    Table(
        name="choice",
        title="Choice order",
        caption="Units in the order in which they add most to every single unit chosen before; `adds` is 0 where that, "
        "or what a unit before adds, is within 95 % of what the best of the same units adds under permuted labels.",
    ),
    Table(
        name="contrasts",
        title="What training changes",
        caption="Last checkpoint minus untrained on the same images, by estimator and noise variance, nats, with "
        "paired intervals over images. Where signs differ between noise variances or bounds, the order is not known.",
    ),
    Table(
        name="design",
        title="Networks trained anew",
        caption="Full widths, as many filters as the first units of the choice order that make up most of its gains, "
        "and a uniformly narrowed network of that size.",
    ),
]

AUDITS = [
    AuditStep(
        name="information about the label",
        reports="nats about the label, mean over layers",
        published="each layer's vector in equal bins, every different one a symbol of its own, plug-in",
        corrected="single units by nearest neighbours, mean over the units of each layer",
        nothing="labels permuted",
        right=0.0,
        tolerance=0.01,
        source="Shwartz-Ziv and Tishby 2017 (arXiv 1703.00810); the estimator of Fang et al. is not known to us",
    )
]

RECONSTRUCTION = (
    "The paper's estimator, its random variables and its numbers are not available to us: the "
    "estimators, units as pooled maps, the redundancy measures, the orders and the ablation are ours."
)

MEASURE = Measure(
    name="mutual_information",
    title="Mutual information",
    about="who knows what, and when (Fang et al. 2018)",
    section=MutualInformationParams,
    keys=KEYS,
    quantities={
        "input_information": "nats that the unit holds of its input, at the resolution of the bins; null: untrained",
        "label_information": "nats that the unit knows about the label; null: labels permuted",
    },
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    profiles=[
        Profile(
            table="classes",
            by=["label"],
            value="value",
            title="Which class it tells from the rest",
            caption="Nats that the unit knows about whether an image is of the class.",
        )
    ],
    answer=Answer(
        says="bits that a unit knows about the label, mean over units and layers",
        table="filters",
        where={"quantity": "label_information"},
        unit=math.log(2),
    ),
    layers=LayerTable(quantity="mutual_information"),
    resources=Resources(memory=6_000, minutes=120),
    text=["to_layer"],
    audits=AUDITS,
)
