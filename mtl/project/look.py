"""Looking at a table before anything is known of it: how it is written, and what each column holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from mtl.data.contract.text import as_text, folded
from mtl.data.sources import detect_format
from mtl.data.sources.csv_table import CsvTable, Manner
from mtl.data.sources.ndjson_table import NdjsonTable
from mtl.data.sources.parquet_table import ParquetTable
from mtl.data.sources.schema import fit
from mtl.data.sources.table import Table as Arriving
from mtl.data.sources.writer import PartWriter
from mtl.errors import DataError
from mtl.spec import Source

NULL_VALUES: tuple[str, ...] = Source.model_fields["null_values"].default
ALWAYS_MISSING = ("?", "N/A", "n/a", "#N/A", "<NA>")
"""Spellings of a missing value in any column."""
MISSING_AMONG_NUMBERS = (*ALWAYS_MISSING, "-", "--", ".", "*", "missing", "unknown", "NAN", "nil")
"""Spellings of a missing value where everything else is a number."""
CODE = r"^0\d"
"""Text of digits that is no number: `007`."""
FOREIGN_DATE = r"^\s*\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})\b"
DECIMAL_COMMA = r"^\s*-?\d+,\d+\s*$"
LISTED = 200
"""Columns with at most this many values have them counted one by one."""
MOST_BAD = 5
"""Examples kept of values that are no number."""


@dataclass(frozen=True)
class Look:
    """What one column of a table holds, over all its rows."""

    name: str
    dtype: pl.DataType
    rows: int
    nulls: int
    unique: int
    """Different values, missing ones aside."""
    numbers: int
    """Values that are finite numbers."""
    infinite: int
    low: float | None
    high: float | None
    whole: bool
    """All numbers are whole."""
    dates: int
    """Values that are a date, or date and time, in ISO's spelling."""
    foreign_dates: int
    """Values that are a date in another spelling: 31.3.2026, 3/31/2026."""
    commas: int
    """Values that are a number with a decimal comma: 1,5."""
    length: float
    """Mean characters of a value."""
    words: float
    """Mean words of a value."""
    counted: bool
    """First value 0 or 1, each next one greater by 1: the number of the row."""
    values: dict[str, int]
    """Value as text -> rows, most frequent first; empty above LISTED values."""
    strange: tuple[str, ...] = ()
    """Values that are no number, the most frequent first."""

    @property
    def closed(self) -> bool:
        """Whether a cell holds several values, or bytes: nobody looks into it."""
        return is_closed(self.dtype)

    @property
    def known(self) -> int:
        return self.rows - self.nulls

    @property
    def strangers(self) -> int:
        """Values that are no number."""
        return self.known - self.numbers - self.infinite


def is_closed(dtype: pl.DataType) -> bool:
    """Whether cells of this type hold several values, or bytes."""
    return dtype.is_nested() or dtype == pl.Binary


@dataclass(frozen=True)
class Table:
    """A file that was looked at."""

    path: Path
    name: str
    format: str
    encoding: str
    null_values: tuple[str, ...]
    """Spellings of a missing value beside those the spec knows."""
    frame: pl.LazyFrame
    """All rows, as `ingest` reads them: of a CSV every column is text."""
    rows: int
    columns: dict[str, Look]


def look_at(path: Path, name: str, work: Path) -> Table:
    """Read a CSV (any separator), NDJSON or Parquet file as `ingest` reads it, and describe its columns.

    `name` is what to call the table; `work` a folder for its rows as Parquet, which `frame` reads.
    Raises DataError if the file cannot be read or holds no rows.
    """
    if not path.is_file():
        raise DataError(f"{path}: cannot be read", expected="a table in a file", found="no such file", do="correct the name")
    kind = detect_format(path)
    encoding = "utf-8" if kind == "parquet" else _encoding(path)
    frame = _as_parquet(_open(path, kind, encoding), work / f"{name}.parquet")
    rows, columns = describe(frame)
    if not rows:
        raise DataError(f"{path}: holds no rows", expected="rows below the header", found="none", do="check the file")
    more = _markers(columns) if kind == "csv" else ()
    if more:
        frame = frame.with_columns(pl.when(~pl.all().is_in(more)).then(pl.all()))
        rows, columns = describe(frame)
    return Table(path, name, kind, encoding, more, frame, rows, columns)


def numbered(table: Table, name: str) -> Table:
    """The table with one column more, `name`, that numbers its rows from 1."""
    frame = table.frame.with_row_index(name, offset=1).with_columns(pl.col(name).cast(pl.Int64))
    return replace(table, frame=frame, columns={name: describe(frame.select(name))[1][name], **table.columns})


def _open(path: Path, kind: str, encoding: str) -> Arriving:
    if kind == "parquet":
        return ParquetTable(path, str(path))
    if kind == "ndjson":
        return NdjsonTable(path, str(path), encoding)
    return CsvTable(path, str(path), Manner(None, encoding, NULL_VALUES))


def _as_parquet(table: Arriving, file: Path) -> pl.LazyFrame:
    """The table's rows, which are read once and then lie in `file`; memory does not grow with them."""
    schema = table.schema()
    schema = pl.Schema({name: pl.String() if dtype == pl.Null else dtype for name, dtype in schema.items()})
    with PartWriter(file, schema) as writer:
        for chunk in table.chunks():
            writer.write(fit(chunk, schema))
    return pl.scan_parquet(file)


def _encoding(path: Path) -> str:
    """utf-8 where the whole file is; utf-16 by its mark; else latin-1, in which every byte means something."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    with path.open(encoding="utf-8") as file:
        try:
            while file.read(1 << 22):
                pass
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def describe(frame: pl.LazyFrame) -> tuple[int, dict[str, Look]]:
    """Rows, and a Look at each column."""
    schema = frame.collect_schema()
    flat = {name: dtype for name, dtype in schema.items() if not is_closed(dtype)}
    asked = [fact.alias(f"{i}:{what}") for i, name in enumerate(flat) for what, fact in _facts(name, flat[name]).items()]
    row = frame.select(pl.len().alias("rows"), *asked).collect(engine="streaming").row(0, named=True)
    facts = {name: {what: row[f"{i}:{what}"] for what in _facts(name, flat[name])} for i, name in enumerate(flat)}
    few = [name for name in flat if facts[name]["unique"] <= LISTED]
    values = {name: _counts(frame, name, flat[name]) for name in few}
    rows = int(row["rows"])
    return rows, {
        name: _assemble(frame, name, dtype, rows, facts[name], values.get(name, {})) if name in flat else _closed(name, dtype, rows)
        for name, dtype in schema.items()
    }


def _facts(name: str, dtype: pl.DataType) -> dict[str, pl.Expr]:
    """One number each, over the whole column."""
    value = number(name, dtype)
    finite = pl.when(value.is_finite()).then(value)
    text = as_text(name, dtype)
    return {
        "nulls": text.is_null().sum(),
        "unique": text.drop_nulls().n_unique(),
        "numbers": finite.count(),
        "infinite": value.is_infinite().fill_null(False).sum(),
        "low": finite.min(),
        "high": finite.max(),
        "whole": (finite == finite.floor()).all(),
        "dates": _date(name, dtype).count(),
        "foreign_dates": text.str.contains(FOREIGN_DATE).sum(),
        "commas": text.str.contains(DECIMAL_COMMA).sum(),
        "length": text.str.len_chars().mean(),
        "words": text.str.count_matches(r"\S+").mean(),
        "counted": (finite.diff().drop_nulls() == 1).all() & (finite.first() <= 1),
    }


def label(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column as labels: text in the one spelling that `validate` gives it."""
    return folded(as_text(name, dtype))


def number(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column as Float64, null where it is no number."""
    if dtype.is_numeric():
        return pl.col(name).cast(pl.Float64, strict=False)
    if dtype == pl.String:
        cell = pl.col(name).str.strip_chars()
        return pl.when(~cell.str.contains(CODE)).then(cell.cast(pl.Float64, strict=False))
    return pl.col(name).is_null().cast(pl.Float64) * pl.lit(None, dtype=pl.Float64)


def _date(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column where it is a date or a time, null elsewhere; text only in ISO's spelling."""
    if dtype.is_temporal():
        return pl.col(name)
    if dtype != pl.String:
        return pl.lit(None, dtype=pl.Date)
    start = pl.col(name).str.strip_chars().str.extract(r"^(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}.*)?$", 1)
    return start.str.to_date("%Y-%m-%d", strict=False)


def _counts(frame: pl.LazyFrame, name: str, dtype: pl.DataType) -> dict[str, int]:
    """Label -> rows, most frequent first, equal ones in order."""
    counts = frame.select(as_text(name, dtype).alias("value")).drop_nulls().group_by("value").len().collect(engine="streaming")
    labels = counts.group_by(folded(pl.col("value"))).agg(pl.col("len").sum())  # few rows are left to fold
    return dict(labels.sort("len", "value", descending=[True, False]).iter_rows())


def _assemble(frame: pl.LazyFrame, name: str, dtype: pl.DataType, rows: int, fact: dict[str, Any], values: dict[str, int]) -> Look:
    look = Look(
        name=name, dtype=dtype, rows=rows, nulls=fact["nulls"], unique=len(values) or fact["unique"], numbers=fact["numbers"],
        infinite=fact["infinite"], low=fact["low"], high=fact["high"], whole=bool(fact["whole"]), dates=fact["dates"],
        foreign_dates=fact["foreign_dates"], commas=fact["commas"],
        length=fact["length"] or 0.0, words=fact["words"] or 0.0, counted=bool(fact["counted"]), values=values,
    )  # fmt: skip
    return replace(look, strange=_strange(frame, look)) if 0 < look.strangers < look.known else look


def _strange(frame: pl.LazyFrame, look: Look) -> tuple[str, ...]:
    """The most frequent values that are no number, of a column that holds numbers too."""
    if look.dtype != pl.String:
        return ()
    return tuple(_counts(frame.filter(number(look.name, look.dtype).is_null()), look.name, look.dtype))[:MOST_BAD]


def _closed(name: str, dtype: pl.DataType, rows: int) -> Look:
    return Look(name, dtype, rows, 0, rows, 0, 0, None, None, False, 0, 0, 0, 0.0, 0.0, False, {})


def _markers(columns: dict[str, Look]) -> tuple[str, ...]:
    """Spellings of missing values that the spec's own list lacks."""
    found: dict[str, None] = {}
    for look in columns.values():
        for value in (*look.strange, *look.values):
            among_numbers = value in MISSING_AMONG_NUMBERS and look.numbers > look.strangers
            if value in ALWAYS_MISSING or among_numbers:
                found[value] = None
    return tuple(found)
