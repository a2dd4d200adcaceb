"""What the spec leaves open is settled by a look at all cells: types of plain columns, dates, words of labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from mtl.data.contract.chunks import schema_of
from mtl.data.contract.text import as_text, folded
from mtl.data.contract.use import WORDS, Kind, Use
from mtl.data.file_cells import FILE, is_pair
from mtl.errors import DataError

NUMBER = r"^\s*[+-]?(0|[1-9]\d*|0?\.\d+|(0|[1-9]\d*)\.\d*)([eE][+-]?\d+)?\s*$"
"""Text that is a number and not a code: `007` is a code."""

EXPECTED = {
    "numeric": "numbers", "time": "dates", "vector": "lists of numbers", "bits": "lists of places",
    "labels": "lists of labels, or text", "tokens": "lists of words, or text", "tags": "lists of tags, or text",
}  # fmt: skip
"""Kind of a column -> what its type must hold."""

PAIRS = (("0", "1"), ("false", "true"), ("no", "yes"))


def present(uses: dict[str, Use], derived: Iterable[str], name: str, files: Sequence[Path]) -> dict[str, Use]:
    """The uses whose column every file has; an optional one that no file has is left to other sources.

    Raises DataError for any other column that a file lacks or holds in a type no cell can be read from.
    """
    schemas = {file: schema_of(file) for file in files}
    kept = {}
    for column, use in uses.items():
        held = [file for file, schema in schemas.items() if column in schema]
        if column in derived or held == list(files):
            kept[column] = use
        elif held or not use.optional:
            without = next(file for file in files if file not in held)
            raise _no_column(use, name, without, schemas[without].names())
        for file in held:
            _usable(use, name, file, schemas[file][column])
    return kept


def settle(uses: dict[str, Use], derived: Iterable[str], files: Sequence[Path]) -> dict[str, Use]:
    """Every use with a kind that names a type: what was `time` or `plain`, and the words of binary labels, settled."""
    settled = {}
    for column, use in uses.items():
        if column not in derived and use.kind in ("time", "plain"):
            use = replace(use, kind=_settled_kind(use, files))
        elif column not in derived and use.words:
            use = settled_words(use, _labels(column, files))
        settled[column] = use
    return settled


def settled_words(use: Use, seen: set[str]) -> Use:
    """The pair of words a binary label column keeps to; a mixture is read as 0 and 1."""
    known = seen & set(WORDS)
    pair = next((p for p in PAIRS if known <= set(p)), PAIRS[0])
    return replace(use, allowed=tuple(pair if set(a) == set(WORDS) else a for a in use.allowed), spellings=pair)


def kind_of(dtype: pl.DataType) -> Kind:
    """The kind a plain column has by its type alone."""
    if dtype.is_numeric():
        return "numeric"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    return "boolean" if dtype == pl.Boolean else "text"


def _settled_kind(use: Use, files: Sequence[Path]) -> Kind:
    kinds = {kind_of(schema_of(file)[use.column]) for file in files}
    if use.kind == "plain":
        if kinds == {"text"}:
            return "numeric" if _all(use.column, files, pl.col(use.column).str.contains(NUMBER)) else "text"
        return kinds.pop() if len(kinds) == 1 else "text"
    if kinds == {"date"}:
        return "date"
    short = pl.col(use.column).str.len_chars() <= len("2026-03-31")
    return "date" if kinds <= {"text", "date", "numeric"} and _all(use.column, files, short) else "datetime"


def _all(column: str, files: Sequence[Path], condition: pl.Expr) -> bool:
    """Whether it holds for every cell (as text) that is there, and one is there."""
    seen = 0
    for file in files:
        cells = pl.scan_parquet(file).select(pl.col(column).cast(pl.String)).drop_nulls()
        counted = cells.select(condition.all().alias("all"), pl.len().alias("n")).collect(engine="streaming")
        if not counted["all"][0]:
            return False
        seen += counted["n"][0]
    return seen > 0


def _labels(column: str, files: Sequence[Path]) -> set[str]:
    seen: set[str] = set()
    for file in files:
        text = as_text(column, schema_of(file)[column])
        words = pl.scan_parquet(file).select(folded(text).str.to_lowercase().alias(column))
        seen |= set(words.filter(pl.col(column).is_in(list(WORDS))).unique().collect()[column])
    return seen


def _usable(use: Use, name: str, file: Path, dtype: pl.DataType) -> None:
    if use.kind == "media":
        _of_bytes(use, name, file, dtype)
        return
    inner = pl.Series([], dtype=dtype.inner).dtype if isinstance(dtype, pl.List | pl.Array) else None
    of_texts = use.kind in ("labels", "tokens", "tags")
    of_labels = of_texts and not (inner is None or inner.is_nested() or inner in (pl.Binary, pl.Object))
    listed = of_labels or (use.kind in ("vector", "bits") and inner is not None and inner.is_numeric())
    nested = (dtype.is_nested() and not listed) or dtype in (pl.Binary, pl.Object)
    wrong = use.kind == "numeric" and dtype.is_temporal()
    undated = use.kind == "time" and not (
        dtype in (pl.String, pl.Date, pl.Null) or dtype.is_integer() or dtype.base_type() == pl.Datetime
    )
    if nested or wrong or undated:
        raise DataError(
            f"source {name!r} ({file}): column {use.column!r} (params.yaml, {use.where})",
            expected=EXPECTED.get(use.kind, "text, numbers or truth values"),
            found="the bytes of files" if dtype == FILE else f"the type {dtype}",
            do="use another column, or change the type where the table is made",
        )


def _of_bytes(use: Use, name: str, file: Path, dtype: pl.DataType) -> None:
    if dtype not in (pl.Binary, FILE) and not is_pair(dtype):
        raise DataError(
            f"source {name!r} ({file}): column {use.column!r} (params.yaml, {use.where})", expected="bytes",
            found=f"the type {dtype}; CSV and NDJSON hold no bytes",
            do="bring a Parquet table with a binary column; or, where the column holds paths, make its source a folder and write "
            f"`table: NAME.csv` and `files: {{{use.column}_file: {use.column}}}` under sources.{name}, and use that column",
        )  # fmt: skip


def _no_column(use: Use, name: str, file: Path, known: list[str]) -> DataError:
    close = get_close_matches(use.column, known, n=1, cutoff=0.6)
    return DataError(
        f"source {name!r} ({file}): no column {use.column!r}",
        expected=f"the column that params.yaml, {use.where} names",
        found=", ".join(known[:20]) + (" …" if len(known) > 20 else ""),
        do=f"write {close[0]!r} in params.yaml" if close else "correct the name in params.yaml, or bring the column",
    )
