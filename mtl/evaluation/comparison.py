"""Ours against a rival on the same rows: difference, delta and verdict of each task, and delta_m over tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding
from mtl.data.ragged import Ragged
from mtl.evaluation.bootstrap import interval
from mtl.evaluation.metrics import Array, gain, loss_form, needed_for
from mtl.evaluation.scoring import OURS, Labelled, Predictions, Scored, Truth, score_tasks
from mtl.evaluation.verdicts import Gain, Verdict, verdicts

RIVAL = "rival"


@dataclass(frozen=True)
class Difference:
    """One task of ours against the rival's.

    diff is in the metric's unit and delta_pct in percent of the rival's loss form, both signed so that up is better;
    None with a `reason` where undefined. Intervals are percentile, of this task alone; the verdict is corrected.
    """

    task: str
    metric: str
    n_test: int
    ours: float | None
    rival: float | None
    diff: float | None
    low: float | None
    high: float | None
    delta_pct: float | None
    delta_low: float | None
    delta_high: float | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Mean:
    """Mean delta over the tasks that have one, in percent, with its interval."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """All tasks, and delta_m."""

    tasks: dict[str, Difference]
    delta_m: Mean

    def having(self, verdict: Verdict) -> list[str]:
        """The tasks of this verdict."""
        return [name for name, one in self.tasks.items() if one.verdict == verdict]


def compare(
    tasks: Sequence[TaskEncoding],
    truth: Truth,
    labelled: Labelled,
    ours: Predictions,
    rival: Predictions,
    *,
    tolerance: float,
    confidence: float,
    resamples: int,
    seed: int,
    groups: np.ndarray[Any, Any] | None = None,
) -> Comparison:
    """Paired bootstrap of each task's headline metric over rows (over whole `groups` [rows] if given).

    truth and labelled: task -> [rows]; predictions as `Predictions`, on all rows. tolerance: share of the rival's loss
    form that counts as no loss, unless the task has its own. A task without a prediction on either side, without
    labels, or with an undefined metric is `cannot tell` with a reason.
    Raises DataError on a prediction that is not finite.
    """
    wanted = {task.name: needed_for(task.metric) for task in tasks}
    predictions = {OURS: ours, RIVAL: rival}
    scored = score_tasks(tasks, truth, labelled, predictions, resamples=resamples, seed=seed, groups=groups, wanted=wanted)
    return compared(scored, OURS, RIVAL, tolerance=tolerance, confidence=confidence)


def compared(scored: Sequence[Scored], ours: str, rival: str, *, tolerance: float, confidence: float) -> Comparison:
    """The same from tasks that are scored already, by the names of two rivals in them."""
    pairs = {one.task.name: _Pair.of(one, ours, rival) for one in scored}
    gains = {name: pair.question(tolerance) for name, pair in pairs.items()}
    said = verdicts(gains, confidence)
    tasks = {name: pair.difference(said[name], confidence) for name, pair in pairs.items()}
    return Comparison(tasks, _mean_delta(list(pairs.values()), confidence))


@dataclass(frozen=True)
class _Pair:
    """One task's numbers on both sides; `reason` says why there is no comparison."""

    scored: Scored
    ours: float | None
    rival: float | None
    reason: str
    diff: float = 0.0
    diffs: Array | None = None
    gain: float = 0.0
    gains: Array | None = None
    rival_loss: float = 0.0
    same: bool = False

    @classmethod
    def of(cls, one: Scored, ours: str, rival: str) -> _Pair:
        metric = one.task.metric
        values = [one.points[side][metric] if side in one.points else None for side in (ours, rival)]
        numbers = [None if value is None else value.value for value in values]
        lacking = next((f"no prediction of {side}" for side, value in zip((ours, rival), values) if value is None), "")
        reason = lacking or next((value.reason for value in values if value is not None and value.value is None), "")
        if reason:
            return cls(one, numbers[0], numbers[1], reason)
        point = {
            side: {m: np.asarray(v.value) for m, v in one.points[side].items() if v.value is not None} for side in (ours, rival)
        }
        draws = one.draws
        losses = {side: loss_form(metric, point[side]) for side in (ours, rival)}
        return cls(
            one, numbers[0], numbers[1], "",
            diff=float(gain(metric, point[ours][metric], point[rival][metric])),
            diffs=gain(metric, draws[ours][metric], draws[rival][metric]),
            gain=float(losses[rival] - losses[ours]),
            gains=loss_form(metric, draws[rival]) - loss_form(metric, draws[ours]),
            rival_loss=float(losses[rival]),
            same=_same(one.predicted[ours], one.predicted[rival]),
        )  # fmt: skip

    def question(self, tolerance: float) -> Gain | None:
        """What the verdict is asked of; the task's own tolerance comes before the gate's."""
        if self.gains is None:
            return None
        own = self.scored.task.tolerance
        margin = (tolerance if own is None else own) * self.rival_loss
        return Gain(self.gain, self.gains, margin, self.scored.units, self.same)

    @property
    def deltas(self) -> tuple[float, Array] | None:
        """delta in percent on test and in each resample, as shares of the rival's loss on test.

        The denominator is not resampled: a resample in which the rival happens to be perfect then divides by nothing,
        the sign is that of the difference, and swapping the rivals mirrors everything. Undefined against a rival
        without any loss, unless both have none.
        """
        if self.gains is None or (self.rival_loss <= 0 and not self.same):
            return None
        share = 100.0 / self.rival_loss if self.rival_loss > 0 else 0.0
        return self.gain * share, self.gains * share

    def difference(self, verdict: Verdict, confidence: float) -> Difference:
        task, n = self.scored.task, len(self.scored.rows)
        if self.diffs is None:
            nothing = (None,) * 6
            return Difference(task.name, task.metric, n, self.ours, self.rival, *nothing, verdict, self.reason)
        diff, delta = interval(self.diffs, confidence, self.diff), self.deltas
        shares: tuple[float | None, float | None, float | None] = (None, None, None)
        reason = "the rival has no loss to take a share of"
        if delta is not None:
            ends = interval(delta[1], confidence, delta[0])
            shares, reason = (delta[0], ends.low, ends.high), ""
        if diff.low is None:
            reason = "too few resamples with all classes or values"
        return Difference(
            task.name, task.metric, n, self.ours, self.rival, self.diff, diff.low, diff.high, *shares, verdict, reason
        )


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, Ragged):
        return np.array_equal(ours.offsets, theirs.offsets) and np.array_equal(ours.values, theirs.values)
    return np.array_equal(ours, theirs)


def _mean_delta(pairs: Sequence[_Pair], confidence: float) -> Mean:
    """delta_m; a resample takes the mean over the tasks that it defines."""
    deltas = [pair.deltas for pair in pairs]
    known = [delta for delta in deltas if delta is not None]
    if not known:
        return Mean(None, None, None)
    draws = np.stack([each for _, each in known])
    there = np.isfinite(draws)
    means = np.where(there, draws, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    value = float(np.mean([one for one, _ in known]))
    ends = interval(np.where(there.any(axis=0), means, np.nan), confidence, value)
    return Mean(value, ends.low, ends.high)


def as_json(one: Difference) -> Mapping[str, Any]:
    """The comparison's part of evaluation.json: everything but the two values, which stand with the metrics."""
    kept = ("diff", "low", "high", "delta_pct", "delta_low", "delta_high", "verdict")
    return {key: getattr(one, key) for key in kept} | ({"reason": one.reason} if one.reason else {})
