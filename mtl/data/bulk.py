"""Tables whose rows are large, pictures say: how many rows are read or written together, so that memory stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

BYTES = 64 << 20
"""Bytes of rows that are held together, about."""


def rows_together(parquet: Any, most: int) -> int:
    """`most` rows of an open `pyarrow.parquet.ParquetFile`, or as many as BYTES hold of its largest row group (one at least)."""
    groups = (parquet.metadata.row_group(i) for i in range(parquet.metadata.num_row_groups))
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=0.0)
    return most if widest * most <= BYTES else max(1, int(BYTES / widest))


def binary_columns(schema: pl.Schema) -> list[str]:
    """Columns that hold bytes, also within a struct."""
    return [name for name, dtype in schema.items() if _of_bytes(dtype)]


def bytes_of(frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """int64 [rows]: the bytes of each row's cells of binary columns."""
    sizes = np.zeros(frame.height, np.int64)
    for name in binary_columns(frame.schema):
        sizes += _sizes(frame[name])
    return sizes


def _of_bytes(dtype: PolarsDataType) -> bool:
    return dtype == pl.Binary or (isinstance(dtype, pl.Struct) and any(_of_bytes(field.dtype) for field in dtype.fields))


def _sizes(cells: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    if cells.dtype == pl.Binary:
        return cells.bin.size().fill_null(0).to_numpy().astype(np.int64)
    fields = [cells.struct.field(one) for one in cells.struct.fields]
    return np.asarray(np.sum([_sizes(one) for one in fields if _of_bytes(one.dtype)], axis=0))
