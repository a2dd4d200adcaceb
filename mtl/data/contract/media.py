"""Cells that are bytes, of a picture or a recording: each is opened, and what cannot be is told apart.

Bytes come as they are, beside a path, or as files that a table listed (`mtl.data.file_cells`): then a file that was not there is
told here.
"""

from __future__ import annotations

import polars as pl

from mtl.data.contract.schema import BAD
from mtl.data.contract.use import Reader
from mtl.data.file_cells import CONTENT, FILE, PATH, PROBLEM

NO_BYTES = "a path without the bytes of its file"


def content(column: str, dtype: pl.DataType) -> pl.Expr:
    """The bytes of a column of them, or of structs that hold them; null where there are none."""
    cell = pl.col(column)
    return (cell.struct.field(CONTENT) if isinstance(dtype, pl.Struct) else cell.cast(pl.Binary)).alias(column)


def faults(raw: pl.Series, cells: pl.Series, readers: tuple[Reader, ...]) -> pl.DataFrame:
    """row, column, value, reason of every cell of media that is there and cannot be read.

    raw: as ingested; cells: the bytes of it. The value tells the file, or what was found instead of its bytes.
    """
    found = unreadable(cells, readers)
    if not isinstance(raw.dtype, pl.Struct):
        return found
    path = raw.struct.field(PATH)
    named = found.with_columns(value=pl.coalesce(path.gather(found["row"]) + pl.format(" ({})", "value"), "value"))
    lost = pl.DataFrame({"row": (path.is_not_null() & cells.is_null()).arg_true().cast(pl.UInt32)})
    reason = raw.struct.field(PROBLEM).gather(lost["row"]) if raw.dtype == FILE else pl.lit(NO_BYTES)
    lost = lost.with_columns(column=pl.lit(raw.name), value=path.gather(lost["row"]), reason=reason)
    return pl.concat([lost.select(BAD.names()), named]).sort("row")


def unreadable(cells: pl.Series, readers: tuple[Reader, ...]) -> pl.DataFrame:
    """row, column, value, reason of every cell that one of `readers` cannot open; `value` tells what was found."""
    found = []
    for row, cell in enumerate(cells):
        fault = None if cell is None else next((fault for one in readers if (fault := one.fault(cell))), None)
        if fault is not None:
            found.append((row, cells.name, fault[1], fault[0]))
    return pl.DataFrame(found, schema=BAD, orient="row")
