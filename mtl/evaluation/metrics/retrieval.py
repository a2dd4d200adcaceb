"""Metrics of a retrieval task: truth identity number [rows], predicted shares [rows, identities].

All follow from where the true identity stands by falling share. Among identities of one share each order is as likely: `recall`
is then the probability to stand among the first k, `mrr` the mean of one over the place.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.values import Array, Scorer, Value, defined, ratio, weighted_sums

FIRST = {"recall_at_10": 10, "recall_at_1": 1}


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one)."""
    return {metric: defined(values.mean()) for metric, values in each(truth, predicted).items()}


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows."""
    columns = each(truth, predicted) | {"all": np.ones(len(truth))}

    def score(weights: Array) -> dict[str, Array]:
        sums = weighted_sums(columns, weights)
        return {metric: ratio(sums[metric], sums["all"]) for metric in (*FIRST, "mrr")}

    return score


def each(truth: Array, predicted: Array) -> dict[str, Array]:
    """Metric -> its value of each row alone, [rows]."""
    own = predicted[np.arange(len(truth)), truth.astype(np.intp)][:, None]
    above, level = (predicted > own).sum(axis=1), (predicted == own).sum(axis=1)
    inverse = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, predicted.shape[1] + 1))])
    found = {metric: np.clip((k - above) / level, 0.0, 1.0) for metric, k in FIRST.items()}
    return found | {"mrr": (inverse[above + level] - inverse[above]) / level}
