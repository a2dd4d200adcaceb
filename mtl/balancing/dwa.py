"""dwa: dynamic weight average (Liu, Johns & Davison 2019, arXiv:1803.10704, section 3.4).

λ_k(t) = K · softmax_k(w_k(t − 1) / temperature), w_k(t − 1) = L_k(t − 1) / L_k(t − 2): a task whose loss fell less over the
last two epochs weighs more (eq. 7). L_k(t) is its mean over the steps of epoch t, and w = 1 in the first two epochs. Groups
of tasks that share nothing have a softmax each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Balanced, Coupled


class DWA(Coupled):
    """A task that had no label in one of the two epochs has w = 1, as at the start."""

    total_loss: Tensor
    steps: Tensor
    means: Tensor
    lambdas: Tensor

    def __init__(self, tasks: Sequence[Balanced], *, temperature: float = 2.0) -> None:
        super().__init__(tasks)
        self.temperature = temperature
        self.register_buffer("total_loss", torch.zeros(len(tasks)))
        self.register_buffer("steps", torch.zeros(len(tasks)))
        self.register_buffer("means", torch.zeros(2, len(tasks)))  # of the last epoch, of the one before
        self.register_buffer("lambdas", torch.ones(len(tasks)))

    @torch.no_grad()
    def start_epoch(self, epoch: int) -> None:
        mean = self.total_loss / self.steps.clamp(min=1)
        self.means.copy_(torch.stack([mean, self.means[0]]))
        self.total_loss.zero_()
        self.steps.zero_()
        known = (self.means > 0).all(0)
        ratio = torch.where(known, self.means[0] / torch.where(known, self.means[1], 1), 1.0)
        for part in self.parts:
            self.lambdas[part] = len(ratio[part]) * torch.softmax(ratio[part] / self.temperature, 0)

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        self.total_loss += losses.detach()
        self.steps += present
        return (losses * self.lambdas).sum()

    def weights(self) -> Tensor:
        return self.lambdas
