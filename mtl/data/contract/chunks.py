"""Reading ingested Parquet in chunks of bounded size, and writing quarantine the same way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mtl.data.bulk import batches
from mtl.errors import DataError

CELLS = 4_000_000
"""Cells a chunk holds at most: about 100 MB as text, whatever the table's width."""


def files_of(folder: Path) -> list[Path]:
    """The Parquet files of an ingested source, by name."""
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    if not files:
        raise DataError(
            f"{folder}: nothing to validate",
            expected="a folder of Parquet files",
            found="an empty folder" if folder.is_dir() else "no such folder",
            do="run `mtl ingest` for this source first",
        )
    return files


def schema_of(file: Path) -> pl.Schema:
    """Column -> type of one Parquet file."""
    try:
        return pl.Schema(pl.read_parquet_schema(file))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(file, error) from None


def rows_of(file: Path) -> int:
    """Rows of one Parquet file, as its footer says."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(file, error) from None


def chunks(files: list[Path], size: int | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
    """(position of the first row, the rows), over all files; `size` rows at most (by width if left out)."""
    start = 0
    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                rows = size or min(200_000, max(2_000, CELLS // max(1, len(parquet.schema_arrow))))
                for batch in batches(parquet, rows):
                    frame = pl.DataFrame(pl.from_arrow(batch))
                    yield start, frame
                    start += frame.height
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(
        f"{file}: cannot be read",
        expected="a whole Parquet file",
        found=(str(error).splitlines() or ["damaged"])[0],
        do="run `mtl ingest` for this source again",
    )


class ParquetSink:
    """A Parquet file written frame by frame; a file without a row if none comes.

    Every frame has `schema`. Same frames, same bytes.
    """

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self._empty = pl.DataFrame(schema=schema)
        self._writer = pq.ParquetWriter(path, _arrow(self._empty).schema, compression="zstd")

    def append(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._writer.write_table(_arrow(frame.select(self._empty.columns)).cast(_arrow(self._empty).schema))

    def close(self) -> None:
        self._writer.close()


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
