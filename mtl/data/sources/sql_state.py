"""The state file of an SQL source: what the last poll saw, in intervals of the watermark, one for each poll that found rows."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mtl.files import read_json
from mtl.spec import Source

Mark = str | int | float | bool | None
"""A watermark as JSON holds it: dates as ISO text."""


@dataclass(frozen=True)
class Interval:
    """Rows above `after` and up to `upto`. The first interval of a state also has the rows without a watermark."""

    after: Mark
    upto: Mark
    rows: int


@dataclass(frozen=True)
class SqlState:
    """Rows and largest watermark; with a watermark also the intervals, of which query, and how often all began anew."""

    rows: int
    watermark: Mark
    of: str = ""
    anew: int = 0
    parts: tuple[Interval, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What the file holds; without a watermark no intervals."""
        said = asdict(self)
        return said | {"parts": list(said["parts"])} if self.of else {"rows": self.rows, "watermark": self.watermark}


@dataclass(frozen=True)
class Seen:
    """What the database says now: rows, largest watermark, and the rows at or below the last state's watermark."""

    rows: int
    watermark: Mark
    below: int | None = None


def next_state(last: SqlState | None, seen: Seen, of: str) -> tuple[SqlState, str]:
    """The state after a poll, and why everything is to be fetched anew (empty if it is not).

    A part is added where rows came above the last watermark. Rows that came or went at or below it make all begin anew.
    """
    whole = (Interval(None, seen.watermark, seen.rows),) if seen.rows else ()
    if last is None:
        return SqlState(seen.rows, seen.watermark, of, 0, whole), ""
    if seen.below != last.rows:
        why = f"{seen.below:,} rows up to {last.watermark}, where {last.rows:,} were"
    elif seen.rows == seen.below and seen.watermark != last.watermark:
        why = f"the largest watermark is {seen.watermark}, and was {last.watermark}"
    elif seen.rows == seen.below:
        return last, ""
    else:
        new = Interval(last.watermark, seen.watermark, seen.rows - last.rows)
        return replace(last, rows=seen.rows, watermark=seen.watermark, parts=(*last.parts, new)), ""
    return SqlState(seen.rows, seen.watermark, of, last.anew + 1, whole), why


def query_of(source: Source) -> str:
    """A hash of what the intervals are intervals of: another query, database or watermark has others."""
    said = "\0".join((source.url or "", source.query or "", source.watermark or ""))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def read_state(path: Path, source: Source) -> SqlState | None:
    """The intervals in a source's state file; None if there are none of this query."""
    try:
        said = read_json(path)
        state = SqlState(**said | {"parts": tuple(Interval(**part) for part in said["parts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return state if state.of == query_of(source) and sum(part.rows for part in state.parts) == state.rows else None


def bound(as_of: date | datetime) -> tuple[datetime, bool]:
    """The time (UTC, without a zone) that `as_of` means, and whether what happened just then is seen: not on the next midnight."""
    if isinstance(as_of, datetime):
        return (as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of), True
    return datetime(as_of.year, as_of.month, as_of.day) + timedelta(days=1), False


def beyond(mark: Mark, as_of: date | datetime) -> bool:
    """A watermark is later than `as_of` lets a run see, or is no date."""
    if mark is None:
        return False
    when, also = bound(as_of)
    try:
        found = datetime.fromisoformat(mark) if isinstance(mark, str) else None
    except ValueError:
        found = None
    if found is None:
        return True
    found = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return found > when or (found == when and not also)
