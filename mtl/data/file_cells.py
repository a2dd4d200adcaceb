"""A listed file as a cell: its path as the table says it, its bytes, or the problem where there are none.

Hugging Face's datasets write pictures and recordings to Parquet nearly so: bytes and a path, either of which may be missing.
"""

from __future__ import annotations

import polars as pl

PATH, CONTENT, PROBLEM = "path", "bytes", "problem"
FILE = pl.Struct({PATH: pl.String(), CONTENT: pl.Binary(), PROBLEM: pl.String()})
"""The type of such a column of an ingested table; a cell is null where the table names no file."""


def is_pair(dtype: pl.DataType) -> bool:
    """Whether it is a struct of bytes and a path, and of nothing else."""
    return isinstance(dtype, pl.Struct) and dtype.to_schema() == {CONTENT: pl.Binary(), PATH: pl.String()}
