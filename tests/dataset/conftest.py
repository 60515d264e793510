"""What the tests of data sets share: a closed world in which no test meets the network."""

from collections.abc import Iterator

import pytest

from .support import Site, serving


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({})) as running:
        yield running
