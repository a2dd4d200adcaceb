"""SQL with a watermark: only rows above the last one are fetched, and what is kept together is what the query gives."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl.data.sources.sql import SqlTable
from mtl.errors import DataError
from tests.data.sources.conftest import Bench
from tests.data.sources.watermarked import Base


@pytest.fixture
def base(bench: Bench) -> Base:
    one = Base(bench)
    one.add((2, 1, "2026-11-01"), (1, None, "2026-11-02"), (3, 5, None))
    return one


def test_only_new_rows_are_fetched(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    assert base.poll().changed
    assert (base.ingest().new, base.parts()) == (1, [[None, "2026-11-02", 3]])
    before = base.bench.content()
    shutil.rmtree(base.bench.target)
    base.add((9, 7, "2026-11-03"), (8, 7, "2026-11-03"))
    assert base.poll().rows == 5
    assert base.parts() == [[None, "2026-11-02", 3], ["2026-11-02", "2026-11-03", 2]]
    fetched: list[pl.DataFrame] = []
    chunks = SqlTable.chunks

    def noted(self: SqlTable) -> Iterator[pl.DataFrame]:
        for frame in chunks(self):
            fetched.append(frame)
            yield frame

    monkeypatch.setattr(SqlTable, "chunks", noted)
    done = base.ingest()
    assert (done.rows, done.new, done.partitions) == (5, 1, 2)
    assert [frame["id"].to_list() for frame in fetched] == [[8, 9]]
    assert before.items() < base.bench.content().items()
    assert sorted(base.bench.content()) == ["part-0000.parquet", "part-0001.parquet"]
    assert base.bench.frame()["id"].to_list() == [1, 2, 3, 8, 9]


def test_nothing_new_changes_nothing(base: Base) -> None:
    base.poll()
    state = base.bench.root / "state.json"
    before = (state.read_bytes(), state.stat().st_mtime_ns)
    assert not base.poll().changed
    assert (state.read_bytes(), state.stat().st_mtime_ns) == before
    base.ingest()
    content = base.bench.content()
    assert base.ingest().new == 0
    base.ingest(keep=False)
    assert base.bench.content() == content


def test_rows_that_come_after_the_poll_wait_for_the_next(base: Base) -> None:
    base.poll()
    base.add((7, 0, "2026-12-01"))
    assert base.ingest().rows == 3


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM t WHERE id = 1",
        "DELETE FROM t WHERE id = 2",
        "INSERT INTO t VALUES (4, 0, '2026-10-01')",
        "INSERT INTO t VALUES (4, 0, NULL)",
        "UPDATE t SET at = '2026-11-05' WHERE id = 2",
        "UPDATE t SET at = '2026-10-05' WHERE id = 1",
    ],
)
def test_rows_that_come_late_or_go_make_all_anew(change: str, base: Base) -> None:
    base.poll()
    base.ingest()
    base.run(change)
    polled = base.poll()
    assert polled.changed
    assert "2026-11-02" in polled.anew
    assert len(base.parts()) == 1
    assert base.ingest().new == 1
    with closing(sqlite3.connect(base.bench.root / "db.sqlite")) as connection:
        assert base.bench.frame().rows() == connection.execute("SELECT * FROM t ORDER BY id").fetchall()
    assert not base.poll().changed


def test_as_many_other_rows_are_no_state_that_was_there_before(base: Base) -> None:
    """One goes, one comes late, each seen by a poll: DVC must not take the last state for the first."""
    base.poll()
    base.ingest()
    first = (base.bench.root / "state.json").read_bytes()
    base.run("DELETE FROM t WHERE id = 2")
    base.poll()
    base.add((4, 4, "2026-11-01"))
    base.poll()
    assert (base.bench.root / "state.json").read_bytes() != first
    base.ingest()
    assert base.bench.frame()["id"].to_list() == [1, 3, 4]


def test_rows_that_came_late_between_poll_and_ingest_are_not_kept_for_long(base: Base) -> None:
    base.poll()
    base.add((4, 4, "2026-10-01"))
    assert base.ingest().rows == 4
    assert base.ingest().new == 1
    assert base.poll().anew
    assert base.ingest().rows == 4
    assert base.ingest().new == 0


def test_another_query_begins_anew(base: Base) -> None:
    base.poll()
    base.ingest()
    other: dict[str, Any] = {"query": "SELECT * FROM t WHERE id > 1"}
    assert base.ingest(**other).new is None, "a state of another query says nothing of this one"
    assert base.bench.frame()["id"].to_list() == [2, 3]
    assert (base.poll(**other).changed, base.parts()) == (True, [[None, "2026-11-01", 2]])
    assert base.ingest(**other).new == 1


def test_a_new_column_of_the_table_is_fetched_for_all_rows(base: Base) -> None:
    base.poll()
    base.ingest()
    base.run("ALTER TABLE t ADD COLUMN extra INTEGER DEFAULT 6")
    assert base.ingest().new == 1
    assert base.bench.frame()["extra"].to_list() == [6, 6, 6]


def test_types_are_those_of_all_parts_together(base: Base) -> None:
    base.poll()
    base.ingest()
    assert base.bench.frame().schema == {"id": pl.Int64, "x": pl.Int64, "at": pl.String}
    base.add((4, 0.5, "2026-11-04"))
    base.poll()
    assert base.ingest().new == 2
    base.add((5, 1e20, "2026-11-05"), (6, b"\xff", "2026-11-05"))
    base.poll()
    assert base.ingest().new == 3
    parts = base.bench.frame()
    base.ingest(watermark=None)
    assert parts.equals(base.bench.frame())


def test_without_a_state_file_everything_is_fetched_in_one_part(base: Base) -> None:
    done = base.ingest()
    assert (done.rows, done.partitions, done.new) == (3, 1, None)


def test_the_newest_row_of_a_key_may_be_in_any_part(base: Base) -> None:
    way: dict[str, Any] = {"repeats": "latest", "latest_by": "at"}
    base.poll(**way)
    base.ingest(**way)
    base.add((1, 11, "2026-11-04"), (4, 4, "2026-11-03"))
    base.poll(**way)
    assert base.ingest(**way).new == 1
    assert sorted(base.bench.frame().rows()) == [(1, 11, "2026-11-04"), (2, 1, "2026-11-01"), (3, 5, None), (4, 4, "2026-11-03")]
    kept = base.bench.content()
    base.ingest(keep=False, **way)
    assert base.bench.content() == kept


def test_a_key_that_comes_again_is_told_with_both_parts(base: Base) -> None:
    base.poll()
    base.ingest()
    base.add((2, 0, "2026-11-04"))
    base.poll()
    with pytest.raises(
        DataError, match=r"id = '2' stands twice[^\0]*at up to 2026-11-02[^\0]*at above 2026-11-02 up to 2026-11-04"
    ):
        base.ingest()


def test_a_watermark_that_nothing_can_be_above(base: Base) -> None:
    base.run("UPDATE t SET at = x'00ff'")
    with pytest.raises(DataError, match="a watermark that nothing can be above"):
        base.poll()


def test_a_state_file_that_is_no_state_is_written_anew(base: Base) -> None:
    for text in ('{"rows": 3, "watermark": "2026-11-02"}', "[]", "{", '{"rows": 3, "parts": 4}', '{"parts": [{"rows": 1}]}'):
        base.bench.write("state.json", text)
        assert base.ingest().rows == 3
        assert base.poll().changed
        assert base.parts() == [[None, "2026-11-02", 3]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1), st.text(st.characters(
    exclude_categories=["Cs"], exclude_characters="\0"))))  # fmt: skip
def test_a_watermark_comes_back_to_the_last_digit(value: Any, tmp_path_factory: Any) -> None:
    base = Base(Bench(tmp_path_factory.mktemp("mark")))
    base.add((1, 1, value), (2, 1, value))
    base.poll()
    assert not base.poll().changed


MARKS = st.one_of(st.integers(0, 9), st.none())
STEP = st.one_of(
    st.tuples(st.just("add"), st.lists(MARKS, min_size=1, max_size=3)),
    st.tuples(st.just("later"), st.lists(st.integers(1, 3), min_size=1, max_size=3)),
    st.tuples(st.just("delete"), st.integers(1, 9)),
    st.tuples(st.just("ingest"), st.none()),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=8))
def test_whatever_happens_to_the_table_the_parts_are_its_rows(steps: list[tuple[str, Any]], tmp_path_factory: Any) -> None:
    base = Base(Bench(tmp_path_factory.mktemp("steps")))
    base.add((0, 0, 0))
    number = top = 0
    for what, said in [*steps, ("ingest", None)]:
        if what == "delete":
            base.run("DELETE FROM t WHERE id = ?", [(said,)])
        elif what == "ingest":
            _all_rows_are_there(base)
        else:
            for mark in said:
                number, at = number + 1, top + mark if what == "later" else mark
                top = max(top, at or 0)
                base.add((number, number * 2, at))
        base.poll()  # one row more and another less between two polls would be as many rows as before


def _all_rows_are_there(base: Base) -> None:
    base.poll()
    state = base.bench.root / "state.json"
    assert sum(rows for _, _, rows in base.parts()) == json.loads(state.read_text())["rows"]
    base.ingest()
    with closing(sqlite3.connect(base.bench.root / "db.sqlite")) as connection:
        rows = connection.execute("SELECT * FROM t ORDER BY id").fetchall()
    assert base.bench.frame().sort("id").rows() == rows
    assert not base.poll().changed
    kept = base.bench.content()
    assert base.ingest().new == 0
    base.ingest(keep=False)
    assert base.bench.content() == kept
