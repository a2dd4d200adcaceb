"""Tables whose rows are large: how many of them are held together."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtl.data.bulk import batches, first_within
from mtl.data.contract.chunks import chunks
from mtl.data.sources.parquet_table import ParquetTable


def stored(path: Path, *groups: list[bytes]) -> Path:
    """Each group's cells as a row group."""
    with pq.ParquetWriter(path, pa.schema({"x": pa.binary()}), use_dictionary=False, compression="none") as writer:
        for cells in groups:
            writer.write_table(pa.table({"x": pa.array(cells, pa.binary())}))
    return path


def heights(path: Path, most: int) -> list[int]:
    with pq.ParquetFile(path) as file:
        found = list(batches(file, most))
        whole = pa.Table.from_batches(found, file.schema_arrow)
    assert pl.DataFrame(pl.from_arrow(whole)).equals(pl.read_parquet(path))
    return [batch.num_rows for batch in found]


def test_one_large_row_does_not_make_the_others_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.data.bulk.BYTES", 10_000)
    file = stored(tmp_path / "t.parquet", [bytes(20_000)], [bytes(20)] * 300, [bytes(200)] * 100)
    assert heights(file, 1000) == [1, 300, 50, 50]
    assert heights(file, 200) == [1, 150, 150, 50, 50]
    assert [frame.height for _, frame in chunks([file])] == [1, 300, 50, 50]
    assert [frame.height for frame in ParquetTable(file, "t.parquet").chunks()] == [1, 300, 50, 50]


def test_rows_of_one_size_are_read_without_a_look_at_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stored(tmp_path / "t.parquet", *[[bytes(100)] * 60] * 3)
    assert heights(file, 100) == [100, 80]
    monkeypatch.setattr("mtl.data.bulk.BYTES", 10_000)
    first, second = heights(file, 1000)
    assert 60 < second < first < 100
    assert heights(stored(tmp_path / "none.parquet"), 100) == []


def test_only_so_many_bytes_are_held() -> None:
    frame = pl.DataFrame({"x": pl.Series([b"a" * 5, None, b"b" * 3, b"c"]), "n": range(4)})
    for most, rows in ((0, 1), (5, 2), (7, 2), (8, 3), (100, 4)):
        assert first_within(frame, most).equals(frame.head(rows))
    assert first_within(frame.clear(), 5).height == 0
    assert first_within(frame.select("n"), 5).height == 4
