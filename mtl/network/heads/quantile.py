"""quantile: levels of a number's distribution that never cross, by the pinball loss (Koenker & Bassett 1978) on scaled targets.

The median is free; every other quantile lies a softplus away from its neighbour on the median's side, so that they rise with
the level in every row, also half-way through training (incremental quantiles: Park et al. 2022, AISTATS, arXiv:2111.06581).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head
from mtl.network.plan import TaskPlan

MEDIAN = 0.5
LEAST_STEP = 1e-3
"""Between neighbouring quantiles at the start, where train's are the same."""


class Quantile(Head):
    """Logits: the median, and in the columns of other levels what the softplus makes a step. A task's first columns are its
    own levels; its other quantiles are 0 and count nothing."""

    of_classes: ClassVar[bool] = False
    levels: Tensor
    shares: Tensor
    median: Tensor
    sums: Tensor
    steps: Tensor

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        levels = torch.stack([_padded(torch.tensor(task.levels), widest) for task in tasks])
        own = torch.stack([_padded(torch.ones(task.classes) / task.classes, widest) for task in tasks])
        sums = [_sums(task.levels) for task in tasks]
        tables = {
            "levels": levels[:, None, None, :],
            "shares": own[:, None, None, :],
            "median": (levels == MEDIAN)[:, None, None, :],
            "sums": torch.stack([_padded(one, widest, widest) for one in sums]),
            "steps": torch.stack([_padded(torch.linalg.inv(one), widest, widest) for one in sums]),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean over the task's levels."""
        above = targets[:, :, None, None] - self.predictions(logits)
        return (torch.maximum(self.levels * above, (self.levels - 1) * above) * self.shares).sum(-1)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """The mean over the task's levels of the squared distance to the teacher's quantile: a label lies on one side of a
        quantile or the other, the teacher's quantile is where this one should be."""
        return ((self.predictions(logits) - soft.unsqueeze(2)).square() * self.shares).sum(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        """[task, batch, member, level], rising."""
        parts = torch.where(self.median, logits, functional.softplus(logits))
        return _mapped(parts, self.sums)

    def pooled(self, logits: Tensor) -> Tensor:
        return self._logits(self.predictions(logits).mean(2, keepdim=True))

    def constant(self, targets: Tensor, task: int) -> Tensor:
        """Order statistics: of n labels the ⌈n · level⌉-th."""
        ordered, levels = targets.sort().values, self.levels[task].flatten()
        place = (torch.ceil(levels.double() * len(targets)).long() - 1).clamp(0, len(targets) - 1)
        found = torch.zeros_like(self.levels)
        found[task] = ordered[place]
        return self._logits(found)[task].flatten()

    def _logits(self, quantiles: Tensor) -> Tensor:
        """What `predictions` makes these quantiles of."""
        parts = _mapped(quantiles, self.steps)
        apart = parts.clamp(min=LEAST_STEP)
        return torch.where(self.median, parts, apart + torch.log(-torch.expm1(-apart)))  # the softplus's inverse


def _sums(levels: Sequence[float]) -> Tensor:
    """[part, level]: 1 or −1 where the part (the median, or a step away from it) is in the level's quantile, else 0."""
    middle, places = levels.index(MEDIAN), torch.arange(len(levels))
    part, level = places[:, None], places[None, :]
    up, down = (part > middle) & (part <= level), (part < middle) & (part >= level)
    return (part == middle).float() + up.float() - down.float()


def _mapped(parts: Tensor, table: Tensor) -> Tensor:
    """parts [task, batch, member, a] @ table [task, a, b]."""
    return (parts.flatten(1, 2) @ table.to(parts)).view(*parts.shape[:3], table.shape[-1])


def _padded(table: Tensor, *shape: int) -> Tensor:
    found = torch.zeros(shape)
    found[tuple(slice(size) for size in table.shape)] = table
    return found
