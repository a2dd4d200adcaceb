"""From a source as it arrives to a folder of Parquet: whole, in order, each key once."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars import selectors

from mtl.data.keys import key_expr
from mtl.data.sources.doubles import KeyLedger, find_doubled, read_written
from mtl.data.sources.formats import Part, open_parts
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


@dataclass(frozen=True)
class Job:
    """One source on its way."""

    name: str
    source: Source
    key: tuple[str, ...]
    key_text: pl.Expr
    parts: list[Part]
    schema: pl.Schema

    def locate(self, row: int) -> str:
        """`data/raw/people.csv, line 17`: where a person finds the row (from 0, over all partitions)."""
        start = 0
        for part in self.parts:
            height = part.table.count()
            if row < start + height:
                return f"{part.table.place}, {part.table.locate(row - start)}"
            start += height
        return f"row {row + 1}"


def ingest_source(spec: Spec, name: str, root: Path, target: Path) -> Ingested:
    """Write the source's table to the folder `target`, one Parquet file a partition.

    Rows stand as they came (SQL: by key); the same content gives the same bytes. Memory does not grow with the rows.
    Raises DataError or SpecError, and leaves the old `target`, for whatever stands in the way (a key that is null or
    stands twice, a file that is missing, broken or cut short, a server that is not there, a full disk).
    """
    job = _job(spec, name, root)
    needed = sum(part.table.size for part in job.parts)
    with enough_room(f"source {name!r}", target, needed), replacing(target) as folder:
        folder.mkdir()
        work = folder / ".work"
        rows = _write_latest(job, folder, work) if job.source.repeats == "latest" else _write_unique(job, folder, work)
        if work.exists():
            shutil.rmtree(work)
    return Ingested(rows, len(job.parts), tuple(job.schema))


def read_header(spec: Spec, name: str, root: Path) -> list[str]:
    """Names of the source's columns as ingested, without reading its data (NDJSON: the names in its first 4 MB).

    Raises DataError or SpecError if the source cannot be opened.
    """
    names: dict[str, None] = {}
    parts = open_parts(spec, name, root)
    for part in parts if parts[0].table.loose else parts[:1]:
        names.update(dict.fromkeys(part.table.header()))
    number = spec.sources[name].row_number
    if number in names:
        raise DataError(
            f"source {name!r}, {parts[0].table.place}: a column {number!r} is there already",
            expected="a new column's name (row_number)", found=f"{number!r} in the header",
            do="take that column as the key, or write another name",
        )  # fmt: skip
    return [*names, *([] if number is None else [number])]


def _job(spec: Spec, name: str, root: Path) -> Job:
    entity, source = spec.entities[spec.entity_of(name)], spec.sources[name]
    parts = open_parts(spec, name, root)
    names = read_header(spec, name, root)
    for part in entity.key:
        _need_column(part, names, f"source {name!r}, {parts[0].table.place}: no key column {part!r}", "entities: key")
    if source.repeats == "latest" and source.latest_by:
        what = f"source {name!r}, {parts[0].table.place}: no column {source.latest_by!r}"
        _need_column(source.latest_by, names, what, f"sources: {name}: latest_by")
    schema = common_schema([part.table for part in parts])
    if source.row_number is not None:
        schema = pl.Schema({**schema, source.row_number: pl.Int64()})
    return Job(name, source, entity.key, key_expr(entity), parts, schema)


def _need_column(column: str, names: Sequence[str], what: str, key: str) -> None:
    if column not in names:
        raise DataError(
            what, expected=f"a column {column!r}, as params.yaml says ({key})", found=nearest_column(column, names),
            do="correct the name in params.yaml, or the table's header",
        )  # fmt: skip


def _write_unique(job: Job, folder: Path, work: Path) -> int:
    ledger = KeyLedger(work)
    rows = 0
    for part in job.parts:
        with PartWriter(folder / f"{part.name}.parquet", job.schema) as writer:
            for frame in part.table.chunks():
                whole = fit(_numbered(job, frame, rows), job.schema)
                ledger.add(_keys(job, whole, rows))
                writer.write(whole)
                rows += whole.height
    _need_rows(job, rows)
    if hashes := ledger.doubled():
        _refuse_doubled(job, folder, hashes)
    return rows


def _numbered(job: Job, frame: pl.DataFrame, before: int) -> pl.DataFrame:
    """The rows with their number, if the source asks for it; `before` rows came earlier."""
    return frame if job.source.row_number is None else frame.with_row_index(job.source.row_number, offset=before + 1)


def _write_latest(job: Job, folder: Path, work: Path) -> int:
    """Write all rows aside, then the newest of each key, each to its own partition's file."""
    ledger = LatestLedger(work, job.source.latest_by or "")
    rows = 0
    for part in job.parts:
        with PartWriter(_aside(work, part), job.schema) as writer:
            for frame in part.table.chunks():
                whole = fit(frame, job.schema)
                tie = None if part.table.ordered else whole.hash_rows(seed=0)
                ledger.add(_keys(job, whole, rows), whole[ledger.latest_by], tie)
                writer.write(whole)
                rows += whole.height
    _need_rows(job, rows)
    if bad := ledger.unordered():
        _refuse_unordered(job, *bad)
    return _copy_kept(job, folder, work, ledger.keep())


def _copy_kept(job: Job, folder: Path, work: Path, keep: np.ndarray) -> int:
    start = kept = 0
    for part in job.parts:
        with PartWriter(folder / f"{part.name}.parquet", job.schema) as writer:
            for frame in read_written([_aside(work, part)]):
                writer.write(frame.filter(pl.Series(keep[start : start + frame.height])))
                start += frame.height
        kept += writer.rows
    return kept


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
