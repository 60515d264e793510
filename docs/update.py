"""Write the demo's numbers and figures into README and docs: `python docs/update.py`, after `make demo`.

Between ``<!-- numbers: NAME -->`` and ``<!-- /numbers -->`` stands what `TABLES` makes of `results/metrics.json`;
`tests/test_documents.py` compares. Figures in `docs/figures/` are copies of the study's.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXPERIMENT = "lenet5"
CONDITIONS = {"trained": "trained", "shuffled": "shuffled labels", "untrained": "untrained"}
FIGURES = {
    "learning_curves": "train/lenet5/learning_curves",
    "polarity": "recos/lenet5/polarity",
    "mechanism_depth": "mechanism/lenet5/depth",
    "mean_dimension": "mean_dimension/lenet5/outputs",
    "companions": "mean_dimension/lenet5/companions",
}
"""Name in `docs/figures/` → figure of the study."""

Numbers = Mapping[str, Mapping[str, float | None]]
"""Step → headline name → number, of one experiment."""

Row = tuple[str, str, str, str]
"""What the row says, the step, its headline with `{}` for the condition, and how a number is written."""

PERCENT, TWO = "{:.1%}", "{:.2f}"

ACCURACIES: list[Row] = [
    ("train accuracy", "train", "train_accuracy.{}", PERCENT),
    ("test accuracy", "train", "test_accuracy.{}", PERCENT),
    ("reversed images", "recos", "accuracy.{}.plain_filters.reversed_images", PERCENT),
    ("negated filters, reversed images", "recos", "accuracy.{}.negated_filters.reversed_images", PERCENT),
]
MEASURES: list[Row] = [
    ("ANOVA: R² of weights on features of test images, conv1", "anova", "r2.{}.conv1", TWO),
    ("the same, conv2", "anova", "r2.{}.conv2", TWO),
    ("mutual information: I(T;Y) per unit, bits", "mutual_information", "label_information_per_unit.{}", TWO),
    ("mechanism: accuracy of a linear head on conv1", "mechanism", "accuracy.{}.conv1", PERCENT),
    ("the same, fc2", "mechanism", "accuracy.{}.fc2", PERCENT),
    ("mean dimension of the logits, principal components", "mean_dimension", "{}.pca", TWO),
    ("the same where components are independent", "mean_dimension", "{}.pca.independent_margins", TWO),
    ("held-out R² of an additive fit to the logits", "mean_dimension", "{}.pca.r2_additive", TWO),
    ("held-out R² of a fit that is not additive", "mean_dimension", "{}.pca.r2_non_additive", TWO),
]


def table(rows: list[Row], numbers: Numbers) -> str:
    """A Markdown table with a column for each condition."""
    lines = [f"| | {' | '.join(CONDITIONS.values())} |", "|---" * (1 + len(CONDITIONS)) + "|"]
    for text, step, headline, written in rows:
        values = [numbers[step].get(headline.format(condition)) for condition in CONDITIONS]
        cells = ["" if value is None else written.format(value) for value in values]
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES: dict[str, Callable[[Numbers], str]] = {
    "accuracies": lambda numbers: table(ACCURACIES, numbers),
    "measures": lambda numbers: table(MEASURES, numbers),
}


def updated(text: str, metrics: Mapping[str, Any]) -> str:
    """The document with every block of numbers written anew."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{TABLES[found[2]](metrics[EXPERIMENT])}\n{found[3]}"

    return re.sub(r"(<!-- numbers: (\w+) -->).*?(<!-- /numbers -->)", block, text, flags=re.DOTALL)


def main() -> None:
    """Write all documents and figures anew."""
    metrics = json.loads((ROOT / "results/metrics.json").read_text(encoding="utf-8"))
    for path in documents():
        path.write_text(updated(path.read_text(encoding="utf-8"), metrics), encoding="utf-8")
    for name, figure in FIGURES.items():
        shutil.copyfile(ROOT / f"results/{figure}.png", ROOT / f"docs/figures/{EXPERIMENT}_{name}.png")


def documents() -> list[Path]:
    """README and the pages of docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


if __name__ == "__main__":
    main()
