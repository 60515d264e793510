"""Each rule that several steps follow has one home. A home is tested beside its tests; here, that it is the only one."""

import re

import pytest

from probecore.measures import MEASURES, declaration
from probecore.provenance import PACKAGE

RULES = {
    # the atlas has logits of many changed networks at once, and asks no network again; lines of pixels are no logits
    "what is predicted": (r"(?<!flat)(?<!lines)(?<!::-1\])\.argmax\((dim=)?1\)", "train/evaluation.py"),
    "means by class": (r"index_add_\(0, (labels|of_)", "statistics/by_class.py"),
    "a unit that is ablated": (r"mask\[.*\] = 0", "models/intervention.py"),
    "equally filled bins": (r"(average_ranks|rankdata)\(.*axis=axis", "statistics/binning.py"),
    "layers by pattern": (r"fnmatchcase", "models/selection.py"),
    "the order of conditions": (r"for name in CONDITIONS|CONDITIONS\.index", "networks.py"),
    "which network stands for all": (r"SHOWN\.index", "networks.py"),
    "the order of layers": (r"sort_values\(\[\"layer_index\"", "measures/tables.py"),
    "the legend": (r"\.legend\(", "figures.py"),
}
"""What only the home says: a pattern of its source, and the module."""

ELSEWHERE = {"fingerprint/primitives.py": "draws a figure to compare processors by, which is no result"}


def homes(pattern: str) -> set[str]:
    """Modules whose source has the pattern."""
    paths = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    return {name for name, source in paths.items() if re.search(pattern, source) and name not in ELSEWHERE}


@pytest.mark.parametrize("rule", RULES)
def test_a_shared_rule_has_one_home(rule: str) -> None:
    pattern, home = RULES[rule]
    assert homes(pattern) == {home}


@pytest.mark.parametrize("measure", MEASURES)
def test_a_caption_of_one_network_names_it(measure: str) -> None:
    vague = re.compile(r"of one network|first trained|of a trained network|one trained network", re.IGNORECASE)
    captions = {figure.name: figure.caption for figure in declaration(measure).figures}
    assert [name for name, caption in captions.items() if vague.search(caption)] == []
    figures = (PACKAGE / "measures" / measure).glob("figures*.py")
    drawn_alone = sum(len(re.findall(r"of_one_network\(", path.read_text())) for path in figures)
    assert sum("{network}" in caption for caption in captions.values()) >= drawn_alone
