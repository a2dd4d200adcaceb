from __future__ import annotations

from pathlib import Path

import pytest

from mtl.errors import SpecError
from mtl.services.places import Places, workspace_id
from mtl.services.programs import servers, workers
from mtl.spec import Server, Services

PASSWORD = "postgresql://mtl:secret@db/prefect"


def test_without_a_store_both_databases_are_files_of_the_project(tmp_path: Path) -> None:
    places = Places(tmp_path, Services())
    assert places.prefect_store == f"sqlite+aiosqlite:///{tmp_path}/.mtl/services/prefect/prefect.db"
    assert places.mlflow_store == f"sqlite:///{tmp_path}/mlflow.db"  # the very file that `mtl run` uses without a server


def test_a_postgresql_url_gets_the_driver_that_each_server_is_written_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_STORE", PASSWORD)
    services = Services(prefect=Server(port=4200, store=PASSWORD), mlflow=Server(port=5000, store="env:MLFLOW_STORE"))
    places = Places(tmp_path, services)
    assert places.prefect_store == PASSWORD.replace("postgresql:", "postgresql+asyncpg:")
    assert places.mlflow_store == PASSWORD.replace("postgresql:", "postgresql+psycopg:")
    monkeypatch.delenv("MLFLOW_STORE")
    with pytest.raises(SpecError, match="MLFLOW_STORE"):
        _ = places.mlflow_store


def test_no_command_line_shows_a_password(tmp_path: Path) -> None:
    services = Services(prefect=Server(port=4200, store=PASSWORD), mlflow=Server(port=5000, store=PASSWORD))
    places = Places(tmp_path, services)
    for program in [*servers(places), *workers(places)]:
        assert "secret" not in " ".join(program.command)


def test_workers_are_told_apart_by_pool_and_folder(tmp_path: Path) -> None:
    places = Places(tmp_path, Services(pools={"cpu": 3, "gpu": 1}))
    names = [program.command[program.command.index("--name") + 1] for program in workers(places)]
    assert len(set(names)) == 2
    assert all(name.endswith(workspace_id(tmp_path)) for name in names)
    assert workspace_id(tmp_path) != workspace_id(tmp_path / "other")
    assert not set("/%&><") & set("".join(names))  # Prefect refuses these
