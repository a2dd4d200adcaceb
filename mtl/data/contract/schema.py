"""The Pandera schema of a source, derived from its uses, and what it finds wrong with a chunk.

Pandera validates DataFrames, never LazyFrames: on the latter it looks at the schema only, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from mtl.data.contract.tokens import at_most, of_tags, of_tokens
from mtl.data.contract.use import Bounds, Use

DTYPES: dict[str, pl.DataType] = {
    "numeric": pl.Float64(), "label": pl.String(), "category": pl.String(), "document": pl.String(), "text": pl.String(),
    "date": pl.Date(), "datetime": pl.Datetime("us"), "boolean": pl.Boolean(), "vector": pl.List(pl.Float64()),
    "labels": pl.List(pl.String()), "media": pl.Binary(), "bits": pl.List(pl.Int64()),
    "tokens": pl.List(pl.String()), "tags": pl.List(pl.String()),
}  # fmt: skip
"""Kind of a column -> its type once validated."""

MISSING = "missing"
NOT_FINITE = "not finite"
NOT_WHOLE = "expected a whole number"
EMPTY = "an empty text"
YES_OR_NO = "expected 0 or 1, false or true, no or yes"
BAD = pl.Schema({"row": pl.UInt32, "column": pl.String, "value": pl.String, "reason": pl.String})
"""Bad cells of a chunk: row in the chunk, column, the cell as it came, why it is bad."""


def contract(uses: Iterable[Use]) -> pa.DataFrameSchema:
    """Types, bounds and values of the columns, as Pandera checks them; each check is named by its reason."""
    columns = {u.column: pa.Column(DTYPES[u.kind], _checks(u), nullable=u.nullable) for u in uses}
    return pa.DataFrameSchema(columns, strict=False)


def broken(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """row, column, reason of every cell of the typed chunk that breaks its contract; a cell's first reason only.

    What is broken and not a matter of single cells (a column missing, a type) is a fault of the caller: SchemaErrors.
    """
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases
        if cases["index"].null_count():
            raise
        reason = pl.when(pl.col("check") == "not_nullable").then(pl.lit(MISSING)).otherwise("check").alias("reason")
        first = cases.sort("column", "index", "check_number").unique(["column", "index"], keep="first", maintain_order=True)
        return first.select(pl.col("index").cast(pl.UInt32).alias("row"), "column", reason)
    return pl.DataFrame(schema={"row": pl.UInt32, "column": pl.String, "reason": pl.String})


def _checks(use: Use) -> list[pa.Check]:
    checks = [pa.Check(_finite, error=NOT_FINITE)] if use.kind == "numeric" else []
    checks += [pa.Check(_is_whole, error=NOT_WHOLE)] if use.whole else []
    checks += [_within(bounds) for bounds in use.bounds]
    if use.longest is not None and use.kind != "tokens":
        checks += [pa.Check(_filled, error=EMPTY), _not_longer(use.longest)]
    checks += _of_list(use.kind, use.size) if use.size is not None else []
    said = YES_OR_NO if use.words else ""
    checks += of_tokens(use.longest) if use.kind == "tokens" else of_tags(use) if use.kind == "tags" else []
    if use.kind in ("labels", "tags"):
        return checks + [_each_in(values) for values in use.allowed]
    return checks + [pa.Check.isin(list(values), error=said or in_words(values)) for values in use.allowed]


def _finite(data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.col(data.key).is_finite())


def _is_whole(data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.col(data.key) == pl.col(data.key).round())


def _filled(data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.col(data.key).str.contains(r"\S"))


def _not_longer(most: int) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col(data.key).str.len_chars() <= most)

    return pa.Check(check, error=at_most(most))


def _of_list(kind: str, size: int) -> list[pa.Check]:
    return [_places(size)] if kind == "bits" else [_of_size(size), pa.Check(_all_finite, error=NOT_FINITE)]


def _places(size: int) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col(data.key).list.eval(pl.element().is_between(0, size - 1).fill_null(False)).list.all())

    return pa.Check(check, error=f"expected places from 0 to {size - 1}")


def _of_size(size: int) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col(data.key).list.len() == size)

    return pa.Check(check, error=f"expected {size} numbers")


def _all_finite(data: Any) -> pl.LazyFrame:
    """Whether networks can read all of them, which is as float32."""
    frame: pl.LazyFrame = data.lazyframe
    finite = pl.element().cast(pl.Float32, strict=False).is_finite().fill_null(False)
    return frame.select(pl.col(data.key).list.eval(finite).list.all())


def _each_in(values: tuple[str, ...]) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col(data.key).list.eval(pl.element().is_in(list(values))).list.all())

    return pa.Check(check, error=in_words(values).replace("one of", "some of"))


def _within(bounds: Bounds) -> pa.Check:
    low, high = bounds
    if low is not None and high is not None:
        return pa.Check.in_range(low, high, error=f"expected {low:g} … {high:g}")
    if low is not None:
        return pa.Check.ge(low, error=f"expected at least {low:g}")
    return pa.Check.le(high, error=f"expected at most {high:g}")


def in_words(values: tuple[str, ...]) -> str:
    """`expected one of a, b, c`, not more than ten of them."""
    shown = ", ".join(values[:10]) + (f", … ({len(values)} in all)" if len(values) > 10 else "")
    return f"expected {'one of ' if len(values) > 1 else ''}{shown}"
