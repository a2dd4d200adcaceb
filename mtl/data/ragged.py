"""Rows of different length as one array: their values one behind the other, and where each row begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Ragged:
    """values [all rows' values, …]; offsets int64 [rows + 1], from 0: row i is values[offsets[i] : offsets[i + 1]]."""

    values: np.ndarray[Any, Any]
    offsets: Ints

    @classmethod
    def of_lengths(cls, values: np.ndarray[Any, Any], lengths: Ints) -> Ragged:
        """Of values that lie one behind the other, so many a row."""
        return cls(values, _from_lengths(lengths))

    @classmethod
    def of_lists(cls, lists: pl.Series) -> Ragged:
        """From a column of lists; null is a row without values."""
        lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        return cls(lists.filter(pl.Series(lengths > 0)).explode().to_numpy(), _from_lengths(lengths))

    def lists(self) -> pl.Series:
        """As a column of lists."""
        found = pl.from_arrow(pa.LargeListArray.from_arrays(self.offsets, self.values))
        assert isinstance(found, pl.Series)
        return found

    @property
    def lengths(self) -> Ints:
        """int64 [rows]"""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice | Ints | Sequence[int] | np.ndarray[Any, np.dtype[np.bool_]]) -> Ragged:
        """Some of the rows, as an array would give them: by a slice, by numbers, or by a mask."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            begin, end = self.offsets[start], self.offsets[max(start, stop)]
            return Ragged(self.values[begin:end], np.asarray(self.offsets[start : max(start, stop) + 1] - begin))
        at = np.arange(len(self))[rows]
        lengths = self.lengths[at]
        offsets = _from_lengths(lengths)
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Ragged(self.values[np.repeat(self.offsets[at], lengths) + inside], offsets)

    def beside(self, other: Ragged) -> Ragged:
        """These rows and those of `other` behind them."""
        return Ragged.of_lengths(np.concatenate([self.values, other.values]), np.concatenate([self.lengths, other.lengths]))

    def head(self, most: int) -> Ragged:
        """Of each row the first `most` values, or all that it has; itself if no row has more."""
        lengths = np.minimum(self.lengths, most)
        if np.array_equal(lengths, self.lengths):
            return self
        inside = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths)
        return Ragged.of_lengths(self.values[inside < most], lengths)


def _from_lengths(lengths: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
