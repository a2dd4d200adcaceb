"""A linear model a token: what a user would pick instead where a task tags tokens.

Features are those of taggers before networks (Ratnaparkhi 1996): a token's word, shape, beginnings and ends, as the input has
them in numbers, the word and the shape of two tokens on either side, and an end of those beside it; one place a feature,
each present or not. Logistic regression of each tag against all others, by averaged stochastic gradients, on train and valid
together, as the trees are. The best legal tags of a row are decoded from its probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding
from mtl.data.ragged import Ints, Ragged
from mtl.data.words import NUMBERS

STRENGTH = 1e-5
"""Of the penalty on weights. There is little in it: with 1e-6 as many tags of SNIPS' valid rows are right, to a thousandth."""
EPOCHS = 6
ROWS = 4096
"""Rows whose tags are decoded together, each padded to the longest of them."""
WORD, SHAPE, ENDS = 0, 1, NUMBERS - 2
"""Places among a token's numbers: its word, its shape, its last three characters."""
BESIDE = {-2: (WORD, SHAPE), -1: (WORD, SHAPE, ENDS), 1: (WORD, SHAPE, ENDS), 2: (WORD, SHAPE)}
"""Distance of a token nearby -> which of its numbers are read."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fit_tagger(task: TaskEncoding, parts: Sequence[Ragged], labels: Sequence[Ragged], labelled: Sequence[Any]) -> Ragged:
    """Tags of all rows of parts[2], as `TaskEncoding.tagged` gives them; parts are the tokens of train, valid and test, labels and
    masks those of train and valid. One thread, fixed seed: the same bytes each time."""
    known = [_labelled(one, tags, mask) for one, tags, mask in zip(parts[:2], labels, labelled, strict=True)]
    X, y = features([*(tokens for tokens, _ in known), parts[2]]), np.concatenate([tags for _, tags in known])
    from scipy.sparse import vstack

    return _decoded(task, _scores(task, vstack(X[:2]).tocsr(), y, X[2]), parts[2].lengths)


def _labelled(tokens: Ragged, tags: Ragged, mask: Any) -> tuple[Ragged, Ints]:
    """The labelled rows' tokens, and the class of each, from 0."""
    rows = np.flatnonzero(mask)
    return tokens[rows], tags[rows].values.astype(np.int64) - 1


def features(parts: Sequence[Ragged]) -> list[Any]:
    """A sparse matrix [token, feature] of each part; features are those of the parts before the last."""
    from scipy.sparse import csr_matrix

    numbers = [_numbers(part) for part in parts]
    seen = np.unique(np.concatenate([one.ravel() for one in numbers[:-1]]))
    found = []
    for one in numbers:
        at = np.minimum(np.searchsorted(seen, one), max(0, len(seen) - 1))
        there = (seen[at] == one) if len(seen) else np.zeros(one.shape, np.bool_)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(there.sum(1))])
        found.append(csr_matrix((np.ones(int(offsets[-1])), at[there], offsets), shape=(len(one), max(1, len(seen)))))
    return found


def _numbers(part: Ragged) -> Ints:
    """int64 [token, features]: of each a number of its own, different from those of others."""
    values, row = part.values.astype(np.int64), np.repeat(np.arange(len(part)), part.lengths)
    columns = [values[:, i] for i in range(values.shape[1])]
    for away, places in BESIDE.items():
        at = np.arange(len(row)) + away
        inside = (at >= 0) & (at < len(row))
        inside[inside] &= row[at[inside]] == row[inside]
        columns += [np.where(inside, values[np.where(inside, at, 0), i], 0) for i in places if i < values.shape[1]]
    return np.stack([column * len(columns) + i for i, column in enumerate(columns)], 1)


def _scores(task: TaskEncoding, X: Any, y: Ints, asked: Any) -> Floats:
    """Logarithms of the tags' probabilities [token, tag]."""
    from sklearn.linear_model import SGDClassifier

    share = np.bincount(y, minlength=len(task.classes)) / max(1, len(y))
    found = np.tile(share if len(y) else np.full(len(task.classes), 1 / len(task.classes)), (asked.shape[0], 1))
    if np.count_nonzero(share) > 1:
        model = SGDClassifier(loss="log_loss", alpha=STRENGTH, max_iter=EPOCHS, tol=None, average=True, random_state=0).fit(X, y)
        found = np.zeros(found.shape)
        positive = model.predict_proba(asked)
        found[:, model.classes_] = positive if len(model.classes_) > 2 else positive[:, -len(model.classes_) :]
    return np.asarray(np.log(np.clip(found, 1e-12, 1)))


def _decoded(task: TaskEncoding, scores: Floats, lengths: Ints) -> Ragged:
    """The best legal tags of each row, of ROWS rows at a time."""
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    parts = [
        (scores[ends[at] : ends[min(at + ROWS, len(lengths))]], lengths[at : at + ROWS]) for at in range(0, len(lengths), ROWS)
    ]
    return task.tagged(np.concatenate([np.zeros(0, np.int64), *(_best(task, *part) for part in parts)]), lengths)


def _best(task: TaskEncoding, scores: Floats, lengths: Ints) -> Ints:
    """Class numbers from 1 [token]."""
    import torch

    from mtl.network.heads.chain import best_tags
    from mtl.network.heads.tagging import legal_moves

    may = legal_moves(len(task.classes), task.spans)
    start, follow = (torch.zeros(one.shape, dtype=torch.float64).masked_fill(~one, -torch.inf) for one in may)
    there = np.arange(max(1, int(lengths.max(initial=0)))) < lengths[:, None]
    grid = np.zeros((*there.shape, scores.shape[1]))
    grid[there] = scores
    found: Ints = best_tags(torch.from_numpy(grid), torch.from_numpy(there), start, follow).numpy()
    return found[there]
