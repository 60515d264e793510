"""A capsule before a validator that others wrote, of the profiles that it names.

roc-validator is not among the requirements: it brings some forty packages, and fetches RO-Crate's contexts.
"""

import urllib.request
from pathlib import Path

import pytest

from probecore.capsule.crate import CONTEXT

from .support import write_capsule

validator = pytest.importorskip(
    "rocrate_validator.services", reason="roc-validator is not installed; `pip install roc-validator`"
)


@pytest.mark.parametrize("profile", ["workflow-run-crate-0.5", "workflow-ro-crate-1.0", "ro-crate-1.1"])
def test_it_finds_nothing_that_is_required_and_missing(profile: str, tmp_path: Path) -> None:
    try:
        for address in CONTEXT:
            urllib.request.urlopen(address, timeout=20).close()
    except OSError as error:
        pytest.skip(f"RO-Crate's contexts cannot be fetched here: {error}")
    settings = {"rocrate_uri": str(write_capsule(tmp_path / "a.zip")), "profile_identifier": profile}
    found = validator.validate(settings | {"requirement_severity": "REQUIRED"})
    assert [(issue.check.identifier, issue.message) for issue in found.get_issues()] == []
