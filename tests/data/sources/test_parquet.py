"""Parquet files and folders of partitions."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mtl.data.sources import read_header
from mtl.errors import DataError


def store(bench: Any, name: str, frame: pl.DataFrame) -> Path:
    path: Path = bench.write(name, b"")
    frame.write_parquet(path)
    return path


def test_types_are_kept(bench: Any) -> None:
    day = datetime.date(2024, 1, 31)
    frame = pl.DataFrame(
        {"id": [2, 1], "f": [1.5, None], "d": [day, None], "b": [True, None], "l": [[1], []], "": [1, 2],
         "t": pl.Series([datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC)] * 2)}
    )  # fmt: skip
    store(bench, "t.parquet", frame)
    bench.ingest(path="t.parquet")
    assert bench.frame().equals(frame)
    assert read_header(bench.spec(path="t.parquet"), "table", bench.root) == frame.columns


def test_categories_and_columns_without_values_become_text(bench: Any) -> None:
    store(
        bench,
        "t.parquet",
        pl.DataFrame({"id": ["a", "b"], "c": ["x", "y"], "n": [None, None]}).with_columns(pl.col("c").cast(pl.Categorical)),
    )
    bench.ingest(path="t.parquet")
    assert bench.frame().schema == {"id": pl.String, "c": pl.String, "n": pl.String}


def test_the_order_of_rows_stays_and_so_do_the_bytes(bench: Any) -> None:
    frame = pl.DataFrame({"id": range(300_000)}).with_columns(x=pl.col("id").hash(1) % 97).sample(fraction=1, shuffle=True, seed=1)
    contents = []
    for size in (1000, 100_000):
        frame.write_parquet(bench.root / "t.parquet", row_group_size=size)
        bench.ingest(path="t.parquet")
        contents.append(bench.content())
    assert bench.frame().equals(frame)
    assert contents[0] == contents[1], "the same rows in other row groups give the same bytes"


@pytest.mark.parametrize("cut", [0, 3, 100, -8, -1])
def test_a_file_cut_short_is_named(cut: int, bench: Any) -> None:
    path = store(bench, "t.parquet", pl.DataFrame({"id": range(1000)}))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"t\.parquet: a Parquet file that cannot be read|no such|empty"):
        bench.ingest(path="t.parquet", format="parquet")


def test_damage_in_the_middle_is_named(bench: Any) -> None:
    path = store(bench, "t.parquet", pl.DataFrame({"id": [f"{i * i:09d}" for i in range(5000)]}))
    data = bytearray(path.read_bytes())
    data[50:900] = bytes(850)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"t\.parquet: a Parquet file that cannot be read"):
        bench.ingest(path="t.parquet")
    assert not bench.target.exists()


def days(bench: Any, *frames: pl.DataFrame) -> None:
    for i, frame in enumerate(frames, start=1):
        store(bench, f"days/2024-01-0{i}.parquet", frame)


def test_a_folder_gives_one_file_a_partition_under_its_own_name(bench: Any) -> None:
    days(bench, pl.DataFrame({"id": [1, 2], "x": ["a", "b"]}), pl.DataFrame({"x": ["c"], "id": [3]}))
    bench.write("days/_SUCCESS", "")
    bench.write("days/README.md", "hello")
    done = bench.ingest(path="days")
    assert (done.rows, done.partitions, done.columns) == (3, 2, ("id", "x"))
    assert sorted(bench.content()) == ["2024-01-01.parquet", "2024-01-02.parquet"]
    assert bench.frame().rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_a_new_partition_leaves_the_bytes_of_the_others(bench: Any) -> None:
    days(bench, pl.DataFrame({"id": [1]}))
    bench.ingest(path="days")
    before = bench.content()
    days(bench, pl.DataFrame({"id": [1]}), pl.DataFrame({"id": [2]}))
    bench.ingest(path="days")
    assert before.items() < bench.content().items()


def test_hive_folders_give_a_column(bench: Any) -> None:
    for i in (1, 2):
        store(bench, f"h/date=2024-01-0{i}/part.parquet", pl.DataFrame({"id": [i]}))
    store(bench, "h/date=2024-01-03/a.parquet", pl.DataFrame({"id": [3]}))
    store(bench, "h/date=2024-01-03/b.parquet", pl.DataFrame({"id": [4]}))
    bench.ingest(path="h", key=["id", "date"])
    assert sorted(bench.content()) == [f"date=2024-01-0{n}.parquet" for n in ("1", "2", "3__a", "3__b")]
    assert bench.frame().rows() == [(i, datetime.date(2024, 1, min(i, 3))) for i in (1, 2, 3, 4)]
    assert read_header(bench.spec(path="h"), "table", bench.root) == ["id", "date"]


def test_hive_values_that_are_no_dates_are_text(bench: Any) -> None:
    for i, site in enumerate(("a%20b", "07", "__HIVE_DEFAULT_PARTITION__")):
        bench.write(f"h/site={site}/part.csv", f"id,x\n{i},1\n")
    bench.ingest(path="h")
    assert sorted(bench.frame()["site"].to_list(), key=str) == ["07", None, "a b"]


def test_folders_of_csv_and_ndjson(bench: Any) -> None:
    bench.write("c/1.csv", "id,x\n1,2\n")
    bench.write("c/2.csv", "x;id\n3;4\n")
    bench.ingest(path="c")
    assert bench.frame().rows() == [("1", "2"), ("4", "3")]
    bench.write("n/1.ndjson", '{"id": 1, "x": 1}\n')
    bench.write("n/2.ndjson", '{"id": 2, "y": 2, "x": 1.5}\n')
    bench.ingest(path="n")
    assert bench.frame().rows() == [(1, 1.0, None), (2, 1.5, 2)]


def test_a_partition_without_any_value_has_any_type(bench: Any) -> None:
    days(bench, pl.DataFrame({"id": [1], "x": [None]}), pl.DataFrame({"id": [2], "x": [5]}))
    bench.ingest(path="days")
    assert bench.frame()["x"].to_list() == [None, 5]


FAULTS = {
    "missing column": ([{"id": [1], "x": [1]}, {"id": [2]}, {"id": [3], "x": [3]}], ["days/2024-01-02.parquet", "'x' is missing"]),
    "new column": (
        [{"id": [1]}, {"id": [2]}, {"id": [3], "x": [3]}],
        ["days/2024-01-03.parquet", "'x' is in this partition and not"],
    ),
    "changed type": (
        [{"id": [1], "x": [1]}, {"id": [2], "x": ["a"]}, {"id": [3], "x": [3]}],
        ["days/2024-01-02.parquet", "'x' has changed its type", "Int64, as in days/2024-01-01.parquet", "String"],
    ),
    "doubled key": ([{"id": [1, 2]}, {"id": [3, 2]}], ["id = '2'", "2024-01-01.parquet, row 2, and", "2024-01-02.parquet, row 2"]),
    "null key": ([{"id": [1]}, {"id": [3, None]}], ["2024-01-02.parquet, row 2: no key"]),
    "no rows": ([{"id": []}], ["days/2024-01-01.parquet", "without rows"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_partitions_that_do_not_fit_are_named(name: str, bench: Any) -> None:
    frames, words = FAULTS[name]
    days(bench, *map(pl.DataFrame, frames))
    with pytest.raises(DataError) as error:
        bench.ingest(path="days")
    assert not [word for word in words if word not in str(error.value)], str(error.value)


def test_folders_that_cannot_be_partitions(bench: Any) -> None:
    (bench.root / "e").mkdir()
    with pytest.raises(DataError, match="a folder without tables"):
        bench.ingest(path="e")
    bench.write("m/a.csv", "id\n1\n")
    bench.write("m/b.ndjson", '{"id": 1}\n')
    with pytest.raises(DataError, match="several formats"):
        bench.ingest(path="m")
    bench.write("s/a.csv", "id\n1\n")
    bench.write("s/a.tsv", "id\n2\n")
    with pytest.raises(DataError, match="would both be called 'a'"):
        bench.ingest(path="s")
    bench.write("d/date=2024-01-01/a.csv", "id\n1\n")
    bench.write("d/b.csv", "id\n1\n")
    with pytest.raises(DataError, match=r"d/b\.csv: no folder date="):
        bench.ingest(path="d")
