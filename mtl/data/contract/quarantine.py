"""What is set aside, as two Parquet files that a person can open: rows.parquet and cells.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from mtl.data.contract.check import Checked
from mtl.data.contract.chunks import ParquetSink, schema_of
from mtl.data.contract.text import raw_text, shortened

CELLS = pl.Schema({"row": pl.UInt64, "key": pl.String, "column": pl.String, "value": pl.String, "reason": pl.String})


class Quarantine:
    """Both files in `folder`, written chunk by chunk; use as a context."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        folder.mkdir(parents=True)
        columns = list(dict.fromkeys(c for file in files for c in schema_of(file).names()))
        self._names = {c: _free(c, columns) for c in columns}
        self._schema = pl.Schema(
            [("row", pl.UInt64), *((n, pl.String) for n in self._names.values()), ("reasons", pl.List(pl.String))]
        )
        self._rows = ParquetSink(folder / "rows.parquet", self._schema)
        self._cells = ParquetSink(folder / "cells.parquet", CELLS)
        self.rows = 0
        """Rows written so far."""

    def add(self, start: int, raw: pl.DataFrame, chunk: Checked) -> None:
        """What a chunk whose first row is `start` gave up."""
        self._cells.append(chunk.cells.with_columns(pl.col("row").cast(pl.UInt64) + start))
        if not chunk.dropped.height:
            return
        reasons = chunk.dropped.group_by("row", maintain_order=True).agg(reasons=_sentence())
        reasons = reasons.sort("row")
        taken = raw[reasons["row"]].select(raw_text(c, raw.schema[c]).alias(self._names[c]) for c in raw.columns)
        absent = [pl.lit(None, pl.String).alias(n) for c, n in self._names.items() if c not in raw.columns]
        frame = taken.with_columns(*absent, reasons["reasons"], (reasons["row"].cast(pl.UInt64) + start).alias("row"))
        self._rows.append(frame.select(self._schema.names()))
        self.rows += frame.height

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, *error: object) -> None:
        self._rows.close()
        self._cells.close()


def _sentence() -> pl.Expr:
    """`diastolic_1: expected 20 … 200, found 0`."""
    return pl.format("{}: {}, found {}", "column", "reason", shortened(pl.col("value").fill_null("nothing")))


def _free(column: str, taken: list[str]) -> str:
    """The column's name, changed where quarantine has a column of its own by that name."""
    while column in ("row", "reasons"):
        column = f"{column}_"
        while column in taken:
            column = f"{column}_"
    return column
