"""What the measure `mechanism` declares."""

from probecore.measures.base import Answer, AuditStep, Figure, Measure, Profile, Resources, Table
from probecore.measures.mechanism.keys import ARRAYS, KEYS
from probecore.measures.mechanism.params import MechanismParams

FIGURES = [
    Figure(
        name="depth",
        source="layers.csv",
        title="Accuracy and signal by layer",
        caption="Test accuracy of a linear head on each block of the frozen network, and how many filters "
        "have a label on the diagonal of their clipped matrix over how many have a pair of different labels (ours). "
        "One line per network, 95 % intervals over images; dashed: largest class, and permuted labels.",
    ),
    Figure(
        name="matrices",
        source="examples.csv",
        title="What one filter says",
        caption="Field of one filter of {network} on every output by label of the image, over its largest element; "
        "clipped; and with its clusters of labels side by side (outlined). Of each layer the filter with most "
        "clusters on the other half of the test images.",
    ),
    Figure(
        name="sizes",
        source="sizes.csv",
        title="Cluster sizes",
        caption="Share of the clusters of a layer's filters by number of labels, all networks of a condition together.",
    ),
    Figure(
        name="sweep",
        source="sweep.csv",
        title="Other thresholds",
        caption="Signal over background by clipping threshold, mean over networks; dashed: no signal.",
    ),
    Figure(
        name="importance",
        source="importance.csv",
        title="Do qualities tell a filter's importance?",
        caption="Spearman correlation, over a layer's filters, of each quality with the increase of the loss when the "
        "filter is silent. One mark per network after training; intervals, nulls and corrected p in the table.",
    ),
    Figure(
        name="quality",
        source="filters.csv",
        title="Quality and importance",
        caption="Every filter after training: accuracy of the filter alone, and how much the network's loss increases "
        "without it.",
    ),
    Figure(
        name="pruning",
        source="pruning.csv",
        title="Pruning by clusters",
        caption="Test accuracy with only the connections between filters that share a label, by their matrices over "
        "training images, against as many per layer "
        "chosen by magnitude and at random; dashed: unpruned.",
    ),
]

TABLES = [
    Table(
        name="layers",
        title="Layers",
        caption="Every quantity of every layer: 95 % interval over images (Wilson for accuracies; else of what samples "
        "of as many images give, from a bootstrap within labels), null and p (accuracies: largest class, one-sided; "
        "winner_share: 1/K, a vote at random, no p; else: median under permuted labels, two-sided), corrected "
        "within a quantity (Holm; Benjamini and Hochberg). Names ending in _all are means over all filters, their "
        "namesakes over those with a cluster.",
    ),
    Table(
        name="importance",
        title="Qualities against importance",
        caption="Spearman correlations over a layer's filters of qualities on one half of the images with importance "
        "on the other: interval on Fisher's scale from 8 filters on, and permutation p, corrected within each pair of "
        "quality and importance (Holm; Benjamini and Hochberg).",
    ),
    Table(
        name="pruning",
        title="Pruned networks",
        caption="Accuracy (Wilson interval over images) as pruned and retrained; parameters and multiply-adds of the "
        "network without its connectionless filters, and of these the ones that are not zero.",
    ),
    Table(
        name="label_order",
        title="Clusters and the numbers of labels",
        caption="Share of the n filters in a cluster that keep their clusters when labels are numbered anew, mean over "
        "20 numberings: ascending, the authors' rule; strongest_first, labels in the order of the filter's own field.",
    ),
    Table(name="connections", title="Connections kept by clusters", caption="Per layer and threshold."),
    Table(
        name="filters",
        title="Filters",
        caption="Per filter: clusters, labels in them, noise counts, strength, winners, and importance: how much loss "
        "increases (bootstrap-t interval, where enough images carry it) and accuracy drops (interval for matched "
        "pairs) when it is silent. p_bh: corrected within a quantity (Benjamini and Hochberg).",
    ),
]

AUDITS = [
    AuditStep(
        name="order of labels",
        reports="share of filters with the same clusters",
        published="greedy clusters, labels in ascending order of their numbers, as the authors' code has it",
        corrected="the same rule, labels in descending order of the filter's own field on them, which no number "
        "enters: 1 by construction",
        nothing="labels numbered anew, which changes nothing of the network",
        right=1.0,
        tolerance=0.001,
        by_construction=True,
        source="authors' public code",
    )
]

RECONSTRUCTION = (
    "The papers' full texts are not available to us: recipe, matrices, clipping, clusters and noise counts follow the "
    "authors' public code; that heads see standardised features (`heads.features: raw` is theirs), signal, background "
    "and their ratio, winner statistics, importance, intervals and nulls are ours."
)

MEASURE = Measure(
    name="mechanism",
    title="Mechanism",
    about="what each filter says, layer by layer (Tzach et al. 2023)",
    section=MechanismParams,
    keys=KEYS,
    quantities={
        "clusters": "clusters of labels in its clipped matrix",
        "labels": "labels in its clusters (on the diagonal)",
        "noise": "ones of its clipped matrix outside its clusters",
        "column_noise": "of these, in columns of labels in a cluster",
        "row_noise": "of these, in rows of labels in a cluster",
        "single_accuracy": "accuracy of the filter alone, labels alike",
        "strength": "largest element of its matrix",
        "winner_constancy": "share of labels whose most frequent winner is the filter's overall",
        "winner_share": "share of images on which its favourite output wins, the favourite chosen on other images",
        "accuracy_drop": "drop of the network's accuracy without it",
        "loss_increase": "increase of the network's loss without it",
    },
    figures=FIGURES,
    tables=TABLES,
    reconstruction=RECONSTRUCTION,
    profiles=[
        Profile(
            table="examples",
            by=["label", "output"],
            value="field",
            title="Single-filter matrix",
            caption="Rows: label of the images; columns: outputs of the head that this filter alone drives.",
        )
    ],
    importance=["accuracy_drop", "loss_increase"],
    terms={
        "signal": "how many filters say a class when its images are shown, mean over classes",
        "SNR": "signal-to-noise ratio: signal over background, which is the same for all other classes",
        "cluster": "a group of classes that a filter says alike",
    },
    answer=Answer(
        says="test accuracy of a linear head on the last block",
        table="layers",
        where={"quantity": "accuracy"},
        at_end="layer_index",
    ),
    resources=Resources(memory=8_000, minutes=240),
    arrays=ARRAYS,
    audits=AUDITS,
    text=["rule"],
)
