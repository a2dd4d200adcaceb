"""Types of a query's columns, and its rows as a frame of those types."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from mtl.errors import DataError

POSTGRESQL: Mapping[str, pl.DataType] = {
    "int2": pl.Int64(), "int4": pl.Int64(), "int8": pl.Int64(), "oid": pl.Int64(),
    "float4": pl.Float64(), "float8": pl.Float64(), "numeric": pl.Float64(), "bool": pl.Boolean(), "date": pl.Date(),
    "timestamp": pl.Datetime("us"), "timestamptz": pl.Datetime("us", "UTC"), "time": pl.Time(), "bytea": pl.Binary(),
}  # fmt: skip
"""Any other type (text, uuid, json, enums, intervals, arrays) is kept as text."""


def postgresql_types(connection: sa.Connection, table: str, names: Sequence[str]) -> dict[str, pl.DataType]:
    """From what the server says of an empty answer."""
    import psycopg  # only for its table of types

    with connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 0") as answer:
        description: Any = answer.cursor.description if answer.cursor else ()
    known = {info.oid: info.name for info in psycopg.adapters.types}  # by own oid: an array is found under its element's too
    return {n: POSTGRESQL.get(known.get(c[1], ""), pl.String()) for n, c in zip(names, description, strict=True)}


def sqlite_types(connection: sa.Connection, table: str, names: Sequence[str]) -> dict[str, pl.DataType]:
    """From the kinds of values that each column really holds, since SQLite lets a column hold any."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    kinds = ", ".join(f"group_concat(DISTINCT typeof({quote(name)}))" for name in names)
    row = connection.exec_driver_sql(f"SELECT {kinds} FROM {table}").one()
    return {name: _sqlite_type(set((found or "").split(",")) - {"null", ""}) for name, found in zip(names, row, strict=True)}


def convert(rows: Sequence[Sequence[Any]], schema: pl.Schema) -> pl.DataFrame:
    """Rows as the driver gives them -> a frame of the schema's types."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    series = [_series(name, values, dtype) for (name, dtype), values in zip(schema.items(), columns, strict=True)]
    return pl.DataFrame(series)


def _sqlite_type(kinds: set[str]) -> pl.DataType:
    if not kinds:
        return pl.Null()
    if "text" in kinds:
        return pl.String()
    if kinds == {"blob"}:
        return pl.Binary()
    if kinds == {"integer"}:
        return pl.Int64()
    return pl.Float64() if kinds <= {"integer", "real"} else pl.String()


def _series(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    change = _changes(dtype)
    try:
        return pl.Series(name, values if change is None else [None if v is None else change(v) for v in values], dtype=dtype)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        kinds = sorted({type(v).__name__ for v in values if v is not None})
        raise DataError(
            f"the SQL query: the column {name!r} has changed its type while it was read", expected=str(dtype),
            found=" and ".join(kinds), do="run again; if it happens again, CAST the column in the query",
        ) from None  # fmt: skip


def _changes(dtype: pl.DataType) -> Callable[[Any], Any] | None:
    if dtype == pl.String:
        return _text
    if dtype == pl.Float64:
        return float
    return _utc if dtype == pl.Datetime("us", "UTC") else None


def _utc(value: datetime.datetime) -> datetime.datetime:
    return value.astimezone(datetime.UTC)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
