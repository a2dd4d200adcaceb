"""Vectors: one column of lists of numbers, each place standardised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.data.inputs.base import Arrays
from mtl.data.inputs.column import ColumnEncoding, keyed

VALUES = "vector"
"""The column of the table of numbers."""


@dataclass(frozen=True)
class VectorEncoding(ColumnEncoding):
    """One column of lists of `size` numbers; `mean` and `std` have one for each place."""

    kind: ClassVar[str] = "vector"
    dtype: ClassVar[pl.DataType] = pl.List(pl.Float64)
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.mean)

    @property
    def cells(self) -> str:
        """The column of raw frames that holds the lists."""
        return self.column_name

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """numeric float32 [n, size] (0 where absent), present bool [n]: a list of this many numbers that float32 can hold."""
        cells = frame[self.cells].cast(pl.List(pl.Float64))
        present = (cells.list.len() == self.size).fill_null(False).to_numpy()
        values = np.zeros((frame.height, self.size))
        values[present] = cells.filter(pl.Series(present)).explode().to_numpy().reshape(-1, self.size)
        with np.errstate(over="ignore"):
            numeric = ((values - np.array(self.mean)) / np.array(self.std)).astype(np.float32)
        present &= np.isfinite(numeric).all(axis=1)
        numeric[~present] = 0.0
        return {"numeric": numeric, "present": present}

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`vector`: a list of Float32, null where absent."""
        arrays = self.apply(frame)
        values = pl.Series(VALUES, arrays["numeric"], dtype=pl.Array(pl.Float32, self.size)).arr.to_list()
        return keyed(frame, values, arrays["present"])

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        cells = joined[VALUES]
        present = cells.is_not_null().to_numpy()
        numeric = np.zeros((joined.height, self.size), np.float32)
        numeric[present] = cells.drop_nulls().explode().to_numpy().reshape(-1, self.size)
        return {"numeric": numeric, "present": present}

    def counts(self) -> dict[str, int]:
        return {"numbers": self.size}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        return super().parse({**data, "mean": tuple(data["mean"]), "std": tuple(data["std"])})
