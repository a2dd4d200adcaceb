"""Which way is up, and what a metric looks like as a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mtl.evaluation.metrics.values import Array

LOSSES: Final = frozenset({"mae", "rmse", "log_loss", "brier", "calibration_error", "deviance", "pinball", "coverage_error"})
"""Metrics of which less is better."""

LOSS_OF: Final = {"r2": "rmse", "d2": "deviance"}
"""Metrics whose loss form is another metric: 1 − R² would explode where the truth hardly varies, 1 − D² likewise."""


def gain(metric: str, ours: Array, rival: Array) -> Array:
    """Ours minus the rival's in the metric's unit, signed so that up is better."""
    return rival - ours if metric in LOSSES else ours - rival


def loss_form(metric: str, values: Mapping[str, Array]) -> Array:
    """The metric as a loss ≥ 0: RMSE for R², deviance for D², the metric itself for losses, else 1 − metric (AUC, κ, r, …)."""
    if metric in LOSSES:
        return values[metric]
    return values[LOSS_OF[metric]] if metric in LOSS_OF else 1.0 - values[metric]


def needed_for(metric: str) -> frozenset[str]:
    """The metrics that have to be known to compare two rivals by `metric`."""
    return frozenset({metric, LOSS_OF.get(metric, metric)})
