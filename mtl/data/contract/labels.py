"""Cells that hold several labels: lists, or text that says one."""

from __future__ import annotations

import polars as pl

from mtl.data.contract.brackets import BEGUN, in_brackets, lists_of
from mtl.data.contract.text import fold, spelled, written
from mtl.data.contract.use import Use


def labels(use: Use, dtype: pl.DataType) -> pl.Expr:
    """The column as lists of labels, each spelled as the spec spells it; null where any of a list is none.

    A text is a list as JSON or Python writes it, or labels with the column's separator between, unless it begins as a list of texts
    does; a blank one is missing, `[]` an empty list. Any other cell is one label.
    """
    cell = pl.col(use.column)
    if isinstance(dtype, pl.List | pl.Array):
        lists = (cell.arr.to_list() if isinstance(dtype, pl.Array) else cell).list.eval(written(pl.element(), _inner(dtype)))
    elif dtype == pl.String:
        lists = _said(cell.str.strip_chars(), use.separator or "")
    else:
        lists = pl.concat_list(written(cell, dtype))
    known = {fold(value): value for value in use.spellings}
    lists = lists.list.eval(spelled(pl.element().str.strip_chars(), known))
    whole = lists.list.eval(pl.element().fill_null("") != "").list.all()
    return pl.when(whole).then(lists).otherwise(None).alias(use.column)


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return pl.Series([], dtype=dtype.inner).dtype


def _said(text: pl.Expr, separator: str) -> pl.Expr:
    """The list that a text says: labels parted by `separator`, blanks between two of them being nothing."""
    parted = text.str.split(separator).list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    return pl.when(text == "").then(None).when(in_brackets(text) | text.str.contains(BEGUN)).then(lists_of(text)).otherwise(parted)
