"""normalized: each loss over its running value, so that all are about 1 and none counts more for its unit.

The running value is the mean over the task's own steps with weights that fall by `decay` a step (without a bias towards
the start, as Adam's moments; Kingma & Ba 2015, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Balanced, Scalarization

LEAST = 1e-12
"""Of a running value, so that a task that is done does not divide by 0."""


class Normalized(Scalarization):
    """A step counts for a task only where it has labels in the batch."""

    running: Tensor
    counted: Tensor

    def __init__(self, tasks: Sequence[Balanced], *, decay: float = 0.99) -> None:
        super().__init__(tasks)
        self.decay = decay
        self.register_buffer("running", torch.zeros(len(tasks)))
        self.register_buffer("counted", torch.zeros(len(tasks)))

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        share = (1 - self.decay) * present.to(losses.dtype)
        self.running += share * (losses.detach() - self.running)
        self.counted += share * (1 - self.counted)
        return (losses * torch.where(present, self.weights(), 0)).sum()

    def weights(self) -> Tensor:
        return torch.where(self.counted > 0, self.counted / self.running.clamp(min=LEAST), 1)
