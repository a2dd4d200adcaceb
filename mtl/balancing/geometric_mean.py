"""geometric_mean: geometric loss strategy (Chennupati, Sistu, Yogamani & Rawashdeh 2019, arXiv:1904.08492, eq. 2).

L = (Π L_i)^(1/n): no task's scale matters, only by what share its loss falls. Here the n tasks present; groups that
share nothing have a mean each, and their sum is the loss: in one product each would scale the other's step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.balancing.base import Coupled

LEAST = 1e-20
"""Of a loss, below which its logarithm is not followed."""


class GeometricMean(Coupled):
    """The mean in logarithms, so that many small losses do not underflow."""

    def total(self, losses: Tensor, present: Tensor) -> Tensor:
        logs = torch.where(present, losses, 1).clamp(min=LEAST).log()
        return (self.sums(logs) / self.sums(present).clamp(min=1)).exp().sum()
