"""Tables whose rows are large, pictures say: how many rows are read or written together, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

BYTES = 64 << 20
"""Bytes of rows that are held together, about."""


UNLIKE = 2
"""Row groups whose widest has so many times the bytes a row of all together are read one by one."""


def batches(parquet: Any, most: int, columns: list[str] | None = None) -> Iterator[Any]:
    """The rows of an open `pyarrow.parquet.ParquetFile` in record batches: `most`, or about as many as BYTES hold (one at least).

    One large row makes others smaller batches only within its row group, where those are unlike.
    """
    groups = [parquet.metadata.row_group(i) for i in range(parquet.metadata.num_row_groups)]
    sizes = [(group.total_byte_size, group.num_rows) for group in groups]
    widest = max((size / rows for size, rows in sizes if rows), default=0.0)
    if widest * most <= BYTES:
        yield from parquet.iter_batches(batch_size=most, columns=columns)
    elif widest * sum(rows for _, rows in sizes) < UNLIKE * sum(size for size, _ in sizes):
        yield from parquet.iter_batches(batch_size=max(1, int(BYTES / widest)), columns=columns)
    else:
        for number, (size, rows) in enumerate(sizes):
            times = max(1, round(size / BYTES), -(-rows // most))
            yield from parquet.iter_batches(batch_size=max(1, -(-rows // times)), row_groups=[number], columns=columns)


def binary_columns(schema: pl.Schema) -> list[str]:
    """Columns that hold bytes, also within a struct."""
    return [name for name, dtype in schema.items() if _of_bytes(dtype)]


def bytes_of(frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """int64 [rows]: the bytes of each row's cells of binary columns."""
    sizes = np.zeros(frame.height, np.int64)
    for name in binary_columns(frame.schema):
        sizes += _sizes(frame[name])
    return sizes


def first_within(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """The first rows, so many that their cells of bytes are `most` bytes together at most; one row at least."""
    return frame.head(max(1, int(np.searchsorted(np.cumsum(bytes_of(frame)), most, side="right"))))


def _of_bytes(dtype: PolarsDataType) -> bool:
    return dtype == pl.Binary or (isinstance(dtype, pl.Struct) and any(_of_bytes(field.dtype) for field in dtype.fields))


def _sizes(cells: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    if cells.dtype == pl.Binary:
        return cells.bin.size().fill_null(0).to_numpy().astype(np.int64)
    fields = [cells.struct.field(one) for one in cells.struct.fields]
    return np.asarray(np.sum([_sizes(one) for one in fields if _of_bytes(one.dtype)], axis=0))
