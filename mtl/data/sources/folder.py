"""A folder of partitions: one table in many files, by date or by whatever its names say."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import polars as pl

from mtl.data.sources.table import Table
from mtl.errors import DataError

Format = Literal["csv", "ndjson", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".psv": "csv",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Value:
    """What a folder's name says of a column."""

    value: str | datetime.date | None
    dtype: pl.DataType


class HiveTable(Table):
    """A partition with the columns that its folders' names say (`date=2024-01-31`)."""

    def __init__(self, table: Table, values: dict[str, Value]) -> None:
        self.table, self.place, self.size, self.loose = table, table.place, table.size, table.loose
        self.values = values

    def header(self) -> list[str]:
        names = self.table.header()
        return names + [name for name in self.values if name not in names]

    def schema(self) -> pl.Schema:
        schema = self.table.schema()
        return pl.Schema({**schema, **{name: value.dtype for name, value in self.values.items() if name not in schema}})

    def chunks(self) -> Iterator[pl.DataFrame]:
        for frame in self.table.chunks():
            new = {n: v for n, v in self.values.items() if n not in frame.columns}
            yield frame.with_columns(pl.lit(value.value, dtype=value.dtype).alias(name) for name, value in new.items())

    def locate(self, row: int) -> str:
        return self.table.locate(row)


def part_files(folder: Path, endings: Iterable[str], place: str) -> list[Path]:
    """The tables in a folder and below it, sorted by name; hidden files and `_SUCCESS` left out.

    Raises DataError if there is none.
    """
    known = set(endings)
    files = sorted(
        (p for p in folder.rglob("*") if p.suffix.lower() in known and p.is_file() and not hidden(p.relative_to(folder))),
        key=lambda p: p.relative_to(folder).parts,
    )
    if not files:
        raise DataError(
            f"{place}: a folder without tables", expected="files ending in " + ", ".join(sorted(known)),
            found=", ".join(sorted(p.name for p in folder.iterdir())[:10]) or "an empty folder",
            do="bring the partitions here, or correct the source's `path` or `format` in params.yaml",
        )  # fmt: skip
    return files


def part_names(relative: list[Path], place: str) -> list[str]:
    """What each partition is called in the output: its folders and its own name; its folder alone, if it is alone there."""
    alone = Counter(path.parent for path in relative)
    names = []
    for path in relative:
        parts = [*path.parts[:-1], path.stem]
        names.append("__".join(parts[:-1] if len(parts) > 1 and alone[path.parent] == 1 else parts))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        both = [path.as_posix() for path, name in zip(relative, names, strict=True) if name == twice[0]]
        raise DataError(
            f"{place}: two partitions would both be called {twice[0]!r}", expected="one file a partition",
            found=" and ".join(both), do="rename or remove one of them",
        )  # fmt: skip
    return names


def hive_columns(relative: list[Path], place: str) -> dict[Path, dict[str, Value]]:
    """Columns that folders' names give each partition: dates where every value is one, else text.

    Raises DataError if some partitions have such a column and others not.
    """
    texts = {path: dict(p.split("=", 1) for p in path.parts[:-1] if "=" in p) for path in relative}
    names = list(dict.fromkeys(name for values in texts.values() for name in values))
    found: dict[Path, dict[str, Value]] = {path: {} for path in relative}
    for name in names:
        for path, values in texts.items():
            if name not in values:
                raise DataError(
                    f"{place}/{path.as_posix()}: no folder {name}=… above it",
                    expected=f"{name}=VALUE above each partition, as above the others",
                    found=path.parent.as_posix(),
                    do="move it into such a folder",
                )
        column = _dates_or_text([values[name] for values in texts.values()])
        for path, value in zip(texts, column, strict=True):
            found[path][name] = value
    return found


def _dates_or_text(texts: list[str]) -> list[Value]:
    plain = [None if text == HIVE_NULL else unquote(text) for text in texts]
    try:
        return [Value(_date(text), pl.Date()) for text in plain]
    except ValueError:
        return [Value(text, pl.String()) for text in plain]


def _date(text: str | None) -> datetime.date | None:
    if text is None:
        return None
    if not ISO_DATE.fullmatch(text):  # 20240131 is a number to most people
        raise ValueError(text)
    return datetime.date.fromisoformat(text)


def hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)
