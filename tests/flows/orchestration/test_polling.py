"""SQL sources are asked first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mtl.orchestration.polling import poll, sql_sources

PARAMS = """
name: polled
entities: {person: {key: id}}
sources:
  people: {path: people.csv}
  visits: {path: visits.state.json, url: "sqlite:///visits.db", query: "SELECT id, ill, at FROM visits", watermark: at}
inputs: {facts: {source: people, columns: {age: {}}}}
tasks: {ill: {source: visits, column: ill, kind: binary}}
encoding: {}
model: {}
training: {}
evaluation: {}
gate: {}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    add(tmp_path, "CREATE TABLE visits (id INTEGER, ill INTEGER, at TEXT)", "INSERT INTO visits VALUES (1, 0, '2026-01-01')")
    return tmp_path


def add(root: Path, *statements: str) -> None:
    connection = sqlite3.connect(root / "visits.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_only_queries_are_asked(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert sql_sources(workspace) == ["visits"]
    assert sql_sources(tmp_path_factory.mktemp("empty")) == []


def test_new_rows_change_what_dvc_watches_and_nothing_new_does_not(workspace: Path) -> None:
    assert poll(workspace, "visits").what == "ran"
    before = (workspace / "visits.state.json").read_bytes()
    assert poll(workspace, "visits").what == "unchanged"
    assert (workspace / "visits.state.json").read_bytes() == before
    add(workspace, "INSERT INTO visits VALUES (2, 1, '2026-01-02')")
    assert poll(workspace, "visits").what == "ran"
    assert (workspace / "visits.state.json").read_bytes() != before


def test_a_server_that_is_not_there_is_an_outcome(workspace: Path) -> None:
    (workspace / "params.yaml").write_text(PARAMS.replace("sqlite:///visits.db", "sqlite:////nowhere/visits.db"))
    outcome = poll(workspace, "visits")
    assert (outcome.what, outcome.exit_code) == ("failed", 1)
    assert outcome.message
