"""The batches of a source: its dated partitions, and which of them nobody has scored or looked at yet."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from mtl.data.sources.dated import date_of, endings_of
from mtl.data.sources.folder import part_files
from mtl.errors import DataError
from mtl.serving.arrival import known_source
from mtl.spec import SPEC, Spec, read_spec

Batch = tuple[datetime.date | None, Path | None]
"""Its date, and its table relative to the root; (None, None): the source has no dated partitions, so it is one batch."""


def batches(
    root: Path, source: str, since: datetime.date | None, until: datetime.date | None, is_done: Callable[[datetime.date], bool]
) -> list[Batch]:
    """The batches from `since` to `until` (both included, None: no bound) that are not done, the oldest first.

    Raises SpecError for an unknown source, DataError for one without dated partitions of which dates are asked for, or with two
    partitions of a day.
    """
    spec = read_spec(root / SPEC)
    known_source(spec, source)
    dated = partitions_by_date(root, spec, source)
    if not dated:
        if since or until:
            raise DataError(f"source {source!r}", expected="a folder of dated partitions", found=spec.sources[source].path)
        return [(None, None)]
    within = [day for day in sorted(dated) if (since is None or day >= since) and (until is None or day <= until)]
    return [(day, dated[day]) for day in within if not is_done(day)]


def partitions_by_date(root: Path, spec: Spec, source: str) -> dict[datetime.date, Path]:
    """Day -> the file that holds it, relative to the root; empty for a source that is no folder of dated partitions."""
    one, folder = spec.sources[source], root / spec.sources[source].path
    if one.is_sql or one.table is not None or not folder.is_dir():
        return {}
    found: dict[datetime.date, Path] = {}
    undated: list[Path] = []
    for file in part_files(folder, endings_of(one), one.path):
        day = date_of(file.relative_to(folder))
        if day is None:
            undated.append(file)
            continue
        if day in found:
            raise DataError(
                f"source {source!r}: two partitions of {day}",
                expected="one a day",
                found=f"{found[day]} and {file.relative_to(root)}",
                do="put them into one file",
            )  # fmt: skip
        found[day] = file.relative_to(root)
    if found and undated:
        raise DataError(
            f"source {source!r}: {undated[0].relative_to(root)}", expected="a date in the partition's name, as in the others",
            found="none", do="write the day into its name",
        )  # fmt: skip
    return found
