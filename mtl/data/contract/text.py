"""Cells as text: one spelling of a key, a category or a label, whatever type it arrived in."""

from __future__ import annotations

import polars as pl

from mtl.data.file_cells import CONTENT, FILE, PATH, is_pair

WHOLE = r"^\s*([+-]?\d+)\.0*\s*$"
"""A whole number written with a point: 7.0, as tables with gaps write what was 7."""
SHOWN = 100
MIDNIGHT = r"[ T]00:00:00(\.0+)?$"


def as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as the text a person would write: 7.0 is `7`, true is `true`, midnight is its date; NaN is null."""
    return written(pl.col(column), dtype)


def written(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The same of any expression of this type."""
    if dtype == pl.String:
        return cell
    if dtype.is_float():
        whole = cell.is_finite() & (cell == cell.round()) & (cell.abs() < 2**53)
        as_whole = pl.when(whole).then(cell).cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(as_whole).when(cell.is_not_nan()).then(cell.cast(pl.String))
    if dtype.is_decimal():
        return cell.cast(pl.String).str.replace(r"\.0+$", "")
    if isinstance(dtype, pl.Datetime):
        return cell.cast(pl.String).str.replace(MIDNIGHT, "")
    return cell.dt.to_string("iso") if isinstance(dtype, pl.Duration) else cell.cast(pl.String)


def raw_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as it came, to be shown in quarantine; nested ones as JSON, bytes as base64, of a listed file its path, which also
    stands where bytes are missing beside it."""
    if dtype == FILE:
        return pl.col(column).struct.field(PATH).alias(column)
    if is_pair(dtype):
        content, path = (pl.col(column).struct.field(one) for one in (CONTENT, PATH))
        return pl.coalesce(content.bin.encode("base64"), path).alias(column)
    if dtype.is_nested():
        return pl.struct(column).struct.json_encode().alias(column)
    if dtype == pl.Binary:
        return pl.col(column).bin.encode("base64")
    if isinstance(dtype, pl.Duration):
        return pl.col(column).dt.to_string("iso")
    if dtype.is_float():
        text = pl.col(column).cast(pl.String)
        return text.str.replace(r"\.0$", "").alias(column)
    return pl.col(column).cast(pl.String)


def shortened(text: pl.Expr) -> pl.Expr:
    """What is said of a cell: its first SHOWN characters, and how many there are if that is not all."""
    long = text.str.len_chars() > SHOWN
    return pl.when(long).then(pl.format("{}… ({} characters)", text.str.head(SHOWN), text.str.len_chars())).otherwise(text)


def whole_numbers(text: pl.Expr) -> pl.Expr:
    """`7.0` as `7`; anything else as it is."""
    return text.str.replace(WHOLE, "$1")


def folded(text: pl.Expr) -> pl.Expr:
    """What two spellings of one label have in common: no space around, `1.0` is `1`, True is `true`."""
    trimmed = whole_numbers(text.str.strip_chars())
    is_truth = trimmed.str.contains(r"(?i)^(true|false)$")
    return pl.when(is_truth).then(trimmed.str.to_lowercase()).otherwise(trimmed)


def spelled(text: pl.Expr, spellings: dict[str, str]) -> pl.Expr:
    """A label as the spec spells it, if it knows it (folded -> its spelling); else folded only."""
    known = list(spellings.values())
    fold = folded(text)
    return pl.when(text.is_in(known)).then(text).otherwise(fold.replace(spellings) if spellings else fold)


def fold(value: str) -> str:
    """`folded` of one value."""
    return str(pl.select(folded(pl.lit(value))).item())
