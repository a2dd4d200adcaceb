"""A database with a table that grows, for tests of watermarks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from mtl.data.sources import Ingested, Polled, ingest_source, poll_source
from tests.data.sources.conftest import Bench, make_spec

SOURCE = {"path": "state.json", "url": "sqlite:///db.sqlite", "query": "SELECT * FROM t", "watermark": "at"}


class Base:
    """A database beside a bench."""

    def __init__(self, bench: Bench, **source: Any) -> None:
        self.bench, self.source = bench, {**SOURCE, **source}
        self.run("CREATE TABLE t (id, x, at)")

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ((),)) -> None:
        with closing(sqlite3.connect(self.bench.root / "db.sqlite")) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.executemany(statement, rows)

    def add(self, *rows: tuple[Any, ...]) -> None:
        self.run("INSERT INTO t VALUES (?, ?, ?)", rows)

    def poll(self, **more: Any) -> Polled:
        return poll_source(make_spec({**self.source, **more}), "table", self.bench.root)

    def ingest(self, *, keep: bool = True, **more: Any) -> Ingested:
        folder = self.bench.root / "kept" if keep else None
        return ingest_source(make_spec({**self.source, **more}), "table", self.bench.root, self.bench.target, folder)

    def parts(self) -> list[list[Any]]:
        state = json.loads((self.bench.root / "state.json").read_text())
        return [list(part.values()) for part in state["parts"]]
