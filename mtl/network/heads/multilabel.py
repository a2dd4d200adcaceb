"""multilabel: one logit a class, each a yes or no of its own; binary cross-entropy, the mean over the task's classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import ListedHead, mean_logit
from mtl.network.plan import TaskPlan


class Multilabel(ListedHead):
    """The probability of each class; those a task does not have get exactly 0, and are no part of its loss."""

    counted: Tensor

    def __init__(self, tasks: Sequence[TaskPlan], width: int, widest: int, members: int = 1) -> None:
        super().__init__(tasks, width, widest, members)
        classes = torch.tensor([task.classes for task in tasks])[:, None]
        counted = (torch.arange(widest) < classes) / classes
        self.register_buffer("counted", counted[:, None, None, :], persistent=False)

    @staticmethod
    def outputs(classes: int) -> int:
        return classes

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).masked_fill(self.counted == 0, -torch.inf)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self._crossed(logits, held(targets, logits.shape[-1]).to(logits.dtype))

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        return self._crossed(logits, soft)

    def _crossed(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Logits [task, batch, member, class] and probabilities [task, batch, class] → [task, batch, member]."""
        known = logits.masked_fill(self.counted == 0, 0)
        each = functional.binary_cross_entropy_with_logits(known, soft.unsqueeze(2).expand_as(known), reduction="none")
        return (each * self.counted).sum(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def pooled(self, logits: Tensor) -> Tensor:
        known = logits.masked_fill(self.counted == 0, 0)  # −inf of all members has no gradient
        return mean_logit(known).masked_fill(self.counted == 0, -torch.inf)

    def usual(self, times: Tensor, rows: int, task: int) -> Tensor:
        share = times.to(self.weight.dtype) / rows
        return torch.logit(share, eps=1e-6).masked_fill(self.counted[task].flatten() == 0, -torch.inf)


def held(lists: Tensor, classes: int) -> Tensor:
    """Numbers from 1, int64 [..., longest], 0 behind their end → bool [..., classes]: whether a list holds the class."""
    found = torch.zeros(*lists.shape[:-1], classes + 1, dtype=torch.bool, device=lists.device)
    return found.scatter_(-1, lists, True)[..., 1:]
