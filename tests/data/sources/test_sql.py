"""SQL from SQLite: order, types, state, and every way it can fail."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from mtl.data.sources import ingest_source, poll_source, read_header
from mtl.data.sources.sql_types import convert
from mtl.errors import DataError, SpecError
from mtl.spec import Spec

ROWS = [(3, 1.5, None, "a", b"\x01"), (1, 2, "q", "50% of :x", None), (2, None, 7, None, None)]


@pytest.fixture
def database(bench: Any) -> Any:
    with sqlite3.connect(bench.root / "db.sqlite") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, x REAL, n, s TEXT, b BLOB)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", ROWS)
    connection.close()
    return bench


def spec(bench: Any, query: str = "SELECT * FROM t", url: str = "sqlite:///db.sqlite", **more: Any) -> Spec:
    found: Spec = bench.spec(path="state/t.json", url=url, query=query, **more)
    return found


def ingest(bench: Any, *args: Any, **more: Any) -> pl.DataFrame:
    ingest_source(spec(bench, *args, **more), "table", bench.root, bench.target)
    frame: pl.DataFrame = bench.frame()
    return frame


def test_rows_come_by_key_with_their_types(database: Any) -> None:
    frame = ingest(database, "SELECT * FROM t WHERE s IS NULL OR s LIKE '%a%' OR s != ':x' -- a comment;")
    assert frame["id"].to_list() == [1, 2, 3]
    assert frame.schema == {"id": pl.Int64, "x": pl.Float64, "n": pl.String, "s": pl.String, "b": pl.Binary}
    assert frame["n"].to_list() == ["q", "7", None]


def test_the_order_of_insertion_changes_no_byte(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.data.sources.sql.CHUNK_ROWS", 7)
    rows = [(i, i % 5, f"{i % 3}") for i in range(500)]
    contents = []
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        with sqlite3.connect(database.root / "db.sqlite") as connection:
            connection.execute("DROP TABLE IF EXISTS u")
            connection.execute("CREATE TABLE u (id INTEGER, x INTEGER, t TEXT)")
            connection.executemany("INSERT INTO u VALUES (?, ?, ?)", rows)
        connection.close()
        ingest(database, "SELECT * FROM u")
        latest = ingest(database, "SELECT x AS id, id % 3 AS x, t FROM u", repeats="latest", latest_by="t")
        assert latest.height == 5
        contents.append(database.content())
    assert contents[0] == contents[1]


def test_the_header_is_asked_without_reading(database: Any) -> None:
    assert read_header(spec(database, "SELECT id, x AS \"odd 'name'\" FROM t;"), "table", database.root) == ["id", "odd 'name'"]


def test_poll_writes_only_what_changed(database: Any) -> None:
    source = spec(database, watermark="id")
    path = database.root / "state/t.json"
    first = poll_source(source, "table", database.root)
    assert (first.changed, first.rows, first.watermark) == (True, 3, 3)
    state = json.loads(path.read_text())
    assert (state["rows"], state["watermark"], state["parts"]) == (3, 3, [{"after": None, "upto": 3, "rows": 3}])
    before = path.stat()
    assert poll_source(source, "table", database.root).changed is False
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    with sqlite3.connect(database.root / "db.sqlite") as connection:
        connection.execute("INSERT INTO t (id) VALUES (9)")
    connection.close()
    again = poll_source(source, "table", database.root)
    assert (again.changed, again.rows, again.watermark) == (True, 4, 9)
    poll_source(spec(database), "table", database.root)
    assert json.loads(path.read_text()) == {"rows": 4, "watermark": None}


def test_poll_of_a_file_has_nothing_to_ask(bench: Any) -> None:
    assert poll_source(bench.spec(path="t.csv"), "table", bench.root).changed is False


FAILURES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "syntax": ({"query": "SELEC 1"}, ["query failed at db.sqlite", "syntax error"]),
    "no table": ({"query": "SELECT * FROM nowhere"}, ["no such table: nowhere"]),
    "no key": ({"query": "SELECT id AS Id FROM t"}, ["no key column 'id'", "nearest is 'Id'"]),
    "no watermark": ({"watermark": "idd"}, ["no column 'idd'", "nearest is 'id'"]),
    "no rows": ({"query": "SELECT * FROM t WHERE 0"}, ["without rows"]),
    "null key": ({"query": "SELECT NULL AS id UNION SELECT 1"}, ["row 1 (ordered by id)", "no key"]),
    "doubled key": ({"query": "SELECT 7 AS id UNION ALL SELECT 5 UNION ALL SELECT 7"}, ["id = '7' stands twice", "row 2", "row 3"]),
    "no file": ({"url": "sqlite:///db.sqlit"}, ["no database file db.sqlit", "db.sqlite"]),
    "no variable": ({"url": "env:MTL_TEST_NO_SUCH"}, ["'MTL_TEST_NO_SUCH' is not set", "export"]),
    "no server": ({"url": "postgresql://u:s3cret@127.0.0.1:1/d"}, ["127.0.0.1:1/d", "no connection"]),
    "writes": ({"query": "DELETE FROM t RETURNING id"}, ["query failed"]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_are_named(name: str, database: Any) -> None:
    change, words = FAILURES[name]
    source = spec(database, **change)
    with pytest.raises(DataError) as error:
        (poll_source(source, "table", database.root) if "watermark" in change else ingest(database, **change))
    assert not [word for word in words if word not in str(error.value)], str(error.value)
    assert "s3cret" not in str(error.value)
    assert not database.target.exists()


def test_values_that_change_their_kind_are_named() -> None:
    with pytest.raises(DataError, match=r"the column 'a' has changed its type[^\0]*Int64[^\0]*int and str"):
        convert([(1,), ("x",)], pl.Schema({"a": pl.Int64()}))


def test_a_path_with_odd_characters_is_found(database: Any) -> None:
    (database.root / "db.sqlite").rename(database.root / "my 100% #db.sqlite")
    assert ingest(database, "SELECT id FROM t", url="sqlite:///my 100% #db.sqlite").height == 3


@pytest.mark.parametrize("url", ["oracle://u:s3cret@h/d", "u:s3cret@h", "postgresql://u:s3cret@h:port/d", "sqlite://"])
def test_urls_that_cannot_be_used(url: str, database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTL_TEST_URL", url)
    with pytest.raises(SpecError) as error:
        ingest(database, url="env:MTL_TEST_URL")
    assert "s3cret" not in str(error.value)


def test_a_file_source_imports_no_database() -> None:
    code = "import sys, mtl.data.sources; print([m for m in ('sqlalchemy', 'psycopg') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
