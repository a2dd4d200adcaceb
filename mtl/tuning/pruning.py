"""When a trial is given up: the median rule, for one valid split as for folds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from optuna.study import Study

EPOCHS = 1_000_000
"""More than any part has: step = part · EPOCHS + epoch."""
FIRST = 4
"""Finished trials before one can be given up."""


def step_of(part: int, epoch: int) -> int:
    return part * EPOCHS + epoch


def part_and_epoch(step: int) -> tuple[int, int]:
    return divmod(step, EPOCHS)


class MedianOfParts(BasePruner):
    """The median stopping rule (Golovin et al. 2017, Google Vizier, 3.2.2) as Optuna's MedianPruner has it, over folds.

    A trial ends when its best score so far is worse than the median of what finished trials had by then. Two things
    differ from Optuna's, both without effect where every trial has every epoch and there is one part: a finished trial
    that stopped early counts with its last score, and a trial is judged by its latest value (which is the best of every
    part so far), since a mean over two folds does not compare with one over the first alone. `warmup`: epochs of each
    part in which no trial ends.
    """

    def __init__(self, warmup: int, first: int = FIRST) -> None:
        self.warmup, self.first = warmup, first

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        if step is None:
            return False
        return self.is_worse(step, trial.intermediate_values[step], study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def is_worse(self, step: int, score: float, finished: Sequence[FrozenTrial]) -> bool:
        """Whether a trial with this score at `step` ends, given those that were measured to the end."""
        if part_and_epoch(step)[1] <= self.warmup:
            return False
        others = [value for one in finished if (value := by_then(one.intermediate_values, step)) is not None]
        return len(others) >= self.first and score > float(np.median(others))


def by_then(values: dict[int, float], step: int) -> float | None:
    """The value at `step`, or the last before it in the same part; None if that part was never begun."""
    steps = sorted(values)
    at = bisect_right(steps, step) - 1
    if at < 0 or part_and_epoch(steps[at])[0] != part_and_epoch(step)[0]:
        return None
    return values[steps[at]]
