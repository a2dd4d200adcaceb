"""Whether chance explains what two samples differ by: p-values from counts and moments alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact, t

from mtl.monitoring.distances import Counts
from mtl.monitoring.parts import Vectors

EXPECTED, EXPECTED_OF_TWO = 10.0, 100.0
"""Rows that either sample must be expected to have in a cell for the chi-square distribution to hold; and where there are only two.
Cochran's five (1954) are enough at a level of 5 %. Corrected for a hundred comparisons the level is a hundredth of that, where with
five rows in one of two cells chance passes up to six times as often as it should."""


def homogeneity(reference: Counts, batch: Counts, *, ordered: bool) -> float:
    """p-value of Pearson's chi-square test that both counts [bins] are of one distribution.

    Bins that few rows are expected in are put together before: with their neighbours if `ordered`, else the rarest with each
    other. Which ones, both samples together decide, so that the test stays one. Two cells with few rows: Fisher's exact test.
    """
    table = _put_together(np.stack([reference, batch]), ordered)
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    expected = table.sum(axis=0) * table.sum(axis=1, keepdims=True) / table.sum()
    if table.shape[1] == 2 and expected.min() < EXPECTED_OF_TWO:
        return float(fisher_exact(table)[1])
    return float(chi2_contingency(table, correction=False)[1])


def of_any(reference: Counts, of_reference: int, batch: Counts, of_batch: int) -> float:
    """The same of labels that a row has any number of, [label] of so many rows: the smallest over labels, for their number."""
    each = [homogeneity(np.array([r, of_reference - r]), np.array([b, of_batch - b]), ordered=False)
            for r, b in zip(reference, batch, strict=True)]  # fmt: skip
    return min(1.0, len(each) * min(each, default=1.0))


def of_means(reference: Vectors, batch: Vectors) -> float:
    """p-value that the means of all numbers of a vector are the same: the smallest over numbers, for their number.

    Each by the larger of Welch's and Student's standard error: a number that is 0 nearly always, as behind a rectifier, has no
    spread at all in some batches.
    """
    n, m = reference.known, batch.known
    if n < 2 or m < 2 or not reference.mean:
        return 1.0
    a, b = np.array(reference.std) ** 2, np.array(batch.std) ** 2
    welch, student = a / n + b / m, ((n - 1) * a + (m - 1) * b) / (n + m - 2) * (1 / n + 1 / m)
    error, moved = np.sqrt(np.maximum(welch, student)), np.abs(np.array(batch.mean) - np.array(reference.mean))
    with np.errstate(divide="ignore", invalid="ignore"):
        by = np.where(moved > 0, moved / error, 0.0)
    return float(min(1.0, len(by) * 2 * t.sf(by.max(), min(n, m) - 1)))


def _put_together(table: np.ndarray[Any, Any], ordered: bool) -> np.ndarray[Any, Any]:
    """[2, bins] with as many rows in each bin as EXPECTED asks of the smaller sample, as far as there are any."""
    both = table.sum(axis=0)
    table, both = table[:, both > 0], both[both > 0]
    if not both.sum():
        return table
    least = EXPECTED * both.sum() / max(1, int(table.sum(axis=1).min()))
    if not ordered:
        order = np.argsort(both, kind="stable")
        table, both = table[:, order], both[order]
    groups: list[int] = []
    filled = least
    for count in both:  # a group is closed once it has enough
        groups.append(groups[-1] if filled < least else (groups[-1] + 1 if groups else 0))
        filled = filled + count if filled < least else count
    at = np.array(groups)
    if filled < least and at[-1] > 0:  # the last one has too few: it goes to its neighbour
        at[at == at[-1]] -= 1
    if at[-1] == 0 and len(at) > 1:  # all of them are too few: the most frequent against all others, to be tested exactly
        at = (np.arange(len(at)) == both.argmax()).astype(np.int64)
    return np.stack([np.bincount(at, weights=row) for row in table]).astype(np.int64)
