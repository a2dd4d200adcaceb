"""Dates in partitions' names, and what a source pinned by `as_of` sees."""

from __future__ import annotations

import datetime
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.sources import ingest_source, read_header
from mtl.data.sources.dated import date_of, last_day
from mtl.errors import DataError, SpecError
from tests.data.sources.conftest import Bench, make_spec

NAMES = {
    "2026-11-01.parquet": "2026-11-01",
    "events-20261101.csv": "2026-11-01",
    "events_2026_11_01_v2.csv": "2026-11-01",
    "events.2026.11.01.csv": "2026-11-01",
    "20261101T1300.csv": "2026-11-01",
    "2026-11-01T13-00.csv": "2026-11-01",
    "date=2026-11-01/part.parquet": "2026-11-01",
    "dt=20261101/part-20261103.parquet": "2026-11-01",
    "site=7/date=2026-11-01/part-0.parquet": "2026-11-01",
    "year=2026/month=11/day=1/part.parquet": "2026-11-01",
    "2026/11/01/part.csv": "2026-11-01",
    "2026/11/01.csv": "2026-11-01",
    "old/2026-11-01/part.csv": "2026-11-01",
    "2026-10-01_2026-10-31.csv": "2026-10-31",
    "export-20261105-of-20261101.csv": "2026-11-05",
    "part-0001.parquet": None,
    "20261301.csv": None,
    "2026-02-30.csv": None,
    "120261101.csv": None,
    "20261101123000.csv": None,
    "2026-11.csv": None,
    "1066-10-14.csv": None,
    "2026-11-012.csv": None,
    "2026-1101.csv": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_day_that_a_name_says(name: str) -> None:
    found = date_of(PurePath(name))
    assert (found and found.isoformat()) == NAMES[name]


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%Y/%m/%d"]))
def test_every_day_is_read_back(day: date, form: str) -> None:
    assert date_of(PurePath(f"events-{day.strftime(form)}.parquet")) == day
    assert date_of(PurePath(f"date={day}/part-000.csv")) == day


def days(bench: Bench, *numbers: int) -> None:
    for number in numbers:
        bench.write(f"days/2026-11-{number:02d}.csv", f"id,x\n{number},1\n")


@pytest.mark.parametrize(
    ("as_of", "seen"),
    [
        ("2026-11-03", [1, 2, 3]),
        ("2026-11-02 23:59", [1]),
        ("2026-11-02T00:00:00", [1]),
        ("2026-11-03T01:00+02:00", [1]),
        ("2027-01-01", [1, 2, 3, 5]),
        (None, [1, 2, 3, 5]),
    ],
)
def test_later_partitions_are_not_seen(as_of: Any, seen: list[int], bench: Bench) -> None:
    days(bench, 1, 2, 3, 5)
    assert bench.ingest(path="days", as_of=as_of).rows == len(seen)
    assert bench.frame()["id"].to_list() == [str(number) for number in seen]


def test_what_comes_later_changes_no_byte_and_breaks_nothing(bench: Bench) -> None:
    days(bench, 1, 2)
    bench.ingest(path="days", as_of="2026-11-02")
    before = bench.content()
    bench.write("days/2026-11-03.csv", "other,columns\nthan,before\n")
    bench.write("days/2026-11-04.ndjson", '{"another": "format"}\n')
    bench.ingest(path="days", as_of="2026-11-02")
    assert bench.content() == before
    assert read_header(bench.spec(path="days", as_of="2026-11-02"), "table", bench.root) == ["id", "x"]


@given(st.sets(st.integers(1, 30), min_size=1, max_size=5), st.integers(1, 30))
def test_a_pinned_run_is_a_run_of_that_day(tmp_path_factory: Any, there: set[int], last: int) -> None:
    bench, then = Bench(tmp_path_factory.mktemp("now")), Bench(tmp_path_factory.mktemp("then"))
    days(bench, *there)
    days(then, *(number for number in there if number <= last))
    as_of = f"2026-11-{last:02d}"
    if min(there) > last:
        with pytest.raises(DataError, match="every partition is later than as_of"):
            bench.ingest(path="days", as_of=as_of)
        return
    bench.ingest(path="days", as_of=as_of)
    then.ingest(path="days")
    assert bench.content() == then.content()


def test_a_partition_without_a_date_is_named(bench: Bench) -> None:
    days(bench, 1)
    bench.write("days/more.csv", "id,x\n9,9\n")
    assert bench.ingest(path="days").rows == 2
    with pytest.raises(DataError, match=r"days/more\.csv: no date in the partition's name"):
        bench.ingest(path="days", as_of="2026-11-05")


def test_one_file_cannot_be_pinned(bench: Bench) -> None:
    bench.write("2026-11-01.csv", "id,x\n1,2\n")
    with pytest.raises(SpecError, match="as_of of one file"):
        bench.ingest(path="2026-11-01.csv", as_of="2026-11-05")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": "raw", "table": "labels.csv", "as_of": "2026-11-01"}, "without dates"),
        ({"path": "s.json", "url": "sqlite:///d", "query": "SELECT 1", "as_of": "2026-11-01"}, "watermark"),
        ({"path": "days", "as_of": "soon"}, "a date .* or a time"),
        ({"path": "days", "as_of": 20261101}, "a date .* or a time"),
        ({"path": "days", "as_of": date(2026, 11, 1)}, '"2026-11-01", in quotes, since DVC'),
        ({"path": "days", "as_of": "2026-13-01"}, "a date .* or a time"),
    ],
)
def test_what_cannot_be_pinned_is_said_by_the_spec(source: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        make_spec(source)


def test_a_time_with_a_zone_is_one_in_utc() -> None:
    east = datetime.timezone(timedelta(hours=9))
    assert last_day(datetime.datetime(2026, 11, 2, 8, tzinfo=east)) == date(2026, 10, 31)
    assert last_day(date(2026, 11, 2)) == date(2026, 11, 2)


def test_of_a_day_that_has_not_ended_nothing_is_seen() -> None:
    """As of an SQL source, which shows what was there at that time and nothing later."""
    assert last_day(datetime.datetime(2026, 11, 2, 23, 59)) == date(2026, 11, 1)
    assert last_day(datetime.datetime(2026, 11, 3)) == date(2026, 11, 2)


def test_kept_partitions_serve_a_pinned_run(bench: Bench) -> None:
    days(bench, 1, 2, 3)
    keep = bench.root / "kept"
    ingest_source(bench.spec(path="days"), "table", bench.root, bench.target, keep)
    pinned = ingest_source(bench.spec(path="days", as_of="2026-11-02"), "table", bench.root, bench.target, keep)
    assert (pinned.rows, pinned.new) == (2, 0)
