"""Whether predictions mean what they say: calibration curves, and predicted against true."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtl.evaluation.metrics.bins import equal_mass, members
from mtl.evaluation.metrics.values import Array
from mtl.spec import NUMBERS

SCATTER_POINTS = 400


def calibration_curve(kind: str, truth: Array, predicted: Array) -> dict[str, Any] | None:
    """Ten equal-mass bins (fewer with ties): mean probability, share that happened, rows in it.

    Of the positive class if binary, of each class if several may be right, else of the likeliest class. None for
    numbers and tags, or without rows.
    """
    if kind in (*NUMBERS, "tagging") or not len(truth):
        return None
    each = kind in ("binary", "multilabel")
    said = predicted.ravel() if each else predicted.max(axis=1)
    happened = truth.ravel() if each else (truth == predicted.argmax(axis=1)).astype(np.float64)
    inside = members(equal_mass(said))
    count = inside.sum(axis=1)
    used = count > 0
    return {
        "predicted": ((inside @ said)[used] / count[used]).tolist(),
        "observed": ((inside @ happened)[used] / count[used]).tolist(),
        "count": count[used].astype(int).tolist(),
    }


def scatter(truth: Array, predicted: Array) -> dict[str, Any] | None:
    """At most 400 pairs of predicted and true, in the order of the rows; the same sample each time."""
    if not len(truth):
        return None
    rows = np.arange(len(truth))
    if len(rows) > SCATTER_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, SCATTER_POINTS, replace=False))
    return {"predicted": predicted[rows].tolist(), "true": truth[rows].tolist()}
