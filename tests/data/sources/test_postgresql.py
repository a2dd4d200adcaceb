"""SQL from a real PostgreSQL server."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from mtl.data.sources import ingest_source, poll_source, read_header
from mtl.errors import DataError
from mtl.spec import Spec

KINDS = """
CREATE TABLE kinds (id text, i smallint, f real, n numeric(8, 2), b boolean, d date, t timestamp, z timestamptz, u uuid, j jsonb,
                    a int[], y bytea, e interval);
INSERT INTO kinds VALUES
 ('b', 1, 1.5, 2.25, true, '2024-01-31', '2024-01-31 12:00', '2024-01-31 12:00+02', '00000000-0000-0000-0000-000000000001',
  '{"k": [1]}', '{1,2}', '\\x01', '1 day'),
 ('a', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 ('B', 3, 'NaN', 1, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""


@pytest.fixture
def url(postgresql: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MTL_TEST_URL", postgresql.url())
    return "env:MTL_TEST_URL"


def spec(bench: Any, url: str, query: str, **more: Any) -> Spec:
    found: Spec = bench.spec(path="state.json", url=url, query=query, **more)
    return found


def test_types_and_order(bench: Any, url: str, postgresql: Any) -> None:
    postgresql.run("DROP TABLE IF EXISTS kinds", *KINDS.strip().split(";\n"))
    source = spec(bench, url, "SELECT * FROM kinds WHERE id LIKE '%' AND id <> ':x'::text;")
    ingest_source(source, "table", bench.root, bench.target)
    frame = bench.frame()
    assert frame["id"].to_list() == ["B", "a", "b"], "by bytes, whatever the server's language"
    assert frame.row(2) == (
        "b", 1, 1.5, 2.25, True, datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 12),
        datetime.datetime(2024, 1, 31, 10, tzinfo=datetime.UTC), "00000000-0000-0000-0000-000000000001", '{"k": [1]}', "[1, 2]",
        b"\x01", "1 day, 0:00:00",
    )  # fmt: skip
    assert frame.row(1) == ("a", *[None] * 12)
    assert read_header(source, "table", bench.root) == frame.columns


def test_many_rows_through_the_cursor_give_the_same_bytes(bench: Any, url: str, postgresql: Any) -> None:
    postgresql.run("DROP TABLE IF EXISTS many", "CREATE TABLE many (id bigint, x double precision, day date)")
    contents = []
    for order in ("ASC", "DESC"):
        postgresql.run(
            "TRUNCATE many",
            "INSERT INTO many SELECT g, g / 3.0, DATE '2024-01-01' + g::int % 9 "
            f"FROM generate_series(1, 60000) g ORDER BY g {order}",
        )
        done = ingest_source(spec(bench, url, "SELECT * FROM many"), "table", bench.root, bench.target)
        assert done.rows == 60_000
        contents.append(bench.content())
    assert contents[0] == contents[1]
    assert bench.frame()["id"].is_sorted()
    newest = spec(bench, url, "SELECT id % 50 AS id, x, day FROM many", repeats="latest", latest_by="day")
    assert ingest_source(newest, "table", bench.root, bench.target).rows == 50
    assert set(bench.frame()["day"]) == {datetime.date(2024, 1, 9)}
    polled = poll_source(spec(bench, url, "SELECT * FROM many", watermark="day"), "table", bench.root)
    assert (polled.changed, polled.rows, polled.watermark) == (True, 60_000, "2024-01-09")
    assert poll_source(spec(bench, url, "SELECT * FROM many", watermark="day"), "table", bench.root).changed is False


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1 AS id FROM nothing", ["query failed at 127.0.0.1:", 'relation "nothing" does not exist']),
        ("SELECT 1 AS id, 2 AS id", ["'id' stands twice"]),
        ("SELECT 1 AS ids", ["no key column 'id'", "nearest is 'ids'"]),
        ("SELECT 1 / (g - 30000) AS x, g AS id FROM generate_series(1, 40000) g", ["query failed", "division by zero"]),
        ("SELECT 5 AS id UNION ALL SELECT 5", ["id = '5' stands twice", "row 1 (ordered by id)"]),
    ],
)
def test_queries_that_fail(query: str, words: list[str], bench: Any, url: str, postgresql: Any) -> None:
    with pytest.raises(DataError) as error:
        ingest_source(spec(bench, url, query), "table", bench.root, bench.target)
    assert not [word for word in words if word not in str(error.value)], str(error.value)
    assert postgresql.password not in str(error.value)
    assert not bench.target.exists()


@pytest.mark.parametrize("wrong", ["password", "database", "port"])
def test_a_connection_that_is_refused_names_the_server_and_no_password(wrong: str, bench: Any, postgresql: Any) -> None:
    urls = {
        "password": postgresql.url(password="other-s3cret"),
        "database": postgresql.url(database="nowhere"),
        "port": postgresql.url().replace(f":{postgresql.port}", ":1"),
    }
    with pytest.raises(DataError) as error:
        ingest_source(spec(bench, urls[wrong], "SELECT 1 AS id"), "table", bench.root, bench.target)
    said = str(error.value)
    assert "no connection to 127.0.0.1:" in said
    for secret in (postgresql.password, "other-s3cret", "s3cr%2Fet"):
        assert secret not in said


def test_the_query_cannot_write(bench: Any, url: str, postgresql: Any) -> None:
    postgresql.run("DROP TABLE IF EXISTS kept", "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (1)")
    query = "SELECT * FROM kept) AS q; DELETE FROM kept; SELECT * FROM (SELECT 1 AS id"
    with pytest.raises(DataError):
        ingest_source(spec(bench, url, query), "table", bench.root, bench.target)
    ingest_source(spec(bench, url, "SELECT * FROM kept"), "table", bench.root, bench.target)
    assert bench.frame()["id"].to_list() == [1]
    assert bench.frame().schema == {"id": pl.Int64}
