"""From a source as it arrives to a folder of Parquet: whole, in order, each key once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars import selectors

from mtl.data.keys import key_expr
from mtl.data.sources.delivery import delivery_of, need_same
from mtl.data.sources.doubles import KeyLedger, find_doubled, read_written
from mtl.data.sources.formats import Part, open_parts
from mtl.data.sources.kept import Partition, drop_others, fit_of
from mtl.data.sources.latest import LatestLedger
from mtl.data.sources.schema import common_schema, fit
from mtl.data.sources.table import nearest_column
from mtl.data.sources.writer import PartWriter, enough_room
from mtl.errors import DataError
from mtl.files import replacing
from mtl.spec import Source, Spec


@dataclass(frozen=True)
class Ingested:
    """What was written: rows in all, files, and the names of the columns."""

    rows: int
    partitions: int
    columns: tuple[str, ...]
    new: int | None = None
    """Files that were read; the others were kept from before. None where nothing is kept (a single file)."""


@dataclass(frozen=True)
class Job:
    """One source on its way."""

    name: str
    source: Source
    key: tuple[str, ...]
    key_text: pl.Expr
    parts: list[Part]
    kept: list[Partition | None]
    """Of each part: what is kept of it, if parts are kept."""
    schema: pl.Schema

    @property
    def looked_at(self) -> list[str] | None:
        """The columns that tell whether a row stays; None for all."""
        if self.source.repeats != "latest":
            return list(self.key)
        by = self.source.latest_by or ""
        return [*self.key, *([] if by in self.key else [by])] if self.parts[0].table.ordered else None

    def locate(self, row: int) -> str:
        """`data/raw/people.csv, line 17`: where a person finds the row (from 0, over all partitions)."""
        start = 0
        for part in self.parts:
            height = part.table.count()
            if row < start + height:
                return f"{part.table.place}, {part.table.locate(row - start)}"
            start += height
        return f"row {row + 1}"


def ingest_source(spec: Spec, name: str, root: Path, target: Path, keep: Path | None = None) -> Ingested:
    """Write the source's table to the folder `target`, one Parquet file a partition.

    Rows stand as they came (SQL: by key); the same content gives the same bytes. Memory does not grow with the rows.
    `keep`: a folder where what was made of each partition is kept, so that next time only new ones are read.
    Raises DataError or SpecError, and leaves the old `target`, for whatever stands in the way (a key that is null or
    stands twice, a file that is missing, broken, cut short or changed meanwhile, a server that is not there, a full disk).
    """
    delivered = delivery_of(spec.sources[name], root)
    job = _job(spec, name, root, keep)
    needed = sum(part.table.size for part in job.parts)
    with enough_room(f"source {name!r}", target, needed), replacing(target) as folder:
        folder.mkdir()
        work = folder / ".work"
        write = _write_latest if job.source.repeats == "latest" else _write_unique
        rows, new = write(job, folder, work)
        if work.exists():
            shutil.rmtree(work)
        need_same(name, job.source, root, delivered)
    if keep is not None:
        drop_others(keep, filter(None, job.kept))
    return Ingested(rows, len(job.parts), tuple(job.schema), new if any(job.kept) else None)


def read_header(spec: Spec, name: str, root: Path) -> list[str]:
    """Names of the source's columns as ingested, without reading its data (NDJSON: the names in its first 4 MB).

    Raises DataError or SpecError if the source cannot be opened.
    """
    return _columns(open_parts(spec, name, root), spec.sources[name], name)


def _columns(parts: Sequence[Part], source: Source, name: str) -> list[str]:
    names: dict[str, None] = {}
    for part in parts if parts[0].table.loose else parts[:1]:
        names.update(dict.fromkeys(part.table.header()))
    number = source.row_number
    if number in names:
        raise DataError(
            f"source {name!r}, {parts[0].table.place}: a column {number!r} is there already",
            expected="a new column's name (row_number)", found=f"{number!r} in the header",
            do="take that column as the key, or write another name",
        )  # fmt: skip
    return [*names, *([] if number is None else [number])]


def _job(spec: Spec, name: str, root: Path, keep: Path | None) -> Job:
    entity, source = spec.entities[spec.entity_of(name)], spec.sources[name]
    parts = open_parts(spec, name, root)
    kept = [Partition(keep, part.origin, part.table) if keep and part.origin else None for part in parts]
    parts = [Part(part.name, one.table, part.origin) if one else part for part, one in zip(parts, kept, strict=True)]
    names = _columns(parts, source, name)
    for column in entity.key:
        _need_column(column, names, f"source {name!r}, {parts[0].table.place}: no key column {column!r}", "entities: key")
    if source.repeats == "latest" and source.latest_by:
        what = f"source {name!r}, {parts[0].table.place}: no column {source.latest_by!r}"
        _need_column(source.latest_by, names, what, f"sources: {name}: latest_by")
    schema = common_schema([part.table for part in parts])
    for part in parts:
        part.table.types = schema
    if source.row_number is not None:
        schema = pl.Schema({**schema, source.row_number: pl.Int64()})
    return Job(name, source, entity.key, key_expr(entity), parts, kept, schema)


def _need_column(column: str, names: Sequence[str], what: str, key: str) -> None:
    if column not in names:
        raise DataError(
            what, expected=f"a column {column!r}, as params.yaml says ({key})", found=nearest_column(column, names),
            do="correct the name in params.yaml, or the table's header",
        )  # fmt: skip


def _write_unique(job: Job, folder: Path, work: Path) -> tuple[int, int]:
    """(rows, parts read): every row, each key once."""
    ledger = KeyLedger(work)
    rows = new = 0

    def see(frame: pl.DataFrame) -> None:
        nonlocal rows
        ledger.add(_keys(job, frame, rows))
        rows += frame.height

    for number, part in enumerate(job.parts):
        new += _write_part(job, number, folder / f"{part.name}.parquet", rows, see)
    _need_rows(job, rows)
    if hashes := ledger.doubled():
        _refuse_doubled(job, folder, hashes)
    return rows, new


def _write_part(job: Job, number: int, path: Path, before: int, see: Callable[[pl.DataFrame], None]) -> bool:
    """Write one part, as it is kept or as it is read (then True), and show its rows, of which `before` came earlier."""
    part, kept = job.parts[number], job.kept[number]
    fits = fit_of(job.schema, None if job.source.row_number is None else before)
    if kept and kept.take(fits, path):
        for frame in read_written([path], job.looked_at):
            see(frame)
        return False
    with PartWriter(path, job.schema) as writer:
        for frame in part.table.chunks():
            whole = fit(_numbered(job, frame, before + writer.rows), job.schema)
            see(whole)
            writer.write(whole)
    if kept:
        kept.keep(fits, path, writer.rows)
    return True


def _numbered(job: Job, frame: pl.DataFrame, before: int) -> pl.DataFrame:
    """The rows with their number, if the source asks for it; `before` rows came earlier."""
    return frame if job.source.row_number is None else frame.with_row_index(job.source.row_number, offset=before + 1)


def _write_latest(job: Job, folder: Path, work: Path) -> tuple[int, int]:
    """(rows kept, parts read): all rows aside, then the newest of each key, each to its own partition's file."""
    ledger = LatestLedger(work, job.source.latest_by or "")
    rows, new, ends = 0, 0, []
    ordered = job.parts[0].table.ordered

    def see(frame: pl.DataFrame) -> None:
        nonlocal rows
        ledger.add(_keys(job, frame, rows), frame[ledger.latest_by], None if ordered else frame.hash_rows(seed=0))
        rows += frame.height

    for number, part in enumerate(job.parts):
        new += _write_part(job, number, _aside(work, part), rows, see)
        ends.append(rows)
    _need_rows(job, rows)
    if bad := ledger.unordered():
        _refuse_unordered(job, *bad)
    return _copy_newest(job, folder, work, np.split(ledger.keep(), ends[:-1])), new


def _copy_newest(job: Job, folder: Path, work: Path, keep: Sequence[np.ndarray]) -> int:
    """Each part's rows that stay (`keep`: bool [rows], a part each); how many they are."""
    for part, stays in zip(job.parts, keep, strict=True):
        aside, target, start = _aside(work, part), folder / f"{part.name}.parquet", 0
        if stays.all():
            aside.replace(target)
            continue
        with PartWriter(target, job.schema) as writer:
            for frame in read_written([aside]):
                writer.write(frame.filter(pl.Series(stays[start : start + frame.height])))
                start += frame.height
    return sum(int(stays.sum()) for stays in keep)


def _keys(job: Job, frame: pl.DataFrame, before: int) -> pl.Series:
    """The rows' keys as text; DataError names the first that is null."""
    parts = frame.select(job.key).with_columns(selectors.float().fill_nan(None))
    keys = parts.select(job.key_text).to_series()
    if keys.null_count():
        row = int(keys.is_null().arg_true()[0])
        column = next(name for name in job.key if parts[name][row] is None)
        raise DataError(
            f"source {job.name!r}, {job.locate(before + row)}: no key",
            expected=f"a value in the key column {column!r} of every row",
            found="nothing (empty, or one of the source's null_values)",
            do="give the row its key, or take the row out",
        )
    return keys


def _refuse_doubled(job: Job, folder: Path, hashes: set[int]) -> None:
    files = [folder / f"{part.name}.parquet" for part in job.parts]
    twice = find_doubled(files, job.key, job.key_text, hashes)
    if twice is None:
        return
    first, second = job.locate(twice.first), job.locate(twice.second)
    named = ", ".join(f"{column} = {value!r}" for column, value in zip(job.key, twice.key, strict=True))
    others = f" (and {'at least ' if len(hashes) >= 1000 else ''}{len(hashes) - 1} more keys)" if len(hashes) > 1 else ""
    raise DataError(
        f"source {job.name!r}: the key {named} stands twice{others}",
        expected="each key once (repeats: error)",
        found=f"{first}, and {second}",
        do="remove one of the rows; or write `repeats: latest` and `latest_by: COLUMN` under this source; "
        "or add the column that tells the rows apart (say a date) to the entity's key",
    )


def _refuse_unordered(job: Job, row: int, value: str) -> None:
    raise DataError(
        f"source {job.name!r}, {job.locate(row)}: the column {job.source.latest_by!r} (latest_by) cannot be ordered",
        expected="ISO dates (2024-01-31, 2024-01-31 12:00) or numbers in every row",
        found=repr(value),
        do="write the dates in ISO form, or choose another column for latest_by",
    )


def _need_rows(job: Job, rows: int) -> None:
    if not rows:
        raise DataError(
            f"source {job.name!r}, {job.parts[0].table.place}: a table without rows", expected="at least one row",
            found="a header only" if not job.source.is_sql else "a query that gives no row", do="deliver the table again",
        )  # fmt: skip


def _aside(work: Path, part: Part) -> Path:
    return work / f"{part.name}.parquet"
