"""multiclass: one logit a class, cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head


class Multiclass(Head):
    """Probabilities of all classes; those a task does not have get exactly 0."""

    beyond: Tensor

    def __init__(self, classes: Sequence[int], width: int, widest: int, members: int = 1) -> None:
        super().__init__(classes, width, widest, members)
        beyond = torch.arange(self.outputs(widest)) >= torch.tensor(classes)[:, None]
        self.register_buffer("beyond", beyond[:, None, None, :], persistent=False)

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).masked_fill(self.beyond, -torch.inf)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        chosen = targets[:, :, None, None] == torch.arange(logits.shape[-1], device=logits.device)
        return torch.logsumexp(logits, -1) - torch.where(chosen, logits, 0).sum(-1)

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        known = logits.masked_fill(self.beyond, 0)  # 0 · −inf is no number
        return torch.logsumexp(logits, -1) - (soft.unsqueeze(2) * known).sum(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        return functional.softmax(logits, -1)

    def pooled(self, logits: Tensor) -> Tensor:
        each = functional.log_softmax(logits, -1).masked_fill(self.beyond, 0)  # −inf of all members has no gradient
        return torch.logsumexp(each, 2, keepdim=True).masked_fill(self.beyond, -torch.inf)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        counts = torch.bincount(targets.long(), minlength=self.weight.shape[-1]).to(targets.dtype)
        return torch.log((counts + 1e-6) / len(targets)).masked_fill(self.beyond[task].flatten(), -torch.inf)
