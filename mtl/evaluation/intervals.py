"""What predicted quantiles say of the truth: how much lies below each, and inside the outermost two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl.evaluation.metrics.quantile import inside, promised
from mtl.evaluation.metrics.values import Array


def shares_below(truth: Array, predicted: Array, levels: Sequence[float]) -> dict[str, Any] | None:
    """A point a level, as `calibration_curve` has them: the level, the share of truths up to its quantile, rows. None without
    rows."""
    if not len(truth):
        return None
    below = (truth[:, None] <= predicted).mean(axis=0)
    return {"predicted": list(levels), "observed": below.tolist(), "count": [len(truth)] * len(levels)}


def outermost(truth: Array, predicted: Array, levels: Sequence[float]) -> dict[str, float] | None:
    """The outermost interval: its levels, the share of rows it should hold and the one it holds, and its mean width in the
    target's unit. None without rows."""
    if not len(truth):
        return None
    return {
        "low": levels[0],
        "high": levels[-1],
        "promised": promised(levels),
        "inside": float(inside(truth, predicted).mean()),
        "width": float(np.mean(predicted[:, -1] - predicted[:, 0])),
    }
