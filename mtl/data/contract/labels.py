"""Cells that hold several labels: lists, or text that says one."""

from __future__ import annotations

import json

import polars as pl

from mtl.data.contract.text import fold, spelled, written
from mtl.data.contract.use import Use


def labels(use: Use, dtype: pl.DataType) -> pl.Expr:
    """The column as lists of labels, each spelled as the spec spells it; null where any of a list is none.

    A text is a list as JSON writes it, or labels with the column's separator between; a blank one is missing, `[]` an empty
    list. Any other cell is one label.
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
    as_json = text.map_elements(from_json, return_dtype=pl.List(pl.String), skip_nulls=True)
    in_brackets = text.str.starts_with("[") & text.str.ends_with("]")
    return pl.when(text == "").then(None).when(in_brackets).then(as_json).otherwise(parted)


def from_json(text: str) -> list[str | None] | None:
    """None where it is no list; an element that is no label is None."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return [_label(one) for one in found]


def _label(one: object) -> str | None:
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, float):
        return str(int(one)) if one.is_integer() else str(one)
    return str(one) if isinstance(one, str | int) else None
