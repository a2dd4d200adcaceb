"""How far a batch lies from its reference, whatever chance has to do with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon

from mtl.monitoring.parts import Vectors

Counts = np.ndarray[Any, np.dtype[np.int64]]
HALF_A_ROW = 0.5
"""What an empty bin counts as in PSI, whose logarithm knows no zero."""
LEAST_SCALE = 0.1
"""Of an embedding's number that hardly moves: the least deviation it counts by, as a share of that of all numbers."""


def psi(reference: Counts, batch: Counts) -> float:
    """Population stability index Σ (b − r) ln(b / r) over the shares r and b of the bins; bins that are empty on both sides are
    none (Siddiqi, Credit Risk Scorecards, 2006; about 0.1 is a small shift, from 0.25 on a large one)."""
    there = (reference + batch) > 0
    if not reference.sum() or not batch.sum():
        return 0.0
    r, b = (np.where(one[there] > 0, one[there], HALF_A_ROW) / one.sum() for one in (reference, batch))
    return float(((b - r) * np.log(b / r)).sum())


def js(reference: Counts, batch: Counts) -> float:
    """Jensen-Shannon distance, base 2: 0 where all shares are the same, 1 where no value is in both (Endres & Schindelin 2003)."""
    if not reference.sum() or not batch.sum():
        return 0.0
    return float(np.nan_to_num(jensenshannon(reference, batch, base=2)))


def mean_shift(reference: Vectors, batch: Vectors) -> float:
    """By how many standard deviations of the reference the mean moved: root mean square over the vector's numbers."""
    if not reference.known or not batch.known or not reference.mean:
        return 0.0
    moved = (np.array(batch.mean) - np.array(reference.mean)) / scale_of(reference)
    return float(np.sqrt((moved**2).mean()))


def scale_of(reference: Vectors) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[size]: the deviation that each number is measured by."""
    std = np.array(reference.std)
    return np.asarray(np.maximum(std, max(LEAST_SCALE * float(np.sqrt((std**2).mean())), 1e-9)))
