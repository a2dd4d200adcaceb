"""AUC and average precision for many weightings of the same rows at once, exact with ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtl.evaluation.metrics.values import Array, Indices, ratio


@dataclass(frozen=True)
class Ranking:
    """Where each positive stands, by falling score; fixed over resamples.

    positives, negatives: rows by falling score; for the i-th positive: how many positives and negatives
    score as high or higher (`*_from`), how many negatives score higher (`negatives_above`).
    """

    positives: Indices
    negatives: Indices
    positives_from: Indices
    negatives_from: Indices
    negatives_above: Indices


def rank(truth: Array, score: Array) -> Ranking:
    """The ranking of rows with truth 0/1 by `score`."""
    positives, negatives = (_falling(np.flatnonzero(truth == label), score) for label in (1, 0))
    mine, p, n = -score[positives], -score[positives], -score[negatives]
    return Ranking(
        positives,
        negatives,
        np.searchsorted(p, mine, side="right"),
        np.searchsorted(n, mine, side="right"),
        np.searchsorted(n, mine, side="left"),
    )


def _falling(rows: Indices, score: Array) -> Indices:
    return rows[np.argsort(-score[rows], kind="stable")]


def ranking_metrics(ranking: Ranking, weights: Array) -> dict[str, Array]:
    """auc and average_precision for weights [rows, resamples]; NaN where a resample has one class only.

    AUC is the weighted share of (positive, negative) pairs in the right order, ties counting half
    (Mann–Whitney). Average precision is Σ over positives of weight × precision at its score, as scikit-learn's.
    """
    positive = weights[ranking.positives]
    above_positive, above_negative = _cumulated(positive), _cumulated(weights[ranking.negatives])
    n_positive, n_negative = above_positive[-1], above_negative[-1]
    false = above_negative[ranking.negatives_from]
    true = above_positive[ranking.positives_from]
    beaten = n_negative - (false + above_negative[ranking.negatives_above]) / 2
    both = (n_positive > 0) & (n_negative > 0)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true > 0)
    return {
        "auc": ratio(np.einsum("ij,ij->j", positive, beaten), n_positive * n_negative),
        "average_precision": np.where(both, ratio(np.einsum("ij,ij->j", positive, precision), n_positive), np.nan),
    }


def _cumulated(weights: Array) -> Array:
    """[rows + 1, resamples]: the sum of the first k rows at k."""
    out = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=out[1:])
    return out
