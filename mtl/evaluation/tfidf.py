"""TF-IDF of texts that are numbers already: the tokens of an input, alone and in pairs of neighbours, weighted.

The weights are scikit-learn's TfidfVectorizer(min_df=2, sublinear_tf=True): 1 + ln(times in the row), times
ln((1 + n) / (1 + rows with it)) + 1 with n fitted rows, each row scaled to length 1. A token is feature a, the pair a b is
feature (a + 1)·V + b, with V above every token: whole numbers that sort and count without an object a word.

Memory: features of CHUNK_TOKENS tokens at a time, document counts of PASS_CHUNKS such chunks, and the matrices themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mtl.data.ragged import Ints, Ragged

MIN_DOCUMENTS = 2
"""A feature stands in so many fitted rows at least."""
MOST_FEATURES = 200_000
"""Features kept, tokens and pairs together: those of the most fitted rows, of equals those of the lowest number."""
CHUNK_TOKENS = 500_000
"""Tokens whose features are in memory at once: whole rows, one at least."""
PASS_CHUNKS = 32
"""Longer tables are counted in several passes, each over its own share of the features, of which most are met but once."""

LARGEST = int(np.iinfo(np.int64).max)


def tfidf(parts: Sequence[Ragged], fitted: int) -> list[Any]:
    """A CSR matrix float64 [rows, features] of each part; the first `fitted` parts together decide and weigh the features.

    Columns are in the order of the features' numbers. Without a feature in MIN_DOCUMENTS rows they are [rows, 0].
    """
    from scipy.sparse import csr_matrix, vstack

    above = 1 + max((int(part.values.max(initial=-1)) for part in parts), default=-1)
    kept, documents = _most_frequent(parts[:fitted], above)
    n = sum(len(part) for part in parts[:fitted])
    idf = np.log((1 + n) / (1 + documents)) + 1
    none = csr_matrix((0, len(kept)))  # for parts without rows
    return [vstack([none, *(_weighted(chunk, above, kept, idf) for chunk in _chunks(part))], format="csr") for part in parts]


def words_of(tokens: Ragged) -> Ragged:
    """The words alone, where a token is several numbers."""
    return tokens if tokens.values.ndim == 1 else Ragged(tokens.values[:, 0], tokens.offsets)


def _most_frequent(parts: Sequence[Ragged], above: int) -> tuple[Ints, Ints]:
    """Numbers of the features to keep, ascending, and in how many rows each stands."""
    passes = 1 + sum(len(part.values) for part in parts) // (PASS_CHUNKS * CHUNK_TOKENS)
    numbers, documents = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for at in range(passes):
        found = _counted(parts, above, at, passes)
        numbers, documents = np.concatenate([numbers, found[0]]), np.concatenate([documents, found[1]])
        best = np.lexsort((numbers, -documents))[:MOST_FEATURES]
        numbers, documents = numbers[best], documents[best]
    order = np.argsort(numbers)
    return numbers[order], documents[order]


def _counted(parts: Sequence[Ragged], above: int, at: int, passes: int) -> tuple[Ints, Ints]:
    """Features of one pass in MIN_DOCUMENTS rows at least, and in how many: each feature belongs to one pass."""
    most_rows = LARGEST // max(1, above * (above + 1))  # so that the key of a row and a feature fits
    found = [_counted_in(chunk, above, at, passes) for part in parts for chunk in _chunks(part, most_rows)]
    numbers = np.concatenate([np.zeros(0, np.int64), *(one for one, _ in found)])
    documents = np.concatenate([np.zeros(0, np.int64), *(count for _, count in found)])
    order = np.argsort(numbers, kind="stable")  # quick on what is sorted in pieces
    numbers, documents = numbers[order], documents[order]
    first = _firsts(numbers)
    documents = np.add.reduceat(documents, first) if len(first) else documents
    often = documents >= MIN_DOCUMENTS
    return numbers[first][often], documents[often]


def _counted_in(chunk: Ragged, above: int, at: int, passes: int) -> tuple[Ints, Ints]:
    """Features of one pass in one chunk, ascending, and in how many of its rows each stands."""
    rows, numbers = _numbered(chunk, above)
    mine = numbers % passes == at
    pairs = np.sort(numbers[mine] * len(chunk) + rows[mine])
    numbers = pairs[_firsts(pairs)] // len(chunk)
    first = _firsts(numbers)
    return numbers[first], np.diff(first, append=len(numbers))


def _weighted(chunk: Ragged, above: int, kept: Ints, idf: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    """A CSR matrix [rows, features] of one chunk."""
    from scipy.sparse import csr_matrix

    if not len(kept):
        return csr_matrix((len(chunk), 0))
    rows, numbers = _numbered(chunk, above)
    columns = np.minimum(np.searchsorted(kept, numbers), len(kept) - 1)
    known = kept[columns] == numbers
    cells, times = np.unique(rows[known] * len(kept) + columns[known], return_counts=True)
    rows, columns = np.divmod(cells, len(kept))
    weights = (1 + np.log(times)) * idf[columns]
    weights /= np.sqrt(np.bincount(rows, weights**2, len(chunk)))[rows]
    offsets = np.searchsorted(rows, np.arange(len(chunk) + 1))
    return csr_matrix((weights, columns.astype(np.int32), offsets), shape=(len(chunk), len(kept)))


def _chunks(part: Ragged, most_rows: int = LARGEST) -> Iterator[Ragged]:
    """All rows in order, as many at a time as have CHUNK_TOKENS tokens, one at least, `most_rows` at most."""
    begin = 0
    while begin < len(part):
        fitting = int(np.searchsorted(part.offsets, part.offsets[begin] + CHUNK_TOKENS, "right")) - 1
        end = min(max(fitting, begin + 1), begin + most_rows)
        yield part[begin:end]
        begin = end


def _numbered(chunk: Ragged, above: int) -> tuple[Ints, Ints]:
    """Row and feature of each token, then of each pair of neighbours: int64 [tokens + pairs] both."""
    rows, tokens = np.repeat(np.arange(len(chunk)), chunk.lengths), chunk.values.astype(np.int64)
    same = rows[1:] == rows[:-1]
    pairs = (tokens[:-1][same] + 1) * above + tokens[1:][same]
    return np.concatenate([rows, rows[1:][same]]), np.concatenate([tokens, pairs])


def _firsts(ordered: Ints) -> Ints:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.concatenate([np.ones(min(1, len(ordered)), np.bool_), ordered[1:] != ordered[:-1]]))
