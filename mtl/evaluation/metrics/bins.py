"""Equal-mass bins of predicted probabilities, for the calibration error and its curve.

Equal mass and not equal width: with rare positives nearly all predictions fall into the first of ten equal-width
bins, which then hides any miscalibration (Nixon et al. 2019, Measuring Calibration in Deep Learning).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mtl.evaluation.metrics.values import Array, Indices

BINS = 10


def equal_mass(predicted: Array, bins: int = BINS) -> Indices:
    """Bin 0 … bins − 1 of each prediction [rows]; equal predictions share a bin, so some may be empty.

    Bins are a function of the predictions alone; resamples keep them.
    """
    ordered = np.sort(predicted)
    edges = ordered[(np.arange(1, bins) * len(ordered)) // bins]
    return np.asarray(np.searchsorted(edges, predicted, side="right"))


def members(bin_of: Indices, bins: int = BINS) -> Array:
    """1 where the row is in the bin, [bins, rows]."""
    return np.asarray(bin_of[None, :] == np.arange(bins)[:, None], np.float64)


def calibration_error(predicted: Array, happened: Array) -> float:
    """ECE: Σ over bins of share of rows × |mean predicted − share that happened| (Naeini et al. 2015)."""
    gaps = members(equal_mass(predicted)) @ (happened - predicted)
    return float(np.abs(gaps).sum() / len(predicted))


def calibration_gaps(predicted: Array, happened: Array) -> Callable[[Array], Array]:
    """A function from weights [rows, resamples] to the summed gaps of all bins: the calibration error times Σw.

    Bins are spread out for each call anew: kept for every task and rival they would fill the memory.
    """
    bin_of, gap = equal_mass(predicted), happened - predicted
    return lambda weights: np.asarray(np.abs((members(bin_of) * gap) @ weights).sum(axis=0))
