"""Where predictions of a day lie: partitions that any reader of hive-style folders takes as one table.

`OUT/SOURCE/date=2026-11-22/part-HASH.parquet` are predictions and nothing else. What was set aside and the reports lie in folders
of their own, `OUT/_quarantine` and `OUT/_reports`, under the same name. The name is a hash of the batch's rows and the model's
version: the same batch takes its own place again, another one of the same day stands beside it.
"""

from __future__ import annotations

import datetime
import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import mkdtemp

import polars as pl
from polars import selectors

from mtl.data.sources.dated import date_of as day_of

SCORED = Path("data/scored")
QUARANTINE, REPORTS, WRITING = "_quarantine", "_reports", ".writing-"
ABANDONED = 24 * 3600
"""Seconds after which what a killed run was writing is thrown away."""


@dataclass(frozen=True)
class Places:
    """Of one batch."""

    out: Path
    source: str
    date: datetime.date
    name: str

    @property
    def part(self) -> Path:
        """The predictions."""
        return self._in(self.out, "parquet")

    @property
    def quarantine(self) -> Path:
        """Rows that were set aside, with their reasons."""
        return self._in(self.out / QUARANTINE, "parquet")

    @property
    def report(self) -> Path:
        return self._in(self.out / REPORTS, "json")

    def _in(self, folder: Path, ending: str) -> Path:
        return folder / self.source / f"date={self.date.isoformat()}" / f"part-{self.name}.{ending}"


def date_of(path: Path | None) -> datetime.date:
    """The day that the name of a partition or its folders say (`date=2026-11-22/part.csv`, `2026-11-22.csv`), else today (UTC)."""
    if path is not None:
        folders = [part for part in path.parts if "=" in part]
        named = day_of(PurePath(*folders, "part" if path.name in folders else path.name))
        if named is not None:
            return named
    return datetime.datetime.now(datetime.UTC).date()


def name_of(version: int, frames: Iterable[pl.DataFrame]) -> str:
    """16 hex digits: SHA-256 of the rows' cells as JSON, whatever frames they come in, and of the version."""
    found = hashlib.sha256(f"version {version}\n".encode())
    for frame in frames:
        plain = frame.with_columns(selectors.binary().bin.encode("base64"))
        for row in plain.select(pl.struct(pl.all()).struct.json_encode()).to_series():
            found.update(row.encode() + b"\n")
    return found.hexdigest()[:16]


@contextmanager
def writing_in(out: Path) -> Iterator[Path]:
    """A new folder in `out`, on the same disk as what will be moved out of it; gone when the block ends."""
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(f"{WRITING}*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=WRITING, dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(made: Path, place: Path) -> None:
    """Move a finished file to its place, where it stands whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    made.replace(place)
