"""What the measure `anova` declares."""

from probecore.measures.anova.keys import ALPHA, KEYS, PUBLISHED_TEXT
from probecore.measures.anova.params import AnovaParams
from probecore.measures.base import Answer, AuditStep, Figure, LayerTable, Measure, Profile, Resources, Table

FIGURES = [
    Figure(
        name="relations",
        source="relations.csv",
        title="How much of the weights the features explain",
        caption="R² of weights on activation-weighted patches by layer and relation (R1 training images, R2 test "
        "images, R3 their difference), one mark per network with its 95 % interval over filters; grey bands: mean R² "
        "when filters are permuted.",
    ),
    Figure(
        name="epochs",
        source="relations.csv",
        title="Over training",
        caption="R² of R2 by epoch, one line per network; epoch 0 is the untrained network.",
    ),
    Figure(
        name="dilations",
        source="relations.csv",
        title="Layers and probe dilations",
        caption="Mean R² after training by layer and probe dilation, with the largest p over networks when filters are "
        "permuted, after Holm.",
    ),
    Figure(
        name="pairs",
        source="pairs.csv",
        title="Weights against excitations",
        caption="Pairs of {network} (thinned to 500 per layer), the line of the regression, and its "
        "95 % interval for the mean, as if pairs were independent.",
    ),
    Figure(
        name="kernels",
        source="kernels.csv",
        title="Filters and what excites them",
        caption="Kernel (top) and activation-weighted patch of test images (bottom) of the first layer's filters of "
        "{network}, means over input channels, with their correlation.",
    ),
    Figure(
        name="permutations",
        source="permutations.csv",
        title="Under permutation",
        caption="Distribution of R² (R2) of {network} when filters are permuted or kernels (taps) moved; vertical "
        "line: observed.",
    ),
    Figure(
        name="residuals",
        source="pairs.csv",
        title="Residuals",
        caption="Residuals of R2's line for {network} against fitted values, and their normal Q–Q plot, by layer.",
    ),
]

TABLES = [
    Table(
        name="verdicts",
        title="The claim against each null",
        caption="How far R² lies above each null: mean over networks with interval, and one test over them, after Holm "
        "over layers and relations. Undecided: fewer than three networks; a single network is judged by its own "
        "permutations. Reconstruction.",
    ),
    Table(
        name="relations",
        title="All regressions",
        caption="Per network, checkpoint, layer, excitation, relation, probe dilation, class and response: R² with "
        "interval, F test, nulls, held-out R², change since epoch 0, reliability of the predictor, p after Holm and "
        "Benjamini–Hochberg.",
    ),
    Table(
        name="one_way",
        title="Binned excitations",
        caption="One-way ANOVA of weights over quantile bins of the excitation, Welch, Kruskal–Wallis, and tests of "
        "what the line assumes.",
    ),
    Table(
        name="two_way",
        title="Excitation by filter and by layer",
        caption="Two-way ANOVA of weights with type II sums of squares.",
    ),
    Table(
        name="ansatz",
        title="The neural feature ansatz",
        caption="Correlation of the entries of WᵀW with those of a power of the average outer product of gradients: "
        "with the published exponent, one over the number of layers (depth) from this one to the output, and with the "
        "best of 1/60 to 2, chosen on one half of the test images and judged, like the published one, on the other. "
        "Whether it holds here is among the remarks. Empty without `gradient_outer_product` in `excitations`.",
    ),
    Table(
        name="expanded",
        title="Feature maps and expanded kernels",
        caption="Share of filters whose mean map matches their expanded kernel, by the constrained test and by the one "
        "that takes pixels for independent; 5 % are expected by chance.",
    ),
    Table(
        name="reported",
        title="What the authors' procedure reports, and of what",
        caption="Shares of cases (network, image set, parameter set) with p ≤ 0.05: one factor with the levels feature "
        "and parameter (two_means), regression by position with its F test, and over all rotations; mean R². By "
        "features (images, shuffled pixels, noise of their histogram, an untrained backbone), entry (plain, or the "
        "authors' grey through a drawn 1x1 convolution), reading (bytes: two weights as one; true) and weights.",
    ),
    Table(
        name="known_by_related",
        title="Known by related",
        caption="Two-way ANOVA of R² by position: images known or not, of the network's own data or of other sets, "
        "of which no image was trained on. Cases share weights, so that p is too small. "
        "Empty without `others` in the data set.",
    ),
    Table(
        name="byte_reading",
        title="What the byte reading does to weights",
        caption="Entries read as float64 against the two float32 weights each is made of: agreement of signs, slope of "
        "log size on the second's, R²; large_share: share above 1e6, by parameter set.",
    ),
    Table(
        name="filters",
        title="Filters",
        caption="Correlation of each filter with its excitation over taps; 95 % interval and p from moved kernels.",
    ),
]

SOURCE = "authors' public code (FW-mathematical-Relationship, 2022); the form of their ANOVA is not in it"

AUDITS = [
    AuditStep(
        name="comparison",
        reports="share of cases with p ≤ 0.05",
        published="one factor with the levels feature and parameter, on the bytes of the file, grey images through a "
        "drawn 1x1 convolution",
        corrected="regression by position on the true weights, images as they are, p over all rotations",
        nothing="noise of the images' histogram, weights permuted within their layers",
        right=ALPHA,
        source=SOURCE,
    ),
    AuditStep(
        name="reading",
        reports="R² of weights on entries",
        published="two float32 weights read as one float64",
        corrected="float32 weights read as float32, which is 1 by construction",
        nothing="weights half the network away",
        right=0.0,
        tolerance=0.01,
        by_construction=True,
        source=SOURCE,
    ),
    AuditStep(
        name="neural feature ansatz",
        reports="correlation of WᵀW with a power of the gradients' outer product, first layer",
        published="the exponent 1/L of L layers, proven for linear ones",
        corrected="the best exponent, chosen on other images",
        nothing="the same networks before training",
        source="arXiv 2309.00570; 2510.15563 for the exponent",
    ),
]

RECONSTRUCTION = (
    "The authors' public code says what their features, parameters and image sets are; with `published` it is run, as "
    'they stand in `published.csv`, and audited. The code does not say what "dilated" means, nor what form their ANOVA '
    "has, and we have not seen their tables. Excitations, models and nulls of all other tables are ours; the claim "
    "(weights are related to the features of test images, R2) is what they test."
)

MEASURE = Measure(
    name="anova",
    title="ANOVA",
    about="do weights follow the features? (Alsaghir et al. 2022)",
    section=AnovaParams,
    keys=KEYS,
    quantities={
        "weight_excitation_r_train": "correlation of the filter's weights with its feature of training images (R1)",
        "weight_excitation_r_test": "correlation of the filter's weights with its feature of test images (R2)",
        "weight_excitation_r_difference": "correlation of the filter's weights with the difference of the two (R3)",
    },
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    profiles=[
        Profile(
            table="kernels",
            by=["row", "column"],
            value="excitation",
            title="What excites it",
            caption="Activation-weighted patch of test images, mean over input channels.",
        )
    ],
    terms={
        "R²": "share of the variance of weights that a regression on features explains; not the relation R2",
        "R1": "the relation of weights to features of training images",
        "R2": "the relation of weights to features of test images, which is what the claim is about",
        "R3": "the relation of weights to the difference of the two features",
    },
    answer=Answer(
        says="R² of the weights of a filter on the features of test images (R2), mean over layers",
        table="relations",
        where={
            "excitation": "activation_weighted_patch",
            "relation": "R2",
            "dilation": 1,
            "class": "all",
            "response": "weights",
        },
        column="r2",
        null="filters_null",
    ),
    layers=LayerTable(name="relations", value="r2", quantity="r2"),
    resources=Resources(memory=4_000, minutes=60),
    gathered=["verdicts", "reported", "known_by_related"],
    text=PUBLISHED_TEXT,
    audits=AUDITS,
)
