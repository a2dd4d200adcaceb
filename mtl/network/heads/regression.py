"""regression: the mean squared error on scaled targets."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from mtl.network.heads.base import Head


class Regression(Head):
    """One number a task, in units of the target's spread on train."""

    of_classes: ClassVar[bool] = False

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.squeeze(-1) - targets.unsqueeze(-1)).square()

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        return (logits.squeeze(-1) - soft).square()

    def predictions(self, logits: Tensor) -> Tensor:
        return logits.squeeze(-1)

    def pooled(self, logits: Tensor) -> Tensor:
        return logits.mean(2, keepdim=True)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        return targets.mean().reshape(1)
