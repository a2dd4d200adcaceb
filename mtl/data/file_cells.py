"""A listed file as a cell: its path as the table says it, its bytes, or the problem where there are none."""

from __future__ import annotations

import polars as pl

PATH, CONTENT, PROBLEM = "path", "bytes", "problem"
FILE = pl.Struct({PATH: pl.String(), CONTENT: pl.Binary(), PROBLEM: pl.String()})
"""The type of such a column of an ingested table; a cell is null where the table names no file."""
