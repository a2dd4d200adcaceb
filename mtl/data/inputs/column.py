"""Inputs of one column: what their encodings share, and what those share whose rows differ in length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from mtl.data.inputs.base import Arrays, Bools, InputEncoding
from mtl.data.ragged import Ragged


@dataclass(frozen=True)
class ColumnEncoding(InputEncoding):
    """One column."""

    dtype: ClassVar[pl.DataType]
    """What its cells are, as predictions are asked for."""
    column: str
    """In the source."""
    column_name: str
    """In raw frames."""

    @property
    def columns(self) -> dict[str, str]:
        return {self.column: self.column_name}

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {self.column_name: self.dtype}


@dataclass(frozen=True)
class RaggedEncoding(ColumnEncoding):
    """One column whose rows become as many numbers, or rows of numbers, as they are long: a `Ragged` array."""

    part: ClassVar[str] = "tokens"
    """The array, and the column of the table of numbers."""

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`part`: a list of the array's type, all numbers of a row one behind the other; null where absent."""
        arrays = self.apply(frame)
        values, offsets = arrays[self.part].values, arrays[self.part].offsets
        flat = Ragged(values.reshape(-1), offsets * math.prod(values.shape[1:]))
        return keyed(frame, flat.lists().alias(self.part), arrays["present"])

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        cells = joined[self.part]
        return {self.part: Ragged.of_lists(cells), "present": cells.is_not_null().to_numpy()}


def keyed(frame: pl.DataFrame, values: pl.Series, present: Bools) -> pl.DataFrame:
    """`key` of the rows of `frame`, and their values, null where not present."""
    return pl.DataFrame([frame["key"], values]).with_columns(pl.when(pl.Series(present)).then(values.name))
