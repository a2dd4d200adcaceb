"""Cells that hold tokens, and those that hold a tag for each: lists, or text that says one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandera.polars as pa
import polars as pl

from mtl.data.contract.brackets import BEGUN, lists_of
from mtl.data.contract.text import written
from mtl.data.contract.use import Use
from mtl.data.tags import from_iob1, legal, well_formed

NO_TOKEN, BLANK, NO_TAG = "expected at least one token", "a token that is blank or missing", "a tag that is blank or missing"
NOT_BIO, GOES_ON = "expected tags O, B-TYPE and I-TYPE", "an I-TYPE that follows neither B-TYPE nor I-TYPE of the same type"
UNEVEN = "expected a tag for each token"


def tokens(use: Use, dtype: pl.DataType) -> pl.Expr:
    """The column as lists of words; null where it is none.

    A text is a list as JSON or Python writes it, or words with blanks between, unless it begins as a list of texts does; a blank
    one is missing. A list keeps what is null or blank in it, which breaks its contract.
    """
    cell = pl.col(use.column)
    if isinstance(dtype, pl.List | pl.Array):
        inner = pl.Series([], dtype=dtype.inner).dtype
        return (cell.arr.to_list() if isinstance(dtype, pl.Array) else cell).list.eval(written(pl.element(), inner))
    text = written(cell, dtype).str.strip_chars()
    parted = pl.when((text != "") & ~text.str.contains(BEGUN)).then(text.str.extract_all(r"\S+"))
    return pl.coalesce(lists_of(text), parted).alias(use.column)


def tags(use: Use, dtype: pl.DataType) -> pl.Expr:
    """The same of tags, without blanks around them, and in BIO where they are IOB1."""
    lists = tokens(use, dtype).list.eval(pl.element().str.strip_chars())
    return lists.map_batches(from_iob1, return_dtype=pl.List(pl.String)) if use.scheme == "iob1" else lists


def of_tokens(longest: int | None) -> list[pa.Check]:
    """What a list of tokens must be, of `longest` characters at most in all."""
    checks = [_check(NO_TOKEN, lambda cell: cell.list.len() > 0), _check(BLANK, _filled)]
    return checks if longest is None else [*checks, _check(at_most(longest), lambda cell: _characters(cell) <= longest)]


def at_most(longest: int) -> str:
    """Why a text, or a list of them, is too long."""
    return f"expected at most {longest:,} characters"


def of_tags(use: Use) -> list[pa.Check]:
    """What a list of tags must be."""
    filled = [_check(NO_TAG, _filled)]
    if use.scheme == "none":
        return filled
    return [
        *filled,
        _check(NOT_BIO, lambda cell: cell.map_batches(well_formed, return_dtype=pl.Boolean())),
        _check(GOES_ON, lambda cell: cell.map_batches(legal, return_dtype=pl.Boolean())),
    ]


def _filled(cell: pl.Expr) -> pl.Expr:
    return cell.list.eval(pl.element().str.contains(r"\S").fill_null(False)).list.all()


def _characters(cell: pl.Expr) -> pl.Expr:
    return cell.list.eval(pl.element().str.len_chars()).list.sum()


def _check(error: str, holds: Callable[[pl.Expr], pl.Expr]) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(holds(pl.col(data.key)))

    return pa.Check(check, error=error)


def uneven(frame: pl.DataFrame, uses: Mapping[str, Use], bad: pl.DataFrame) -> pl.DataFrame:
    """row, column, value, reason of tags of a typed chunk that are not as many as the tokens beside them; not where those are
    `bad` themselves (row, column)."""
    found = [bad.clear().select("row", "column", "value", "reason")]
    for column, of in ((use.column, of) for use in uses.values() for of in use.beside):
        tags, words = frame[column].list.len(), frame[of].list.len().fill_null(0)
        rows = (tags != words).fill_null(False).arg_true().cast(pl.UInt32)
        rows = rows.filter(~rows.is_in(bad.filter(pl.col("column") == of)["row"].implode()))
        said = pl.format("{} tags for {} tokens", tags.gather(rows), words.gather(rows))
        found.append(pl.select(row=rows, column=pl.lit(column), value=said, reason=pl.lit(UNEVEN)))
    return pl.concat(found).unique(["row", "column"], keep="first", maintain_order=True)
