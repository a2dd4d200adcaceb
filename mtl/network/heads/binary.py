"""binary: one logit, cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head, mean_logit


class Binary(Head):
    """The probability of the positive class."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        logit = logits.squeeze(-1)
        return functional.binary_cross_entropy_with_logits(logit, targets.unsqueeze(-1).expand_as(logit), reduction="none")

    def imitation(self, logits: Tensor, soft: Tensor) -> Tensor:
        logit = logits.squeeze(-1)
        return functional.binary_cross_entropy_with_logits(logit, soft.expand_as(logit), reduction="none")

    def predictions(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits.squeeze(-1))

    def pooled(self, logits: Tensor) -> Tensor:
        return mean_logit(logits)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        return torch.logit(targets.mean(), eps=1e-6).reshape(1)
