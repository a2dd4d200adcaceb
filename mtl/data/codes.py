"""Values of a column as numbers: its codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

MISSING, UNKNOWN, FIRST = 0, 1, 2
"""Codes of a categorical column: no value; a value not seen in train; the first of its values."""


def codes_of(column: pl.Series, values: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """int32 [n]: the code of each cell of a column of texts."""
    known = {value: FIRST + i for i, value in enumerate(values)}
    table = pl.DataFrame({"value": list(known), "code": list(known.values())}, schema={"value": pl.String, "code": pl.Int32})
    joined = column.rename("value").to_frame().join(table, on="value", how="left", maintain_order="left")
    code = pl.when(pl.col("value").is_null()).then(MISSING).otherwise(pl.col("code").fill_null(UNKNOWN)).cast(pl.Int32)
    return joined.select(code).to_series().to_numpy()
