"""Where predictions of a day lie: partitions that any reader of hive-style folders takes as one table.

`OUT/SOURCE/date=2026-11-22/part-HASH.parquet` are predictions and nothing else. What was set aside and the reports lie in folders
of their own, `OUT/_quarantine` and `OUT/_reports`, under the same name. The name is a hash of the batch's rows, of what the
entity's other sources say of them to the model, and of its version: the same of all three takes its own place again, another batch
of the same day stands beside it.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import mkdtemp

import polars as pl
from polars import selectors

from mtl.data.sources.dated import DATE
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


def date_of(path: Path | None, root: Path = Path(), own: str | None = None) -> datetime.date:
    """The day that a batch's path says, else today (UTC).

    Below `own`, the source's own path (both relative to `root`), it is that of the partition (`mtl.data.sources.dated`), as a
    schedule reads it. Elsewhere that of its hive folders or of its name (`date=2026-11-22/part.csv`, `2026-11-22.csv`), else of the
    plain folders directly above it (`2026-11-22/part.csv`, `2026/11/22.csv`).
    """
    named = None
    if path is not None:
        below = _below(path, root, own)
        named = day_of(below) if below is not None else _elsewhere(path)
    return named or datetime.datetime.now(datetime.UTC).date()


def _below(path: Path, root: Path, own: str | None) -> PurePath | None:
    """A partition relative to its source's folder; None if it lies elsewhere. Of a folder it is that of a file in it."""
    if own is None:
        return None
    place, folder = (Path(os.path.normpath((root / one).absolute())) for one in (path, own))
    if place == folder or not place.is_relative_to(folder):
        return None
    file = place / "part" if place.is_dir() else place
    return PurePath(file.relative_to(folder))


def _elsewhere(path: Path) -> datetime.date | None:
    """Of plain folders only whole names count: what else is written above a file may be of another matter."""
    if not path.name:  # `.`
        return None
    folders = [part for part in path.parts if "=" in part]
    named = day_of(PurePath(*folders, "part" if path.name in folders else path.name))
    *above, name = path.parts
    tails = ["/".join(tail) for tail in (above[-1:], [*above[-2:], name.split(".")[0]], above[-3:])]
    plain = (day_of(PurePath(tail, "part")) for tail in tails if DATE.fullmatch(tail))
    return named or next((day for day in plain if day is not None), None)


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
        with suppress(FileNotFoundError):  # of a run that has just ended
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
