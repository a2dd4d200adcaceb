"""`repeats: latest`: which row of each key is the newest, with memory that does not grow with the rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl

BUCKETS = 64
HELD = 1 << 19
ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|\+00:?00)?$"


class LatestLedger:
    """Remembers key, row and date of every row, on disk, in files by the key's hash.

    Dates as text sort right if they are ISO dates; numbers as text are compared as numbers. A row without a date is
    older than any other. Of two rows with one date the later one wins (SQL, whose rows have no order: the one whose
    content has the greater hash).
    """

    def __init__(self, folder: Path, latest_by: str) -> None:
        self.folder, self.latest_by = folder, latest_by
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held: list[pl.DataFrame] = []
        self._count = self._spills = self.rows = 0
        self._no_date: tuple[int, str] | None = None
        self._no_number: tuple[int, str] | None = None

    def add(self, keys: pl.Series, dates: pl.Series, tie: pl.Series | None) -> None:
        """The next rows: keys (String), what latest_by says of them, and (SQL) the hash of their content (UInt64)."""
        self._judge(dates)
        rows = pl.int_range(self.rows, self.rows + len(keys), dtype=pl.UInt64, eager=True)
        frame = pl.DataFrame({"key": keys, "row": rows, "when": _plain(dates), "tie": rows if tie is None else tie})
        self._held.append(frame)
        self._count += frame.height
        self.rows += frame.height
        if self._count >= HELD:
            self._spill()

    def unordered(self) -> tuple[int, str] | None:
        """(row, value) of the first date that is not ISO, if they are neither all ISO dates nor all numbers."""
        return self._no_date if self._no_date and self._no_number else None

    def keep(self) -> np.ndarray:
        """bool [rows], memory-mapped: the row is the newest of its key."""
        self._spill()
        keep = np.memmap(_reserve(self.folder / "keep", self.rows), np.bool_, "r+", shape=(self.rows,))
        numbers = self._no_number is None
        for bucket in range(BUCKETS):
            pieces = sorted(self.folder.glob(f"{bucket:02d}-*.parquet"))
            if pieces:
                frame = pl.concat([pl.read_parquet(piece) for piece in pieces])
                keep[_newest(frame, numbers).to_numpy()] = True
        return keep

    def _judge(self, dates: pl.Series) -> None:
        if dates.dtype != pl.String:
            self._no_number = self._no_number or (0, "")  # a type with an order of its own: nothing to convert
            return
        known = dates.is_not_null()
        if self._no_date is None:
            self._no_date = _first(dates, known & ~dates.str.contains(ISO).fill_null(False), self.rows)
        if self._no_number is None:
            self._no_number = _first(dates, known & dates.cast(pl.Float64, strict=False).is_null(), self.rows)

    def _spill(self) -> None:
        if not self._held:
            return
        frame = pl.concat(self._held).with_columns((pl.col("key").hash(seed=0) % BUCKETS).alias("bucket"))
        for (bucket,), piece in frame.partition_by("bucket", as_dict=True, include_key=False).items():
            piece.write_parquet(self.folder / f"{bucket:02d}-{self._spills:05d}.parquet", compression="lz4")
        self._held, self._count = [], 0
        self._spills += 1


def _reserve(path: Path, size: int) -> Path:
    """A file of zeros whose room is taken: writing to a mapped file on a full disk would end the process."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return path


def _newest(frame: pl.DataFrame, numbers: bool) -> pl.Series:
    when = pl.col("when").cast(pl.Float64) if numbers else pl.col("when")
    ordered = frame.with_columns(when).sort("when", "tie", nulls_last=False)
    return ordered.unique("key", keep="last")["row"]


def _plain(dates: pl.Series) -> pl.Series:
    """Text that sorts as time does: all of it is UTC, and a `Z` would stand behind the seconds that another row has."""
    if dates.dtype != pl.String:
        return dates
    return dates.str.replace("T", " ", literal=True).str.replace(r"(:\d{2}(?:\.\d+)?)(?:Z|\+00:?00)$", "$1")


def _first(values: pl.Series, bad: pl.Series, start: int) -> tuple[int, str] | None:
    rows = bad.arg_true()
    return (start + rows[0], str(values[rows[0]])) if len(rows) else None
