"""multiclass: one logit a class, cross-entropy; with class weights or focal loss where a task asks for them (`rare`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head
from mtl.network.heads.rare import asked, best_shares, gammas_of, of_rows, weights_of
from mtl.network.plan import TaskPlan


class Multiclass(Head):
    """Probabilities of all classes; those a task does not have get exactly 0."""

    beyond: Tensor
    weights: Tensor | None
    gammas: Tensor | None

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        beyond = torch.arange(self.outputs(widest)) >= torch.tensor([task.classes for task in tasks])[:, None]
        self.register_buffer("beyond", beyond[:, None, None, :], persistent=False)
        self.rare = asked(tasks)
        self.register_buffer("weights", weights_of(tasks, widest), persistent=False)
        self.register_buffer("gammas", gammas_of(tasks), persistent=False)

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).masked_fill(self.beyond, -torch.inf)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        chosen = targets[:, :, None, None] == torch.arange(logits.shape[-1], device=logits.device)
        whole = torch.logsumexp(logits, -1)
        each = whole - torch.where(chosen, logits, 0).sum(-1)
        if self.gammas is not None:
            log_wrong = torch.logsumexp(logits.masked_fill(chosen, -torch.inf), -1) - whole
            each = each * torch.exp(self.gammas * log_wrong)
        return each if self.weights is None else each * of_rows(self.weights, targets)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Unweighted: the teacher learned by the same loss, so what it says holds the weights already."""
        known = logits.masked_fill(self.beyond, 0)  # 0 · −inf is no number
        return torch.logsumexp(logits, -1) - (soft.unsqueeze(2) * known).sum(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        return functional.softmax(logits, -1)

    def pooled(self, logits: Tensor) -> Tensor:
        each = functional.log_softmax(logits, -1).masked_fill(self.beyond, 0)  # −inf of all members has no gradient
        return torch.logsumexp(each, 2, keepdim=True).masked_fill(self.beyond, -torch.inf)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        counts = torch.bincount(targets.long(), minlength=self.weight.shape[-1]).to(targets.dtype)
        if self.rare[task]:
            mass = (counts + 1e-6) * (1 if self.weights is None else self.weights[task])
            shares = best_shares(mass * ~self.beyond[task].flatten(), 0.0 if self.gammas is None else float(self.gammas[task]))
            return torch.log(shares).masked_fill(self.beyond[task].flatten(), -torch.inf)
        return torch.log((counts + 1e-6) / len(targets)).masked_fill(self.beyond[task].flatten(), -torch.inf)
