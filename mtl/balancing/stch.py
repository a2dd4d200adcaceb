"""stch: smooth Tchebycheff scalarization (Lin et al. 2024, arXiv:2402.19078, eq. 9): μ log Σ exp(λ_i (f_i − z_i) / μ).

As the authors train networks with it: f = log(L / nadir), z = 0, λ = 1, times the number of tasks; the nadir of a loss is
its mean over one epoch, after `warmup` epochs. Until then the step is on Σ log L.
Groups of tasks that share nothing have a maximum each, and the loss is their sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl.balancing.base import Balanced, Coupled

LEAST = 1e-20
"""Added to each loss, as in the authors' code."""


class STCH(Coupled):
    """With μ → 0 only the task that is worst off counts, with large μ all alike. Sum and worst are over tasks present."""

    total_loss: Tensor
    steps: Tensor

    def __init__(self, tasks: Sequence[Balanced], *, mu: float = 1.0, warmup: float = 4) -> None:
        super().__init__(tasks)
        self.mu, self.warmup, self.epoch = mu, int(warmup), 1
        self.register_buffer("total_loss", torch.zeros(len(tasks)))
        self.register_buffer("steps", torch.zeros(len(tasks)))

    def start_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        logs = torch.where(present, losses + LEAST, 1).log()
        if self.epoch == self.warmup + 1:
            self.total_loss += losses.detach()
            self.steps += present
        if self.epoch <= self.warmup + 1:
            return logs.sum()
        nadir = torch.where(self.steps > 0, self.total_loss / self.steps.clamp(min=1), 1) + LEAST
        fallen = (logs - nadir.log()).masked_fill(~present, -torch.inf)
        return torch.stack([self._worst(fallen[part], present[part]) for part in self.parts]).sum()

    def _worst(self, fallen: Tensor, present: Tensor) -> Tensor:
        """Of one unit; 0 where none of its tasks is present."""
        return torch.where(present.any(), self.mu * torch.logsumexp(fallen / self.mu, 0) * present.sum(), 0)
