"""SQL pinned by `as_of`, from SQLite and PostgreSQL; what a state file says and becomes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from mtl.data.sources import ingest_source, poll_source
from mtl.data.sources.sql_state import Interval, Seen, SqlState, beyond, next_state, query_of, read_state
from mtl.errors import SpecError
from tests.data.sources.conftest import Bench, make_spec
from tests.data.sources.watermarked import SOURCE, Base


@pytest.fixture
def base(bench: Bench) -> Base:
    one = Base(bench)
    one.add((2, 1, "2026-11-01"), (1, None, "2026-11-02"), (3, 5, None))
    return one


def test_as_of_hides_later_rows_from_poll_and_ingest(base: Base) -> None:
    base.add((4, 4, "2026-11-03 00:00:00"), (5, 5, "2026-11-03T15:30:00Z"), (6, 6, "2026-11-04"))
    for as_of, ids in {
        "2026-11-01": [2, 3], "2026-11-03": [1, 2, 3, 4, 5], "2026-11-03 00:00": [1, 2, 3, 4],
        "2026-11-03T15:30+00:00": [1, 2, 3, 4, 5], "2026-11-03T15:29": [1, 2, 3, 4], "2027-01-01": [1, 2, 3, 4, 5, 6],
    }.items():  # fmt: skip
        (base.bench.root / "state.json").unlink(missing_ok=True)
        base.ingest(as_of=as_of)
        assert base.bench.frame()["id"].to_list() == ids, f"{as_of}, without a state"
        assert base.poll(as_of=as_of).rows == len(ids)
        base.ingest(as_of=as_of)
        assert base.bench.frame()["id"].to_list() == ids, as_of


def test_later_rows_change_nothing_of_a_pinned_run(base: Base) -> None:
    base.poll(as_of="2026-11-02")
    base.ingest(as_of="2026-11-02")
    before = base.bench.content()
    base.add((4, 4, "2026-11-03"))
    assert not base.poll(as_of="2026-11-02").changed
    assert base.poll(as_of="2026-11-03").changed
    assert base.ingest(as_of="2026-11-03").new == 1
    base.ingest(as_of="2026-11-02")  # whose state reaches further now: bare `dvc repro` asks nobody
    assert base.bench.content() == before
    assert base.poll(as_of="2026-11-02").anew
    base.ingest(as_of="2026-11-02")
    assert base.bench.content() == before


def test_as_of_needs_a_watermark_of_dates(base: Base) -> None:
    for do in (base.poll, base.ingest):
        with pytest.raises(SpecError, match=r"as_of beside a watermark that is no date[^\0]*id = 3"):
            do(watermark="id", as_of="2026-11-01")


def test_what_is_later_than_as_of() -> None:
    day, noon = datetime.date(2026, 11, 1), datetime.datetime(2026, 11, 1, 12)
    assert [beyond(mark, day) for mark in (None, "2026-11-01", "2026-11-01T23:59:59.9", "2026-11-02", 5, "x")] == [
        False, False, False, True, True, True,
    ]  # fmt: skip
    assert [beyond(mark, noon) for mark in ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00.1", "2026-11-01T13:30:00+02:00")] == [
        False, True, False,
    ]  # fmt: skip


def test_postgresql_too(bench: Bench, postgresql: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTL_TEST_URL", postgresql.url())
    for kind, days in {
        "timestamptz": ("2026-11-01 23:30+02", "2026-11-02 00:00:00.000001Z", "2026-11-03 12:00Z"),
        "date": ("2026-11-01", "2026-11-02", "2026-11-03"),
        "numeric": ("1.10", "1.11", "2.5"), "text": ("a", "it's 50% of \\ :x", "z"),
    }.items():  # fmt: skip
        postgresql.run("DROP TABLE IF EXISTS news", f"CREATE TABLE news (id bigint, at {kind})")
        source = {"path": f"{kind}.json", "url": "env:MTL_TEST_URL", "query": "SELECT * FROM news", "watermark": "at"}
        kept = bench.root / kind
        for number, day in enumerate(days):
            postgresql.run(f"INSERT INTO news VALUES ({number}, '{day.replace(chr(39), chr(39) * 2)}')")
            spec = make_spec(source)
            assert poll_source(spec, "table", bench.root).anew == ""
            assert not poll_source(spec, "table", bench.root).changed
            assert ingest_source(spec, "table", bench.root, bench.target, kept).new == 1
            assert bench.frame()["id"].to_list() == list(range(number + 1))
            assert ingest_source(spec, "table", bench.root, bench.target, kept).new == 0
        if kind in ("numeric", "text"):
            with pytest.raises(SpecError, match="no date"):
                poll_source(make_spec({**source, "as_of": "2026-11-01"}), "table", bench.root)
            continue
        for as_of, rows in {
            "2026-11-01": 1,
            "2026-11-02": 2,
            "2026-11-01 21:30": 1,
            "2026-11-03 11:59": 2 if kind == "timestamptz" else 3,
        }.items():
            pinned = make_spec({**source, "as_of": as_of, "path": "pinned.json"})
            assert poll_source(pinned, "table", bench.root).rows == rows, (kind, as_of)
            assert ingest_source(pinned, "table", bench.root, bench.target).rows == rows


def test_what_a_state_becomes() -> None:
    first, _ = next_state(None, Seen(3, 5), "q")
    assert first == SqlState(3, 5, "q", 0, (Interval(None, 5, 3),))
    assert next_state(first, Seen(3, 5, 3), "q") == (first, "")
    second, why = next_state(first, Seen(4, 9, 3), "q")
    assert (second.parts, second.rows, second.watermark, why) == ((Interval(None, 5, 3), Interval(5, 9, 1)), 4, 9, "")
    for seen in (Seen(4, 9, 2), Seen(5, 9, 4), Seen(3, 4, 3)):
        anew, why = next_state(first, seen, "q")
        assert (anew.parts, anew.anew, bool(why)) == ((Interval(None, seen.watermark, seen.rows),), 1, True)
    assert next_state(None, Seen(0, None), "q")[0].parts == ()


def test_a_state_is_read_back(tmp_path: Path) -> None:
    source = make_spec(SOURCE).sources["table"]
    state = SqlState(4, 9, query_of(source), 2, (Interval(None, 5, 3), Interval(5, 9, 1)))
    (tmp_path / "s.json").write_text(json.dumps(state.as_json()))
    assert read_state(tmp_path / "s.json", source) == state
    assert SqlState(4, None).as_json() == {"rows": 4, "watermark": None}
