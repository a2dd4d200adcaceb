"""Words as numbers: which are known, what they begin and end with, and what shape they have.

A word that train hardly has is told by its first and last characters, up to four of each, and by what lower case hides
(Ratnaparkhi 1996, "A Maximum Entropy Model for Part-Of-Speech Tagging", table 1). Their numbers are hashes: what happens to
share one is told apart by the others (hash embeddings; Miranda et al. 2022, arXiv:2212.09255, have these of a token).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from mtl.data.keys import stable_hash

UNKNOWN, FIRST = 1, 2
"""Number of a word that is not known, and of the first that is; 0 is padding."""
LENGTHS = (1, 2, 3, 4)
"""Characters of a beginning and of an end."""
NUMBERS = 2 + 2 * len(LENGTHS)
"""Of a word: its own, its shape's, those of its beginnings and ends."""
RUN, LONGEST_SHAPE = 4, 12
"""Signs of one kind that follow each other in a shape, at most, and of a shape in all."""
SIGNS = ((r"\p{Ll}", "x"), (r"\p{Lu}", "X"), (r"[\p{L}--[xX]]", "a"), (r"\p{N}", "d"))

Ints = np.ndarray[Any, np.dtype[np.int32]]


def fit_words(cells: pl.Series, *, most: int, least: int, lowercase: bool) -> tuple[str, ...]:
    """The `most` frequent words of a column of lists that stand in it `least` times or more, the most frequent first."""
    words = _read(cells.explode().drop_nulls(), lowercase).to_frame("word")
    counts = words.group_by("word").len("n").filter(pl.col("n") >= least)
    return tuple(counts.sort("n", "word", descending=[True, False])["word"].head(most))


def numbered(words: pl.Series, known: tuple[str, ...], *, lowercase: bool, affixes: int) -> Ints:
    """int32 [word, NUMBERS], or the first of these alone where `affixes` is 0: a word's own number, UNKNOWN or from FIRST on; then
    places of a table of so many, behind all words' numbers. A null counts as a word without characters."""
    given = words.fill_null("")
    different = given.unique(maintain_order=True)
    return np.asarray(_each(different, known, lowercase, affixes)[_places(given, different)])


def _each(words: pl.Series, known: tuple[str, ...], lowercase: bool, affixes: int) -> Ints:
    read = _read(words, lowercase)
    place = _places(read, pl.Series(known, dtype=pl.String))
    found = [np.where(place < 0, UNKNOWN, FIRST + place)]
    if affixes:
        parts = {"shape": _shapes(words)}
        parts |= {f"begins {n}": read.str.head(n) for n in LENGTHS} | {f"ends {n}": read.str.tail(n) for n in LENGTHS}
        found += [FIRST + len(known) + _hashed(part, what, affixes) for what, part in parts.items()]
    return np.stack(found, 1).astype(np.int32)


def _read(words: pl.Series, lowercase: bool) -> pl.Series:
    return words.str.to_lowercase() if lowercase else words


def _places(words: pl.Series, among: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each word stands in `among`; −1 where it does not."""
    table = pl.DataFrame({"word": among, "at": np.arange(len(among))})
    joined = words.to_frame("word").join(table, on="word", how="left", maintain_order="left")
    return joined["at"].fill_null(-1).to_numpy().astype(np.int64)


def _hashed(texts: pl.Series, what: str, places: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    different = texts.unique(maintain_order=True)
    found = (stable_hash(different, what) % np.uint64(places)).astype(np.int64)
    return np.asarray(found[_places(texts, different)])


def _shapes(words: pl.Series) -> pl.Series:
    """x for a small letter, X for a large one, a for one of neither kind, d for a digit, anything else as it is."""
    for kind, sign in SIGNS:
        words = words.str.replace_all(kind, sign).str.replace_all(rf"{sign}{{{RUN},}}", sign * RUN)
    return words.str.head(LONGEST_SHAPE)
