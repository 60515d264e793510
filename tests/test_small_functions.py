"""Bodies and parameter lists stay small; what is larger stands here with its reason."""

import ast
from collections.abc import Iterator

from probecore.provenance import PACKAGE
from tests.conftest import ROOT

LONGEST_BODY = 50
MOST_PARAMETERS = 8

REASONS = {
    "probecore/activations/dump.py:dump_activations": "a dump without a study: what its section of parameters has",
    "probecore/measures/mean_dimension/estimate.py:run": "the loop of all estimators, of functions and of networks",
    "probecore/measures/mean_dimension/network.py:network_mean_dimension": "`mean_dimension` of a network, with labels",
    "probecore/measures/mechanism/replication.py:replicated_estimates": "what a probe has read out, without the probe",
}
"""``module.py:function``, and why it may be larger."""


def functions() -> Iterator[tuple[str, int, int]]:
    """Name, lines of the body without its docstring, and number of parameters, of every function."""
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                yield f"{path.relative_to(ROOT)}:{node.name}", lines, len([a for a in arguments if a.arg != "self"])


def test_functions_are_small_or_have_a_reason() -> None:
    large = {name for name, lines, parameters in functions() if lines > LONGEST_BODY or parameters > MOST_PARAMETERS}
    assert large == set(REASONS)
