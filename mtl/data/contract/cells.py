"""Casting a chunk's cells to the types the spec needs, and telling which cells cannot be cast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from mtl.data.contract.labels import labels
from mtl.data.contract.media import content, faults
from mtl.data.contract.schema import BAD, DTYPES
from mtl.data.contract.text import as_text, fold, folded, raw_text, spelled
from mtl.data.contract.tokens import tags, tokens
from mtl.data.contract.use import WORDS, Use

NOT_A_NUMBER = "not a number"
NOT_A_DATE = "not a date such as 2026-03-31"
NOT_NUMBERS = "not a list of numbers such as [0.5, -1]"
NOT_PLACES = "not a list of places of bits such as [3, 17]"
NOT_LABELS = 'not a list of labels such as ["a", "b"]'
NOT_WORDS = 'not a list of words such as ["a", "b"]'
REASONS = {
    "numeric": NOT_A_NUMBER, "vector": NOT_NUMBERS, "bits": NOT_PLACES, "labels": NOT_LABELS, "tokens": NOT_WORDS,
    "tags": NOT_WORDS,
}  # fmt: skip
"""Kind of a column -> why a cell could not be cast; of any other: NOT_A_DATE."""


@dataclass(frozen=True)
class Cast:
    """A chunk with typed columns; the cells that could not be cast are null in it and listed in `bad`, as is media that nobody
    can open."""

    frame: pl.DataFrame
    bad: pl.DataFrame
    nan: dict[str, int]
    """Numeric column -> NaN cells, read as missing."""


def cast(raw: pl.DataFrame, uses: Iterable[Use]) -> Cast:
    """The used columns of a chunk of ingested rows, typed as validated ones."""
    uses = list(uses)
    typed = raw.select(typed_expr(use, raw.schema[use.column]) for use in uses)
    may = [use for use in uses if use.kind in ("numeric", "date", "datetime", "vector", "bits", "labels", "tokens", "tags")]
    bad = [_lost(raw, typed, use) for use in may if typed[use.column].null_count() > raw[use.column].null_count()]
    bad += [faults(raw[use.column], typed[use.column], use.readers) for use in uses if use.kind == "media"]
    numeric = [use.column for use in uses if use.kind == "numeric"]
    nan = typed.select(pl.col(numeric).is_nan().sum()).row(0, named=True) if numeric else {}
    held = [column for column, count in nan.items() if count]
    frame = typed.with_columns(pl.col(held).fill_nan(None)) if held else typed
    return Cast(frame, pl.concat([pl.DataFrame(schema=BAD), *bad]), {column: int(nan[column]) for column in held})


def typed_expr(use: Use, dtype: pl.DataType) -> pl.Expr:
    """The column in its validated type; null where a cell cannot be read as such."""
    if use.kind == "numeric":
        cell = pl.col(use.column)
        return (cell.str.strip_chars() if dtype == pl.String else cell).cast(pl.Float64, strict=False)
    if use.kind in ("date", "datetime"):
        return _moment(use, dtype)
    if use.kind == "boolean":
        return pl.col(use.column).cast(pl.Boolean, strict=False)
    several = {"vector": _vector, "bits": _bits, "labels": labels, "tokens": tokens, "tags": tags}.get(use.kind)
    if several is not None:
        return several(use, dtype)
    if use.kind == "media":
        return content(use.column, dtype)
    text = as_text(use.column, dtype)
    if use.words:
        return _word(text, use.spellings).alias(use.column)
    if use.kind == "label" or use.spellings:
        return spelled(text, {fold(v): v for v in use.spellings}).alias(use.column)
    if use.key:
        return _key(text).alias(use.column)
    return text.alias(use.column)


def _vector(use: Use, dtype: pl.DataType) -> pl.Expr:
    """A list of numbers, or its text: `[1, 2.5]`, `1 2.5`, `1;2.5`; null where any of it is no number."""
    cell, target = pl.col(use.column), pl.List(pl.Float64())
    if isinstance(dtype, pl.Array):
        cell = cell.arr.to_list()
    elif not isinstance(dtype, pl.List):
        text = cell.cast(pl.String).str.strip_chars().str.strip_chars("[]()").str.strip_chars()
        cell = text.str.replace_all(r"\s*[,;]\s*|\s+", " ").str.split(" ")
    numbers = cell.cast(target, strict=False)
    return pl.when(numbers.list.eval(pl.element().is_null()).list.any()).then(None).otherwise(numbers).alias(use.column)


def _bits(use: Use, dtype: pl.DataType) -> pl.Expr:
    """A list of whole numbers, as `_vector` reads numbers; text of brackets alone is the list without any."""
    numbers, target = _vector(use, dtype), pl.List(pl.Int64())
    if not dtype.is_nested():
        none = pl.col(use.column).cast(pl.String).str.contains(r"^\s*[\[(]\s*[\])]\s*$")
        numbers = pl.when(none).then(pl.lit([], pl.List(pl.Float64()))).otherwise(numbers)
    whole = numbers.list.eval(pl.element() == pl.element().round()).list.all()
    return pl.when(whole).then(numbers.cast(target, strict=False)).otherwise(None).alias(use.column)


def _key(text: pl.Expr) -> pl.Expr:
    """7.0 as `7`, so that a table that lost a key and was then written with points still joins."""
    return text.str.replace(r"^(-?(?:0|[1-9]\d*))\.0+$", "$1")


def _word(text: pl.Expr, pair: tuple[str, ...]) -> pl.Expr:
    """A yes or no in the words of the column's pair (negative, positive)."""
    low = folded(text).str.to_lowercase()
    meant = {word: pair[int(value)] for word, value in WORDS.items()}
    return pl.when(low.is_in(list(WORDS))).then(low.replace(meant)).otherwise(text)


def _moment(use: Use, dtype: pl.DataType) -> pl.Expr:
    """A date or a time of day (UTC, without zone) from its ISO spelling; a year or a month is its first day."""
    cell, target = pl.col(use.column), DTYPES[use.kind]
    if isinstance(dtype, pl.Datetime):
        return (cell.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else cell).cast(target)
    if dtype == pl.Date:
        return cell.cast(target)
    text = cell.cast(pl.String).str.strip_chars().str.replace(r"^(\d{4})$", "$1-01").str.replace(r"^(\d{4}-\d{2})$", "$1-01")
    text = text.str.replace(r"^(\d{4})/(\d{2})/(\d{2})", "$1-$2-$3").str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    days = text.str.to_date("%Y-%m-%d", strict=False)
    if use.kind == "date":
        return days.alias(use.column)
    iso = text.str.replace(" ", "T", literal=True)
    forms = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
    local = [iso.str.strip_chars_end("Z").str.to_datetime(form, time_unit="us", strict=False) for form in forms]
    zoned = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(days.cast(target), *local, zoned.dt.replace_time_zone(None)).alias(use.column)


def _lost(raw: pl.DataFrame, typed: pl.DataFrame, use: Use) -> pl.DataFrame:
    """The cells that were there and are not after the cast; blank text counts as missing."""
    rows = (typed[use.column].is_null() & raw[use.column].is_not_null()).arg_true().cast(pl.UInt32)
    text = raw.select(pl.col(use.column).gather(rows)).select(raw_text(use.column, raw.schema[use.column])).to_series()
    there = text.str.strip_chars() != ""
    reason = pl.lit(REASONS.get(use.kind, NOT_A_DATE)).alias("reason")
    lost = pl.DataFrame({"row": rows.filter(there), "value": text.filter(there)}, schema={"row": pl.UInt32, "value": pl.String})
    return lost.select("row", pl.lit(use.column).alias("column"), "value", reason)
