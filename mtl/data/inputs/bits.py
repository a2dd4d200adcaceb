"""Bits: one column of lists that say which bits are 1, such as the fingerprint of a molecule. Nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays
from mtl.data.inputs.column import ColumnEncoding, keyed
from mtl.data.ragged import Ragged

PLACES = "bits"
"""The column of the table of numbers."""


@dataclass(frozen=True)
class BitsEncoding(ColumnEncoding):
    """One column of lists of places from 0 to `size` − 1: a vector of zeros and ones, left as they are."""

    kind: ClassVar[str] = "bits"
    dtype: ClassVar[pl.DataType] = pl.List(pl.Int64)
    size: int

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """numeric uint8 [n, size], 1 at the places of the row's list; present bool [n]: a list, be it empty, of such places."""
        cells = frame[self.column_name].cast(pl.List(pl.Int64))
        known = cells.list.eval(pl.element().is_between(0, self.size - 1).fill_null(False)).list.all()
        return self._arrays(cells.set(~known.fill_null(False), None))

    def _arrays(self, cells: pl.Series) -> Arrays:
        lists, numeric = Ragged.of_lists(cells), np.zeros((len(cells), self.size), np.uint8)
        numeric[np.repeat(np.arange(len(lists)), lists.lengths), lists.values] = 1
        return {"numeric": numeric, "present": cells.is_not_null().to_numpy()}

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`bits`: a list of Int32, rising, null where absent."""
        arrays = self.apply(frame)
        places = np.nonzero(arrays["numeric"])[1].astype(np.int32)
        lists = Ragged.of_lengths(places, arrays["numeric"].sum(1, dtype=np.int64)).lists()
        return keyed(frame, lists.alias(PLACES), arrays["present"])

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        return self._arrays(joined[PLACES])

    def counts(self) -> dict[str, int]:
        return {"bits": self.size}
