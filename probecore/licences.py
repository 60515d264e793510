"""The licences of what runs here: this package, and what it needs, as their own metadata state them."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

UNSTATED = "not stated in its metadata"
LONGEST = 60
"""Characters of a licence's name; longer ones are texts of licences."""


def licences(name: str = "probecore") -> list[tuple[str, str, str]]:
    """List a distribution and all that it needs and is installed, directly or not.

    Returns
    -------
    list of tuple
        Name, version and licence, by name; the distribution itself comes first.
    """
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        wanted = canonicalize_name(waiting.pop())
        if wanted in found:
            continue
        try:
            found[wanted] = distribution(wanted)
        except PackageNotFoundError:  # needed elsewhere: on another system, or by an extra
            continue
        waiting += _needs(found[wanted])
    first = found.pop(canonicalize_name(name))
    return [(each.name, each.version, _licence(each)) for each in (first, *map(found.__getitem__, sorted(found)))]


def _needs(package: Distribution) -> Iterator[str]:
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _licence(package: Distribution) -> str:
    """The SPDX expression, else the classifiers, else the first line of what is written."""
    stated = package.metadata.get_all
    expression = (stated("License-Expression") or [""])[0]
    classifiers = [line.rpartition(" :: ")[2] for line in stated("Classifier") or [] if line.startswith("License ::")]
    written = (stated("License") or [""])[0].strip().partition("\n")[0]
    return expression or ", ".join(classifiers) or (written if 0 < len(written) <= LONGEST else UNSTATED)
