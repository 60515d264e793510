"""Writes ``dvc.yaml``: a short stage for each step, the same bytes in every study that declares claims, or none.

What its stages depend on is what the steps import (`probecore.provenance`) and what their rules read.
"""

from collections.abc import Iterator, Sequence

from probecore.claims.params import FILE, RECORD
from probecore.measures import MEASURES, declaration
from probecore.params import STEPS, section_class
from probecore.provenance import code_units

HEAD = """\
# One stage per step; what a step computes is written in the Snakefile. Every study has this same file, byte for
# byte, where there is no claims.yaml without the stage `claims`: a new experiment or data set is an edit of
# params.yaml alone. The code that a stage depends on is what its step imports. Where jobs run is no business of
# this file: cores and clusters come from profiles. `probecore upgrade` writes it.
stages:
"""

TAIL = """\
# Learning curves and figures of training, for `dvc plots show` and `dvc plots diff`.
plots:
  - results/train:
      x: epoch
      y: test_loss
"""

SNAKEMAKE = "snakemake --snakefile '${home}/Snakefile' --allowed-rules"


def dvc_yaml(*, claims: bool) -> str:
    """Return the content of ``dvc.yaml``, of a study that declares claims or of one that does not."""
    stages = [_dataset(), *map(_step, STEPS), *([_claims()] if claims else []), _report(claims=claims)]
    return HEAD + "".join(f"  {line}\n" for stage in stages for line in stage) + TAIL


def _dataset() -> Iterator[str]:
    yield from ["dataset:", "  foreach: ${datasets}", "  do:"]
    yield f"    cmd: {SNAKEMAKE} dataset -- data/${{key}}.h5"
    yield from _list("    params", ["datasets.${key}"])
    yield from _list("    deps", code_units("dataset"))
    yield from _list("    outs", ["data/${key}.h5"])


def _step(step: str) -> Iterator[str]:
    folder = f"results/{step}/${{key}}"
    yield from [f"{step}:", "  foreach: ${experiments}", "  do:", "    cmd: >-"]
    yield f"      {SNAKEMAKE} {step}_network {step}_summary unwanted"
    yield f"      -- {folder}/summary.json"
    yield from _list("    params", ["numerics", f"experiments.${{key}}.{step}"])
    read = [f"results/{other}/${{key}}" for other in _steps_before(step)]
    yield from _list("    deps", ["data/${item.dataset}.h5", "own", *read, *code_units(step)])
    yield from _list("    outs", [folder])


def _steps_before(step: str) -> list[str]:
    """Steps whose results a step reads."""
    if step == "train":
        return []
    reads_activations = step in MEASURES and section_class(step).reads_activations is not None
    measures = [other for other in MEASURES if not declaration(other).reads_measures]
    reads_measures = step in MEASURES and declaration(step).reads_measures
    return ["train", *(["activations"] if reads_activations else []), *(measures if reads_measures else [])]


def _claims() -> Iterator[str]:
    yield "claims:"
    yield f"  cmd: {SNAKEMAKE} claims -- {RECORD}"
    yield from [*_list("  params", [f"{FILE}:"]), "        - claims"]
    yield from _list("  deps", [*(f"results/{step}" for step in STEPS), *code_units("claims")])
    yield from [*_list("  outs", [f"{RECORD}:"]), "        cache: false", "        persist: true"]


def _report(*, claims: bool) -> Iterator[str]:
    yield "report:"
    yield f"  cmd: {SNAKEMAKE} report -- results/report/index.html"
    yield from _list("  params", ["home", "numerics", "datasets", "experiments"])
    read = [*(f"results/{step}" for step in STEPS), *([str(RECORD)] if claims else [])]
    yield from _list("  deps", ["data", *read, *code_units("report")])
    yield from _list("  outs", ["results/report"])
    yield from [*_list("  metrics", ["results/metrics.json:"]), "        cache: false"]


def _list(key: str, items: Sequence[str]) -> Iterator[str]:
    indent = " " * (len(key) - len(key.lstrip()))
    yield f"{key}:"
    yield from (f"{indent}  - {item}" for item in items)
