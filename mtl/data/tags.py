"""Tags of tokens: BIO, what may follow what in it, and its numbers.

A span begins with B-TYPE and goes on with I-TYPE; O is outside of any (Ramshaw & Marcus 1995, cmp-lg/9505040, there called
IOB2). In IOB1, which CoNLL-2003 has, a span begins with I-TYPE, and with B-TYPE only right behind another of its type.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from mtl.data.ragged import Ints

OUTSIDE, BEGINS, GOES_ON = "O", "B-", "I-"
PATTERN = r"^(O|[BI]-.+)$"
"""A tag of BIO."""


def classes_of(seen: Iterable[str], spans: bool) -> tuple[str, ...]:
    """The classes of a task whose labels have these tags: in their order, or, of spans, O, then B and I of each type, so that a
    class's number says what it is."""
    if not spans:
        return tuple(dict.fromkeys(seen)) if isinstance(seen, tuple) else tuple(sorted(set(seen)))
    types = sorted({tag[len(BEGINS) :] for tag in seen if tag != OUTSIDE})
    return (OUTSIDE, *(start + one for one in types for start in (BEGINS, GOES_ON)))


def well_formed(cells: pl.Series) -> pl.Series:
    """Whether a list's tags are of BIO, bool [n]; null for null."""
    return cells.list.eval(pl.element().str.contains(PATTERN)).list.all()


def legal(cells: pl.Series) -> pl.Series:
    """Whether each I-TYPE of a list stands behind B-TYPE or I-TYPE, bool [n]; null for null."""
    lengths, flat, goes_on = _looked_at(cells)
    wrong = (flat.str.starts_with(GOES_ON) & ~goes_on).fill_null(False).to_numpy()
    found = np.ones(len(cells), np.bool_)
    found[np.repeat(np.arange(len(cells)), lengths)[wrong]] = False
    return pl.Series(cells.name, found).set(cells.is_null(), None)


def from_iob1(cells: pl.Series) -> pl.Series:
    """Lists of tags in IOB1 as BIO: an I-TYPE that no span of its type stands before begins one."""
    lengths, flat, goes_on = _looked_at(cells)
    begins = flat.str.starts_with(GOES_ON) & ~goes_on
    made = pl.select(pl.when(begins).then(pl.lit(BEGINS) + flat.str.slice(len(GOES_ON))).otherwise(flat)).to_series()
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return of_words(made.alias(cells.name), offsets).set(cells.is_null(), None)


def span_numbers(values: Ints, spans: bool) -> Ints:
    """Class numbers from 1 as metrics read them: 1 for O, 2k to begin a span of type k, 2k + 1 to go on with it. Where tags are
    no spans, each token is one of its own."""
    return values if spans else 2 * values


def class_numbers(values: Ints, spans: bool) -> Ints:
    """The reverse of `span_numbers`."""
    return values if spans else values // 2


def of_words(words: pl.Series, offsets: Ints) -> pl.Series:
    """A column of lists from all their words, one list behind the other, and where each begins."""
    found = pa.LargeListArray.from_arrays(np.asarray(offsets, np.int64), words.to_arrow())
    return pl.Series(words.name, found, dtype=pl.List(pl.String))


def _looked_at(cells: pl.Series) -> tuple[Ints, pl.Series, pl.Series]:
    """Tags of each list [n], all tags [tag], and whether the one before is of the same type in the same list, bool [tag]."""
    lengths = cells.list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = cells.filter(pl.Series(lengths > 0)).explode()
    first = np.zeros(len(flat), np.bool_)
    first[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    before = flat.shift(1)
    same = (flat.str.slice(len(BEGINS)) == before.str.slice(len(BEGINS))) & before.str.contains(r"^[BI]-")
    return lengths, flat, same.fill_null(False) & ~pl.Series(first)
