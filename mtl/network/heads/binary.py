"""binary: one logit, cross-entropy; with class weights or focal loss where a task asks for them (`rare`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head, mean_logit
from mtl.network.heads.rare import asked, best_shares, gammas_of, of_rows, weights_of
from mtl.network.plan import TaskPlan


class Binary(Head):
    """The probability of the positive class."""

    weights: Tensor | None
    gammas: Tensor | None

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        self.rare = asked(tasks)
        self.register_buffer("weights", weights_of(tasks, 2), persistent=False)
        self.register_buffer("gammas", gammas_of(tasks), persistent=False)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        logit = logits.squeeze(-1)
        each = functional.binary_cross_entropy_with_logits(logit, targets.unsqueeze(-1).expand_as(logit), reduction="none")
        if self.gammas is not None:
            wrong = torch.where(targets.unsqueeze(-1) > 0.5, -logit, logit)
            each = each * torch.exp(self.gammas * functional.logsigmoid(wrong))
        return each if self.weights is None else each * of_rows(self.weights, targets)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Unweighted: the teacher learned by the same loss, so what it says holds the weights already."""
        logit = logits.squeeze(-1)
        return functional.binary_cross_entropy_with_logits(logit, soft.expand_as(logit), reduction="none")

    def predictions(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits.squeeze(-1))

    def pooled(self, logits: Tensor) -> Tensor:
        return mean_logit(logits)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        share = targets.mean()
        if self.rare[task]:
            mass = torch.stack([1 - share, share]) * (1 if self.weights is None else self.weights[task])
            share = best_shares(mass, 0.0 if self.gammas is None else float(self.gammas[task]))[1]
        return torch.logit(share, eps=1e-6).reshape(1)
