"""Everything for real, on loopback: `make e2e`. The tests of a file build on one another, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.site import Site, in_production


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with in_production(tmp_path_factory.mktemp("production") / "project") as site:
        yield site
