"""The verdict of each task against a rival: better, no worse, worse, cannot tell.

Everything is asked of one number a task, its gain in loss: the rival's loss form minus ours (RMSE, 1 − AUC, …), up is
better. Three one-sided questions, each asked of all tasks at level α = (1 − confidence) / 2, the level at which the
two-sided interval in the report is read at one end, and each corrected over all tasks by Holm (1979):

1. better?    rejects: gain ≤ 0
2. no worse?  rejects: gain ≤ −tolerance × the rival's loss on test
3. worse?     rejects: gain ≥ 0

The first of them that is answered yes, in this order, is the verdict; else `cannot tell`. So a loss that is sure but
lies within the tolerance is `no worse`, and `worse` is said only of a task that was not shown to be within it. Each
question keeps its own family-wise error ≤ α: no claim of `better` for any task that is not with probability 1 − α, and
the same for the other two. The number of tasks in a correction never depends on another question's answer, so a larger
tolerance can only add to `no worse`.

One p-value: a bootstrap of B resamples resolves no p-value below 1 / (B + 1), and Holm over 139 tasks asks for
0.00018. The tail is therefore Student's t: gain / (standard deviation of its resamples × √(m / (m − 1))) with m − 1
degrees of freedom, m being the independent units with a label (of the rarer class if binary). Two guards:
where the share of resamples on the wrong side is itself resolved (10 resamples or more, or α), p is at least that
share, so that no claim goes against the interval shown; and p is at least 2⁻ᵐ, what a sign test of m units can reach,
so that two lucky rows prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mtl.evaluation.metrics.values import Array

Verdict = Literal["better", "no worse", "worse", "cannot tell"]
VERDICTS: Final[tuple[Verdict, ...]] = ("better", "no worse", "worse", "cannot tell")

RESOLVED = 10
"""So many resamples on the wrong side give a share that can be trusted."""


@dataclass(frozen=True)
class Gain:
    """What the three questions are asked of."""

    value: float
    """The rival's loss minus ours, on test."""
    draws: Array
    """The same in each resample, NaN where undefined."""
    margin: float
    """Loss that counts as none: tolerance × the rival's loss on test."""
    units: int
    same: bool = False
    """The two predict exactly alike, so that the gain is 0 on any rows."""


def verdicts(gains: Mapping[str, Gain | None], confidence: float) -> dict[str, Verdict]:
    """Each task's verdict; None (undefined on test) is `cannot tell` and takes no part in the correction."""
    alpha = (1 - confidence) / 2
    known = {task: gain for task, gain in gains.items() if gain is not None}
    better = _claims({task: p_better(gain, alpha) for task, gain in known.items()}, alpha)
    within = _claims({task: p_no_worse(gain, alpha) for task, gain in known.items()}, alpha)
    worse = _claims({task: p_worse(gain, alpha) for task, gain in known.items()}, alpha)

    def verdict(task: str) -> Verdict:
        if task in better:
            return "better"
        if task in within:
            return "no worse"
        return "worse" if task in worse else "cannot tell"

    return {task: verdict(task) for task in gains}


def _claims(p_values: Mapping[str, float], alpha: float) -> frozenset[str]:
    return frozenset(task for task, p in holm(p_values).items() if p < alpha)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values: the k-th smallest times the number of those not smaller, never falling."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: (item[1], item[0]))):
        running = max(running, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = running
    return adjusted


def p_better(gain: Gain, alpha: float) -> float:
    """p-value against `gain ≤ 0`."""
    return 1.0 if gain.same else _p_above_zero(gain.value, gain.draws, gain.units, alpha)


def p_no_worse(gain: Gain, alpha: float) -> float:
    """p-value against `gain ≤ −margin`."""
    return 0.0 if gain.same else _p_above_zero(gain.value + gain.margin, gain.draws + gain.margin, gain.units, alpha)


def p_worse(gain: Gain, alpha: float) -> float:
    """p-value against `gain ≥ 0`."""
    return 1.0 if gain.same else _p_above_zero(-gain.value, -gain.draws, gain.units, alpha)


def _p_above_zero(value: float, draws: Array, units: int, alpha: float) -> float:
    """p-value against `value ≤ 0`, as the module says; 1 with fewer than 2 units or mostly undefined resamples."""
    known = draws[np.isfinite(draws)]
    if units < 2 or 2 * len(known) < len(draws) or not len(known):
        return 1.0
    share = float(np.mean(known <= 0))
    resolved = share >= min(RESOLVED / len(known), alpha)
    return max(_t_tail(value, known, units), share if resolved else 0.0, 2.0 ** -min(units, 1000))


def _t_tail(value: float, known: Array, units: int) -> float:
    from scipy.special import stdtr

    error = float(known.std()) * (units / (units - 1)) ** 0.5
    if error <= 1e-12 * abs(value):  # the same gain in every resample
        return 0.0 if value > 0 else 1.0
    return float(stdtr(units - 1, -value / error))
