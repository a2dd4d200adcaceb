"""Keys that stand twice, found with memory that does not grow with the rows.

Each key's 64-bit hash is spilled into one of 64 files by its first bits; a hash that stands twice stands twice in
its file. Two keys may share a hash, so a second pass over the written table compares the keys themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from mtl.data.bulk import batches

BUCKETS = 64
HELD = 1 << 20
"""Hashes held in memory before they are spilled."""
CANDIDATES = 1000
"""Doubled hashes looked at; among so many at least one is a doubled key and no accident."""


@dataclass(frozen=True)
class Doubled:
    """A key that stands twice: its parts as text, and both rows (from 0)."""

    key: tuple[str, ...]
    first: int
    second: int


class KeyLedger:
    """Remembers every key's hash, on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: list[np.ndarray] = []
        self._count = 0

    def add(self, keys: pl.Series) -> None:
        """Keys (String) of the next rows."""
        self._held.append(keys.hash(seed=0).to_numpy())
        self._count += len(keys)
        if self._count >= HELD:
            self._spill()

    def doubled(self) -> set[int]:
        """Up to CANDIDATES hashes that stand at least twice."""
        found: set[int] = set()
        for hashes in self._buckets():
            hashes.sort()
            found.update(np.unique(hashes[1:][hashes[1:] == hashes[:-1]])[: CANDIDATES - len(found)].tolist())
            if len(found) >= CANDIDATES:
                break
        return found

    def _buckets(self) -> Iterator[np.ndarray]:
        files = [self.folder / f"{bucket:02d}.u64" for bucket in range(BUCKETS)]
        if any(file.exists() for file in files):
            self._spill()
            yield from (np.fromfile(file, np.uint64) for file in files if file.exists())
        elif self._held:
            yield np.concatenate(self._held)

    def _spill(self) -> None:
        if not self._held:
            return
        hashes = np.concatenate(self._held)
        buckets = hashes >> np.uint64(58)
        order = np.argsort(buckets, kind="stable")
        edges = np.searchsorted(buckets[order], np.arange(BUCKETS + 1))
        self.folder.mkdir(parents=True, exist_ok=True)
        for bucket in range(BUCKETS):
            with (self.folder / f"{bucket:02d}.u64").open("ab") as file:
                file.write(hashes[order[edges[bucket] : edges[bucket + 1]]].tobytes())
        self._held, self._count = [], 0


def find_doubled(files: Iterable[Path], key: Sequence[str], key_text: pl.Expr, hashes: set[int]) -> Doubled | None:
    """The first key among those with these hashes that really stands twice in the written files; None if all were accidents.

    Memory: one batch and at most one row for each hash (and its accidental twins).
    """
    wanted = pl.Series(sorted(hashes), dtype=pl.UInt64)
    seen: dict[str, int] = {}
    start = 0
    for frame in read_written(files, key):
        texts = frame.select(key_text.alias("_key")).to_series()
        rows = texts.hash(seed=0).is_in(wanted.implode()).arg_true()
        for row in rows:
            if texts[row] in seen:
                return Doubled(tuple(str(frame[part][row]) for part in key), seen[texts[row]], start + row)
            seen[texts[row]] = start + row
        start += frame.height
    return None


def read_written(files: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The rows of Parquet files we wrote, in order, in batches."""
    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in batches(file, 1 << 16, list(columns) if columns else None):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame
