"""Rows dealt out into parts (folds), whole units at a time: the same on every machine and in every version."""

from __future__ import annotations

import polars as pl

from mtl.data.keys import stable_hash

UNIT = pl.when(pl.col("group").is_null()).then(pl.lit("k") + pl.col("key")).otherwise(pl.lit("g") + pl.col("group")).alias("unit")
"""Of rows with `key` and `group`: what stays together, a row's group, or where it has none its own key."""


def dealt_out(rows: pl.DataFrame, parts: int, salt: str) -> pl.Series:
    """Int64 [rows]: the part, 0 to parts − 1, of each row of `rows` (entity, unit).

    By the rank of a stable hash of its unit, salted, within its entity: a unit stays together, and an entity's parts
    differ by one unit at most.
    """
    units = rows.select("entity", "unit").unique()
    units = units.with_columns(at=pl.Series(stable_hash(units["unit"], salt)))
    rank = pl.struct("at", "unit").rank("ordinal").over("entity").cast(pl.Int64) - 1
    units = units.with_columns(part=rank % parts)
    return rows.join(units, on=["entity", "unit"], how="left", maintain_order="left")["part"]
