"""Both servers on PostgreSQL: the same verbs, and what they keep lies in the databases that the URLs name."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.sources.conftest import Server, running
from tests.e2e.site import Site

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path is short, and `nobody` may reach it
    with running(folder, extension="pg_trgm") as server:  # Prefect asks for it
        server.run("CREATE DATABASE prefect", "CREATE DATABASE mlflow")
        yield server
    shutil.rmtree(folder)


def test_a_run_and_a_version_are_kept_in_postgresql(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_STORE", database.url(database="prefect"))
    monkeypatch.setenv("MLFLOW_STORE", database.url(database="mlflow"))
    site = Site(tmp_path / "project", {"prefect": "env:PREFECT_STORE", "mlflow": "env:MLFLOW_STORE"})
    site.mtl("up", "--detach")
    try:
        site.mtl("deploy")
        done = site.ended(site.start("retrain/retrain"))
        assert done["state_type"] == "COMPLETED", done["state"]["message"]
        assert site.champion() == "1"
        assert "version 1" in site.mtl("champion")
    finally:
        site.mtl("down")
    assert count(database, "prefect", "flow_run") >= 1
    assert count(database, "mlflow", "model_versions") == 1
    assert not (site.root / "mlflow.db").exists()
    assert "version   1" in site.mtl("history")  # without a server: the database itself is asked


def count(server: Server, database: str, table: str) -> int:
    import psycopg

    with psycopg.connect(server.url(database=database)) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert found is not None
    return int(found[0])
