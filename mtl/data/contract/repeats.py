"""Whether a key stands twice, over all chunks: 24 bytes a row, whatever the keys are."""

from __future__ import annotations

import numpy as np
import polars as pl

from mtl.data.keys import key_expr
from mtl.spec import Entity


class Ledger:
    """Two hashes and the position of every kept row, in the order they come; with a moment, the latest can be told.

    128 bits of hash: two keys that are not the same share them with a chance below 1e-20 in a billion rows. The hashes
    are compared within one run only, so that they may differ between versions of Polars.
    """

    def __init__(self, entity: Entity, latest_by: str | None = None) -> None:
        self._key, self._latest_by = key_expr(entity), latest_by
        self._frames: list[pl.DataFrame] = []

    def add(self, kept: pl.DataFrame, rows: pl.Series) -> None:
        """Kept rows of a chunk and their positions in the source."""
        keys = kept.select(self._key).to_series()
        frame = pl.DataFrame({"a": keys.hash(11), "b": keys.hash(29), "row": rows.cast(pl.UInt64)})
        if self._latest_by:
            frame = frame.with_columns(moment=kept[self._latest_by].cast(pl.Datetime("us")))
        self._frames.append(frame)

    def repeated(self) -> list[int]:
        """Positions of the first key that stands twice, in order; empty if every key stands once."""
        twice = self._twice().sort("row")
        if not twice.height:
            return []
        first = twice.row(0, named=True)
        same = twice.filter((pl.col("a") == first["a"]) & (pl.col("b") == first["b"]))
        return same["row"].to_list()

    def superseded(self) -> np.ndarray:
        """uint64: positions of all rows of a repeated key but the one with the latest moment (the last of equal ones)."""
        twice = self._twice()
        if not twice.height:
            return np.empty(0, np.uint64)
        latest = twice.sort("moment", "row", nulls_last=False).unique(["a", "b"], keep="last", maintain_order=True)
        return twice.join(latest, on="row", how="anti")["row"].sort().to_numpy()

    def _twice(self) -> pl.DataFrame:
        """The rows whose key stands twice; by the first hash alone at first, since mostly there are none."""
        hashes = np.sort(np.concatenate([np.empty(0, np.uint64), *(f["a"].to_numpy() for f in self._frames)]))
        again = pl.Series(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]), dtype=pl.UInt64)
        empty = pl.DataFrame(schema={"a": pl.UInt64, "b": pl.UInt64, "row": pl.UInt64})
        found = [f.filter(pl.col("a").is_in(again.implode())) for f in self._frames] if len(again) else []
        table = pl.concat(found) if found else empty
        return table.filter(pl.struct("a", "b").is_duplicated())
