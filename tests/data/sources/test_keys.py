"""Doubled keys and newest rows: right for any table, spilled or not, accidents of the hash included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl.data.sources import doubles, latest
from mtl.data.sources.doubles import KeyLedger, find_doubled
from mtl.errors import DataError


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 40).map(str), max_size=10), max_size=8), st.sampled_from([1, 7, 10_000]))
def test_the_ledger_finds_what_a_set_finds(tmp_path_factory: Any, chunks: list[list[str]], held: int) -> None:
    folder: Path = tmp_path_factory.mktemp("ledger")
    before, doubles.HELD = doubles.HELD, held
    try:
        ledger = KeyLedger(folder / "keys")
        for chunk in chunks:
            ledger.add(pl.Series(chunk, dtype=pl.String))
        found = ledger.doubled()
    finally:
        doubles.HELD = before
    keys = [key for chunk in chunks for key in chunk]
    expected = {int(pl.Series([k]).hash(seed=0)[0]) for k in keys if keys.count(k) > 1}
    assert found == expected


def test_two_keys_of_one_hash_are_not_a_doubled_key(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a", "b", "c", "b"]}).write_parquet(tmp_path / "t.parquet")
    one, other = (int(pl.Series([k]).hash(seed=0)[0]) for k in "ac")
    text = pl.col("id")
    assert find_doubled([tmp_path / "t.parquet"], ["id"], text, {one, other}) is None
    twice = find_doubled([tmp_path / "t.parquet"], ["id"], text, {int(pl.Series(["b"]).hash(seed=0)[0])})
    assert twice is not None
    assert (twice.key, twice.first, twice.second) == (("b",), 1, 3)


def test_doubled_across_chunks_and_spilled(
    bench: Any, monkeypatch: pytest.MonkeyPatch, small_blocks: Callable[[int], None]
) -> None:
    small_blocks(100)
    monkeypatch.setattr(doubles, "HELD", 50)
    rows = [f"{i},{i % 3}\n" for i in range(1000)]
    bench.csv("id,x\n" + "".join(rows))
    assert not (bench.target / ".work").exists()
    with pytest.raises(DataError, match=r"id = '17' stands twice\n.*\n.*line 19, and t\.csv, line 1002"):
        bench.csv("id,x\n" + "".join(rows) + "17,5\n")


def test_a_key_of_several_parts(bench: Any) -> None:
    assert bench.csv("id,day\n1,a\n1,b\n2,a\n", key=["id", "day"]).height == 3
    with pytest.raises(DataError, match="id = '1', day = 'a' stands twice"):
        bench.csv("id,day\n1,a\n1,b\n1,a\n", key=["id", "day"])
    with pytest.raises(DataError, match="the key column 'day' of every row"):
        bench.csv("id,day\n1,a\n1,\n", key=["id", "day"])


def test_a_wrong_key_column_says_how_wrong(bench: Any) -> None:
    with pytest.raises(DataError, match=r"stands twice \(and 1 more keys\)"):
        bench.csv("id,x\n" + "1,2\n2,3\n" * 100)


DATES = st.one_of(st.none(), st.dates().filter(lambda d: d.year > 999).map(str))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.sampled_from("abc"), DATES), min_size=1, max_size=20), held=st.sampled_from([1, 5, 1000]))
def test_latest_keeps_the_newest_row_of_each_key(bench: Any, rows: list[tuple[str, str | None]], held: int) -> None:
    before, latest.HELD = latest.HELD, held
    try:
        content = "id,t,n\n" + "".join(f"{key},{date or ''},{i}\n" for i, (key, date) in enumerate(rows))
        frame = bench.csv(content, repeats="latest", latest_by="t")
    finally:
        latest.HELD = before
    newest = {}
    for i, (key, date) in enumerate(rows):
        newest[key] = max(newest.get(key, ("", -1)), (date or "", i))
    assert frame["n"].cast(pl.Int64).to_list() == sorted(i for _, i in newest.values())


def test_latest_by_numbers_dates_and_types(bench: Any) -> None:
    assert bench.csv("id,t\n1,9\n1,10\n", repeats="latest", latest_by="t")["t"].to_list() == ["10"]
    pl.DataFrame({"id": [1, 1, 2], "t": [9, 10, 1]}).write_parquet(bench.root / "t.parquet")
    bench.ingest(path="t.parquet", repeats="latest", latest_by="t")
    assert bench.frame().rows() == [(1, 10), (2, 1)]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("10:00:00Z", "10:00:00.5Z"), ("10:00Z", "10:00:30Z"), ("10:00:00+00:00", "10:00:00.5Z"), ("09:59:59.9Z", "10:00+00:00")],
)
def test_latest_by_times_written_as_short_as_they_can_be(bench: Any, older: str, newer: str) -> None:
    """Java and JavaScript leave out seconds and parts of them that are zero; `Z` sorts behind `.` and `:`."""
    for rows in ([older, newer], [newer, older]):
        text = "id,t\n" + "".join(f"1,2024-01-01T{time}\n" for time in rows)
        assert bench.csv(text, repeats="latest", latest_by="t")["t"].to_list() == [f"2024-01-01T{newer}"]


def test_latest_by_what_cannot_be_ordered(bench: Any) -> None:
    with pytest.raises(DataError, match=r"line 3: the column 't'[^\0]*'1/2/2024'"):
        bench.csv("id,t\n1,2024-01-01\n1,1/2/2024\n", repeats="latest", latest_by="t")
    with pytest.raises(DataError, match="no column 'when'"):
        bench.csv("id,t\n1,2\n", repeats="latest", latest_by="when")


def test_latest_over_partitions_keeps_a_file_for_each(bench: Any) -> None:
    bench.write("d/1.csv", "id,t\n1,2024-01-01\n2,2024-01-01\n")
    bench.write("d/2.csv", "id,t\n1,2024-01-02\n2,2024-01-02\n")
    done = bench.ingest(path="d", repeats="latest", latest_by="t")
    assert (done.rows, sorted(bench.content())) == (2, ["1.parquet", "2.parquet"])


def test_not_a_number_is_no_key(bench: Any) -> None:
    pl.DataFrame({"id": [1.0, float("nan")]}).write_parquet(bench.root / "t.parquet")
    with pytest.raises(DataError, match="row 2: no key"):
        bench.ingest(path="t.parquet")


def test_rows_without_a_key_are_numbered_over_chunks_and_partitions(bench: Any, small_blocks: Callable[[int], None]) -> None:
    small_blocks(100)
    first, second = ("x\n" + "".join(f"{i}\n" for i in range(start, start + 300)) for start in (0, 300))
    assert bench.csv(first, key=["row"], row_number="row").get_column("row").to_list() == list(range(1, 301))
    bench.write("parts/1.csv", first)
    bench.write("parts/2.csv", second)
    bench.ingest(key="row", path="parts", row_number="row")
    table = bench.frame()
    assert table.height == 600
    assert table.select(pl.col("row") == pl.col("x").cast(pl.Int64) + 1).to_series().all()


def test_the_number_of_a_row_takes_no_column_of_the_table(bench: Any) -> None:
    with pytest.raises(DataError, match="a column 'id' is there already"):
        bench.csv("id,x\n1,2\n", row_number="id")
