"""The one schema of a source's partitions, or an error that names the partition and the column that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from mtl.data.sources.table import Table
from mtl.errors import DataError


def common_schema(tables: Sequence[Table]) -> pl.Schema:
    """Names and types that hold for all tables, columns in the order of the first.

    NDJSON may leave columns out and mix types; the others raise DataError for either.
    """
    schemas = [table.schema() for table in tables]
    if all(table.loose for table in tables):
        return _widened(schemas)
    names = list(dict.fromkeys(name for schema in schemas for name in schema))
    for name in names:
        _check_missing(name, tables, schemas)
    return pl.Schema({name: _one_type(name, tables, schemas) for name in names})


def fit(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """`frame` with exactly these columns and types; what it lacks is null."""
    have = [pl.col(n).cast(t) if n in frame.columns else pl.lit(None, dtype=t).alias(n) for n, t in schema.items()]
    return frame.select(have)


def _check_missing(name: str, tables: Sequence[Table], schemas: Sequence[pl.Schema]) -> None:
    have = [table.place for table, schema in zip(tables, schemas, strict=True) if name in schema]
    lack = [table.place for table, schema in zip(tables, schemas, strict=True) if name not in schema]
    if lack and len(have) >= len(lack):
        raise DataError(
            f"{lack[0]}: the column {name!r} is missing", expected=f"the columns of the other partitions ({have[0]})",
            found=f"no {name!r}{_and_more(lack)}", do="deliver the partition again with this column",
        )  # fmt: skip
    if lack:
        raise DataError(
            f"{have[0]}: the column {name!r} is in this partition and not in {lack[0]}",
            expected="the same columns in all partitions", found=f"{name!r} is missing in {len(lack)} partitions",
            do=f"remove {name!r} here, or deliver the others again with it",
        )  # fmt: skip


def _one_type(name: str, tables: Sequence[Table], schemas: Sequence[pl.Schema]) -> pl.DataType:
    """The type most partitions have; where a partition knows no value, any type is right."""
    known = [(table.place, schema[name]) for table, schema in zip(tables, schemas, strict=True) if schema[name] != pl.Null]
    if not known:
        return pl.String()
    usual = Counter(dtype for _, dtype in known).most_common(1)[0][0]
    normal = next(place for place, dtype in known if dtype == usual)
    for place, dtype in known:
        if dtype != usual:
            raise DataError(
                f"{place}: the column {name!r} has changed its type", expected=f"{usual}, as in {normal}",
                found=str(dtype), do="deliver the partition again with the old type, or convert the others",
            )  # fmt: skip
    return usual


def _widened(schemas: Sequence[pl.Schema]) -> pl.Schema:
    found: dict[str, pl.DataType] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            found[name] = _wider(found.get(name, pl.Null()), dtype)
    return pl.Schema({name: pl.String() if dtype == pl.Null else dtype for name, dtype in found.items()})


def _wider(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    numbers = {one, other} == {pl.Int64(), pl.Float64()}
    return pl.Float64() if numbers else pl.String()


def _and_more(places: Sequence[str]) -> str:
    return f" (nor in {len(places) - 1} more)" if len(places) > 1 else ""
