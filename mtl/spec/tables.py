"""Entities and sources: what rows are about, where they come from, which contract they keep."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from mtl.spec.base import Part, Share, each_once, texts


class Split(Part):
    """Which entities train, which choose (valid) and which judge (test).

    Ratios are of entities (or of groups, with `by`). One of `by`, `time`, `column` at most.
    """

    train: Annotated[float, Field(gt=0, le=1)] = 0.7
    valid: Annotated[float, Field(gt=0, lt=1)] = 0.1
    test: Annotated[float, Field(ge=0, lt=1)] | str = 0.2
    """A ratio, or an SQL expression over the entity's columns that is true for test rows."""
    seed: int = 0
    by: str | None = None
    """Column whose groups stay together (a household, a product)."""
    time: str | None = None
    """Column of dates: the oldest train, then valid, the newest test."""
    column: str | None = None
    """Column that holds `train`, `valid` or `test` already."""

    @model_validator(mode="after")
    def _consistent(self) -> Split:
        ways = [w for w in ("by", "time", "column") if getattr(self, w)]
        if len(ways) > 1:
            raise ValueError(f"one of by, time, column at most; found {' and '.join(ways)}")
        if isinstance(self.test, float | int) and abs(self.train + self.valid + self.test - 1) > 1e-6:
            raise ValueError(f"train + valid + test = 1; found {self.train + self.valid + self.test:g}")
        return self


class Entity(Part):
    """What a row is about. Sources of one entity join on its key."""

    key: tuple[str, ...]
    split: Split = Split()

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return texts(value if isinstance(value, list | tuple) else [value])

    @field_validator("key")
    @classmethod
    def _names_a_column(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return each_once("key column", value, least=1)


class Column(Part):
    """What a column may hold. `numeric` reads bounds, `categorical` reads values."""

    kind: Literal["numeric", "categorical"] = "numeric"
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] | None = None
    """The only values allowed; any other is quarantined. Left out: any value, learned from train."""
    leak: Literal["stop", "allow"] = "stop"
    """`allow` lets this column through the leak check."""

    @field_validator("values", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return texts(value)

    @field_validator("values")
    @classmethod
    def _differ(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else each_once("value", value, least=1)

    @model_validator(mode="after")
    def _bounds(self) -> Column:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ≤ max; found min {self.min:g}, max {self.max:g}")
        return self


class Expectation(Part):
    """A Great Expectations statement by its own name, e.g. {type: expect_column_mean_to_be_between, column: …}."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    type: Annotated[str, Field(pattern=r"^expect_[a-z0-9_]+$")]
    severity: Literal["stop", "warn"] = "warn"

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Source(Part):
    """One table as it arrives. `path` is the one thing DVC watches of it."""

    path: str
    entity: str = ""
    """Name of the entity; the only one there is, if left out."""
    format: Literal["auto", "csv", "ndjson", "parquet", "sql"] = "auto"
    table: str | None = None
    """Where `path` is a folder: the one table in it, with the files that it lists around it."""
    files: dict[str, str] = {}
    """Beside `table`: new column -> the table's column of paths, relative to the folder; it holds the files' bytes."""
    separator: str | None = None
    """Of a CSV; guessed from the header if left out."""
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("", "NA", "NaN", "nan", "null", "NULL", "None")
    url: str | None = None
    """SQL: database URL; `env:NAME` reads it from the environment so that no password is written here."""
    query: str | None = None
    """SQL: a SELECT; its rows are ordered by the entity's key."""
    watermark: str | None = None
    """SQL: column that grows with time; `mtl poll` writes its maximum into `path`, and only rows above the last one are fetched."""
    as_of: date | datetime | None = None
    """What is later is not seen: partitions of a folder by the date in their names, SQL rows by their watermark. A date
    includes its whole day; a time without a zone is UTC. In quotes: DVC cannot read YAML's own dates."""
    columns: dict[str, Column] = {}
    """Contracts of columns that are neither input nor target (parts of derived ones)."""
    derived: dict[str, str] = {}
    """New column -> Polars SQL expression over this source's columns, after its cells were checked."""
    row_number: str | None = None
    """New column that numbers the rows from 1, as they come: the key of a table that has none."""
    repeats: Literal["error", "latest"] = "error"
    latest_by: str | None = None
    """With `repeats: latest`: the date column that says which row of a key is the latest."""
    max_quarantined: Share = 0.05
    """Largest share of this source's rows, or of one column's labels, that may be quarantined."""
    expectations: tuple[Expectation, ...] = ()

    @field_validator("null_values", mode="before")
    @classmethod
    def _nulltexts(cls, value: Any) -> Any:
        return texts(value)

    @field_validator("as_of", mode="before")
    @classmethod
    def _date_or_time(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
            except ValueError:
                pass
        if isinstance(value, date):
            raise ValueError(f'"{value}", in quotes, since DVC reads this file too and knows no dates; found {value} without')
        if value is not None:
            raise ValueError(f"a date (2026-11-01) or a time (2026-11-01 12:00) in quotes; found {value!r}")
        return value

    @field_validator("table")
    @classmethod
    def _inside(cls, value: str | None) -> str | None:
        if value is not None and (not value or PurePath(value).is_absolute() or ".." in PurePath(value).parts):
            raise ValueError(f"the name of a table in the folder `path`, such as labels.csv; found {value!r}")
        return value

    @model_validator(mode="after")
    def _numbered_rows_never_repeat(self) -> Source:
        if self.row_number is not None and self.repeats == "latest":
            raise ValueError("row_number, which tells rows apart, or `repeats: latest`, which makes one of several; found both")
        if self.row_number in {*self.files, *self.derived}:
            raise ValueError(f"a name of its own for row_number; found {self.row_number!r} under files or derived too")
        return self

    @model_validator(mode="after")
    def _files_are_listed(self) -> Source:
        if self.files and self.table is None:
            raise ValueError("table, the file in the folder `path` that lists them, beside `files`; found none")
        if self.table is not None and self.is_sql:
            raise ValueError("table with `path`, a folder, and without `query`; found both")
        same = next((name for name, column in self.files.items() if name == column), None)
        if same is not None:
            raise ValueError(f"under files a new column's name, then the column of paths; found {same!r} for both")
        return self

    @model_validator(mode="after")
    def _sql_is_whole(self) -> Source:
        is_sql = self.format == "sql" or self.query is not None
        if is_sql and not (self.url and self.query):
            raise ValueError("both url and query of an SQL source; found no " + ("query" if self.url else "url"))
        if self.repeats == "latest" and not self.latest_by:
            raise ValueError("latest_by, the date column that decides, beside `repeats: latest`; found none")
        return self

    @model_validator(mode="after")
    def _what_is_pinned_has_dates(self) -> Source:
        if self.as_of is not None and self.is_sql and self.watermark is None:
            raise ValueError("watermark, the column of dates that says when a row came, beside as_of of a query; found none")
        if self.as_of is not None and self.table is not None:
            raise ValueError(
                "as_of with a folder of dated partitions or a query; found a folder with one table (table), without dates"
            )
        return self

    @property
    def is_sql(self) -> bool:
        return self.query is not None
