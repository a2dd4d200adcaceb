"""Early stopping: a unit (the whole network, or one task that shares nothing) stops when its score has not fallen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Stopping:
    """Best score of each unit and the epoch it was reached in. Lower is better."""

    patience: int
    score: list[float]
    epoch: list[int]

    @classmethod
    def of(cls, units: int, patience: int) -> Stopping:
        return cls(patience, [math.inf] * units, [0] * units)

    def improved(self, epoch: int, units: Sequence[int], scores: Sequence[float]) -> list[int]:
        """Note these scores of these units; returns the places in `units` of those that are at their best now."""
        better = [i for i, (unit, score) in enumerate(zip(units, scores, strict=True)) if score < self.score[unit]]
        for i in better:
            self.score[units[i]], self.epoch[units[i]] = scores[i], epoch
        return better

    def goes_on(self, epoch: int, unit: int) -> bool:
        return epoch - self.epoch[unit] < self.patience


class Planned(Stopping):
    """Of each unit it is known beforehand (`epoch`) in which epoch it stops, whose weights are the ones to keep."""

    def improved(self, epoch: int, units: Sequence[int], scores: Sequence[float]) -> list[int]:
        return [i for i, unit in enumerate(units) if self.epoch[unit] == epoch]

    def goes_on(self, epoch: int, unit: int) -> bool:
        return epoch < self.epoch[unit]


def mean_score(scores: Sequence[float | None]) -> float:
    """The mean of those that there are; ∞, which is never the best, without any."""
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else math.inf
