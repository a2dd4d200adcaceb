"""binary: one logit, cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.heads.base import Head


class Binary(Head):
    """The probability of the positive class."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        logit = logits.squeeze(-1)
        return functional.binary_cross_entropy_with_logits(logit, targets.unsqueeze(-1).expand_as(logit), reduction="none")

    def decode(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits.squeeze(-1)).mean(-1)

    def constant(self, targets: Tensor, task: int) -> Tensor:
        return torch.logit(targets.mean(), eps=1e-6).reshape(1)
