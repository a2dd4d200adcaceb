"""Dates in the names of partitions: which there are, and which of them a source pinned by `as_of` may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePath

from mtl.data.sources.folder import SUFFIXES
from mtl.errors import DataError
from mtl.spec import Source

DATE = re.compile(r"(?<!\d)((?:19|20|21)\d\d)([-_./]?)(\d\d)\2(\d\d)(?!\d)")
"""A day: 2026-11-01, 20261101, 2026_11_01, or the folders 2026/11/01."""


def date_of(partition: PurePath) -> date | None:
    """The day that a partition's path (relative to its source's folder) says; None if it says none.

    Its hive folders decide (`date=2026-11-01`, or `year=2026/month=11/day=01`), else its file's name, else its whole path.
    Of two dates in one name (`2026-10-01_2026-10-31.csv`) it is the later one: the rows were not there before.
    """
    hive = dict(part.lower().split("=", 1) for part in partition.parts[:-1] if "=" in part)
    try:
        return date(*(int(hive[part]) for part in ("year", "month", "day")))
    except (KeyError, ValueError):
        pass
    whole = [value for value in hive.values() if DATE.fullmatch(value)]
    for text in (*reversed(whole), partition.stem, partition.with_suffix("").as_posix()):
        if found := list(_dates(text)):
            return max(found)
    return None


def last_day(as_of: date | datetime) -> date:
    """The last day whose partition is seen; of a time the last one that has ended by then (UTC)."""
    if isinstance(as_of, datetime):
        return (as_of.astimezone(UTC) if as_of.tzinfo else as_of).date() - timedelta(days=1)
    return as_of


def seen(files: list[Path], folder: Path, source: Source, name: str) -> list[Path]:
    """The partitions that `as_of` lets the source see; all without it.

    Raises DataError for a partition without a date in its name, and if there is none left.
    """
    if source.as_of is None:
        return files
    last = last_day(source.as_of)
    days = {file: date_of(file.relative_to(folder)) for file in files}
    undated = [file.relative_to(folder).as_posix() for file, day in days.items() if day is None]
    if undated:
        raise DataError(
            f"source {name!r}, {source.path}/{undated[0]}: no date in the partition's name",
            expected=f"a date such as 2026-11-01 or 20261101, since the source is pinned (as_of: {source.as_of})",
            found=f"{undated[0]}" + (f" (and {len(undated) - 1} more)" if len(undated) > 1 else ""),
            do="write the day into the name, move the file away, or take `as_of` out of params.yaml",
        )
    found = [file for file, day in days.items() if day is not None and day <= last]
    if not found:
        earliest = min(day for day in days.values() if day is not None)
        raise DataError(
            f"source {name!r}, {source.path}: every partition is later than as_of", expected=f"one of {last} or before",
            found=f"the earliest is of {earliest}", do="write a later `as_of` in params.yaml, or take it out",
        )  # fmt: skip
    return found


def endings_of(source: Source) -> list[str]:
    """How the files end that may be a source's partitions."""
    return [ending for ending, kind in SUFFIXES.items() if source.format in ("auto", kind)]


def _dates(text: str) -> Iterator[date]:
    for year, _, month, day in DATE.findall(text):
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:  # eight digits that are no day
            continue
