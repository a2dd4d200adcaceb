"""Everything for real, on loopback: `make e2e`. The tests of a file build on one another, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtl.services.marked import marked
from tests.e2e.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project with its services up and its deployments made; afterwards nothing of it runs any more."""
    site = Site(tmp_path_factory.mktemp("production") / "project")
    said = site.mtl("up", "--detach")
    assert f"http://127.0.0.1:{site.prefect_port}" in said
    try:
        yield site
    finally:
        site.mtl("down")
        left = marked(site.root)
        assert not left, f"left running: {[one.cmdline() for one in left]}"
