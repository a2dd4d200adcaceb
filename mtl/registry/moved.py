"""A project's folder that was moved or copied: MLflow stores absolute paths, so they have to follow.

MLflow 3.17 resolves every local artifact location when it is made and offers no way to change it later. Without this,
a copied project would write its models into the folder that it was copied from.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of every path of an artifact in MLflow's database."""


def follow_move(database: Path, experiment: str, here: Path) -> bool:
    """Let all paths below the experiment's old folder point into `here`; whether there was anything to do."""
    if not database.is_file():
        return False
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        before = _location(connection, experiment)
        if before is None or before == str(here) or Path(before).name != here.name:
            return False
        was, now = (str(Path(path).parent) + "/" for path in (before, str(here)))
        for table, column in LOCATIONS:
            if column in _columns(connection, table):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (now, len(was) + 1, len(was), was),
                )
    return True


def _location(connection: sqlite3.Connection, experiment: str) -> str | None:
    if "artifact_location" not in _columns(connection, "experiments"):
        return None
    row = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
    return None if row is None else str(row[0])


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
