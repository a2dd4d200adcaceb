"""uncertainty: homoscedastic uncertainty (Kendall, Gal & Cipolla 2018, arXiv:1705.07115).

With s = log σ² learned for each task: regression exp(−s)·L/2 + s/2 (their eq. 5), classes exp(−s)·L + s/2 (eq. 10).
At a loss L that stays, s comes to log L for a number and to log 2L for classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtl.balancing.base import Balanced, Scalarization


class Uncertainty(Scalarization):
    """Learned weights; a task without a label in the batch leaves its own s alone too."""

    factor: Tensor

    def __init__(self, tasks: Sequence[Balanced]) -> None:
        super().__init__(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(tasks)))
        self.register_buffer("factor", torch.tensor([1.0 if task.of_classes else 0.5 for task in tasks]), persistent=False)

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        s = self.log_variance
        return ((self.factor * torch.exp(-s) * losses + s / 2) * present).sum()

    def weights(self) -> Tensor:
        return (self.factor * torch.exp(-self.log_variance)).detach()
