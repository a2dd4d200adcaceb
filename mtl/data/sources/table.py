"""What every format offers: a header, types, and the rows in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import polars as pl

from mtl.errors import DataError


class Table(ABC):
    """One table as it arrives. Nothing is read before it is asked for, and never more than a chunk at once."""

    place: str
    """What errors call it: the path as params.yaml says it, or the source's name for SQL."""
    size: int = 0
    """Bytes on disk; 0 if nobody knows (SQL)."""
    loose: bool = False
    """A column may be missing in a row, and so in a whole partition (NDJSON)."""
    ordered: bool = True
    """The order of rows means something (a file); False where only the key orders them (SQL)."""

    types: pl.Schema | None = None
    """What its columns are in all partitions together, once that is known; of use to a reader that converts (SQL)."""

    @abstractmethod
    def header(self) -> list[str]:
        """Column names, without reading the data."""

    @abstractmethod
    def schema(self) -> pl.Schema:
        """Names and types of what `chunks` gives; Null for a column without any value."""

    @abstractmethod
    def chunks(self) -> Iterator[pl.DataFrame]:
        """All rows, in order, in frames of bounded size."""

    def count(self) -> int:
        """Number of rows, by reading them all (only errors ask)."""
        return sum(frame.height for frame in self.chunks())

    def locate(self, row: int) -> str:
        """Where a person finds a row (counted from 0)."""
        return f"row {row + 1}"


def settle(dtype: pl.DataType) -> pl.DataType:
    """The type a column is kept in: names of categories as text, and what Arrow lacks as text."""
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Int128 | pl.UInt128):
        return pl.String()
    return dtype


def settle_schema(schema: pl.Schema) -> pl.Schema:
    return pl.Schema({name: settle(dtype) for name, dtype in schema.items()})


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """`the nearest is …`, or the columns there are."""
    lowered = {c.lower().strip(): c for c in columns}
    close = get_close_matches(name.lower().strip(), list(lowered), n=1, cutoff=0.6)
    if close:
        return f"no such column; the nearest is {lowered[close[0]]!r}"
    more = ", …" if len(columns) > 12 else ""
    return "the columns " + ", ".join(repr(c) for c in columns[:12]) + more


def check_names(place: str, names: Sequence[str]) -> None:
    """Raise DataError if a column name stands twice."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            raise DataError(
                f"{place}: the column name {name!r} stands twice in the header",
                expected="each column name once",
                found=f"{name!r} in columns {seen[name]} and {position}",
                do="rename or remove one of the two columns",
            )
        seen[name] = position
