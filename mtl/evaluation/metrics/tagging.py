"""Metrics of a tagging task: of spans, as conlleval and seqeval's default mode count them, and of tokens.

Truth and prediction are ragged tag numbers (`mtl.data.tags.span_numbers`): 1 is no span, 2k begins a span of type k, 2k + 1
goes on with one. A tag that goes on where no span of its type stands begins one (Sang & Buchholz 2000, conlleval). A span is
right where its type, its first and its last token are. Everything is a sum over rows, so a resample is a weighted sum.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.data.ragged import Ints, Ragged
from mtl.evaluation.metrics.values import Array, Scorer, Value, defined, ratio, undefined, weighted_sums

OUTSIDE = 1
"""The number of a token that is in no span."""
NO_SPAN, NO_TOKEN = "no span in test, true or predicted", "no token in test"
NONE_PREDICTED, NONE_TRUE = "no span is predicted in test", "no span in test"


@dataclass(frozen=True)
class Spans:
    """Where spans begin and end among all rows' tokens, the last token being part of it; their types; [span] each."""

    first: Ints
    last: Ints
    of: Ints


def spans_of(values: Ints, row: Ints) -> Spans:
    """The spans of tag numbers [token], each token of a `row` [token]; in the order of their tokens."""
    of, begins = values // 2, (values > OUTSIDE) & (values % 2 == 0)
    follows = np.zeros(len(values), np.bool_)  # whether it is of the span of the token before, should it go on
    follows[1:] = (row[1:] == row[:-1]) & (of[1:] == of[:-1])
    inside = of > 0
    first = inside & (begins | ~follows)
    last = inside & ~np.append((follows & ~begins)[1:], False)
    return Spans(np.flatnonzero(first), np.flatnonzero(last), of[first])


def counts(truth: Ragged, predicted: Ragged) -> dict[str, Array]:
    """Of each row, float64 [rows]: spans true, predicted and both; tokens and those right; 1 for the row, and if all are right."""
    row = np.repeat(np.arange(len(truth)), truth.lengths)
    true, said = truth.values.astype(np.int64), _of_lengths(predicted, truth.lengths)
    theirs, ours, both = _both(true, said, row)
    found = {"true": row[theirs.first], "said": row[ours.first], "both": row[ours.first[both]]}
    tokens = found | {"tokens": row, "right": row[true == said]}
    each = {name: np.bincount(rows, minlength=len(truth)).astype(np.float64) for name, rows in tokens.items()}
    return each | {"rows": np.ones(len(truth)), "whole": (each["right"] == each["tokens"]).astype(np.float64)}


def by_type(truth: Ragged, predicted: Ragged, types: Sequence[str]) -> list[dict[str, Any]]:
    """Of each type of span (`types`, the first being 1) how many there are, how many are predicted and how many of these are right;
    F1 of those, None where there are none."""
    row = np.repeat(np.arange(len(truth)), truth.lengths)
    theirs, ours, both = _both(truth.values.astype(np.int64), _of_lengths(predicted, truth.lengths), row)
    counted = [np.bincount(of, minlength=len(types) + 1)[1:] for of in (theirs.of, ours.of, ours.of[both])]
    return [
        {"type": name, "true": int(t), "predicted": int(p), "right": int(r), "span_f1": 2 * r / (t + p) if t + p else None}
        for name, t, p, r in zip(types, *counted, strict=True)
    ]


def _both(true: Ints, said: Ints, row: Ints) -> tuple[Spans, Spans, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The spans of tag numbers [token], those predicted, and which of these are right."""
    theirs, ours = spans_of(true, row), spans_of(said, row)
    last, of = np.full(len(true), -1), np.full(len(true), -1)
    last[theirs.first], of[theirs.first] = theirs.last, theirs.of
    return theirs, ours, (last[ours.first] == ours.last) & (of[ours.first] == ours.of)


def _of_lengths(predicted: Ragged, lengths: Ints) -> Ints:
    """The values [token], for rows of these lengths: what a model does not say, of tokens it does not read, is in no span."""
    values = predicted.values.astype(np.int64)
    if np.array_equal(predicted.lengths, lengths):
        return values
    found = np.full(int(lengths.sum()), OUTSIDE)
    kept = np.minimum(lengths, predicted.lengths)
    place = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    found[np.repeat(np.cumsum(lengths) - lengths, kept) + place] = values[np.repeat(predicted.offsets[:-1], kept) + place]
    return found


def point(truth: Ragged, predicted: Ragged) -> dict[str, Value]:
    """Each metric on all rows (at least one): micro F1, precision and recall of spans, the share of right tokens and rows."""
    n = {name: float(each.sum()) for name, each in counts(truth, predicted).items()}
    any_span = n["true"] + n["said"]
    return {
        "span_f1": defined(2 * n["both"] / any_span) if any_span else undefined(NO_SPAN),
        "span_precision": defined(n["both"] / n["said"]) if n["said"] else undefined(NONE_PREDICTED),
        "span_recall": defined(n["both"] / n["true"]) if n["true"] else undefined(NONE_TRUE),
        "accuracy": defined(n["right"] / n["tokens"]) if n["tokens"] else undefined(NO_TOKEN),
        "row_accuracy": defined(n["whole"] / n["rows"]),
    }


def resampled(truth: Ragged, predicted: Ragged, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows; all of them are sums, so `wanted` saves nothing."""
    columns = counts(truth, predicted)

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        return {
            "span_f1": ratio(2 * s["both"], s["true"] + s["said"]),
            "span_precision": ratio(s["both"], s["said"]),
            "span_recall": ratio(s["both"], s["true"]),
            "accuracy": ratio(s["right"], s["tokens"]),
            "row_accuracy": ratio(s["whole"], s["rows"]),
        }

    return score
