"""Parquet: its own types, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mtl.data.bulk import batches
from mtl.data.sources.table import Table, check_names, settle_schema
from mtl.errors import DataError

CELLS = 1 << 21
"""Cells a chunk may have."""


class ParquetTable(Table):
    """A Parquet file."""

    def __init__(self, path: Path, place: str) -> None:
        self.path, self.place, self.size = path, place, path.stat().st_size

    def header(self) -> list[str]:
        with self._open() as file:
            names = [str(name) for name in file.schema_arrow.names]
        check_names(self.place, names)
        return names

    def schema(self) -> pl.Schema:
        self.header()
        with self._open() as file:
            frame = _frame(file.schema_arrow.empty_table())
        return settle_schema(frame.schema)

    def chunks(self) -> Iterator[pl.DataFrame]:
        schema = self.schema()
        size = max(1024, min(1 << 17, CELLS // max(1, len(schema))))
        with self._open() as file:
            for batch in batches(file, size):
                yield _frame(pa.Table.from_batches([batch])).cast(schema)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """The open file; whatever Arrow cannot read becomes a DataError."""
        try:
            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20) as file:
                yield file
        except (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
            reason = str(error).split("\n")[0] or type(error).__name__
            raise DataError(
                f"{self.place}: a Parquet file that cannot be read",
                expected="a whole Parquet file",
                found=f"{reason} ({self.size} bytes)",
                do="deliver the file again; it was cut short or damaged",
            ) from None


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.rename(dict(zip(frame.columns, table.schema.names, strict=True)))
